"""What MLflow needs beside a model's files to load it: `MLmodel` and `requirements.txt`. Imports no mlflow and no tfx.

The exported files stay as they are, in a folder of their own, so their digest stays the one that was weighed. A
SavedModel gets MLflow's `tensorflow` and `python_function` flavours, called by its signature. Models of other kinds are
kept and versioned as well, but only their own library loads them.
"""

import importlib.metadata
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from weighbridge.common import files
from weighbridge.storage.registry.registry import DATA_FOLDER

SIGNATURE = "serving_default"  # TensorFlow Serving's, too


def write_mlflow_files(model: Path, folder: Path, run_id: str) -> list[Path]:
    """Write what belongs beside `data/` of a model in MLflow's form.

    Args:
        model: the exported model.
        folder: where to write.
        run_id: MLflow's run that holds the model.

    Returns:
        The files.
    """
    described: dict[str, Any] = {
        "artifact_path": "model",
        "flavors": {},
        "run_id": run_id,
        "utc_time_created": datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f"),
    }
    wanted = ""
    if (model / "saved_model.pb").is_file():
        wanted = f"tensorflow=={_version('tensorflow')}\n" if _version("tensorflow") else "tensorflow\n"
        described["flavors"] = {
            # What MLflow calls a SavedModel that is called by a signature, and not as a Keras model.
            "tensorflow": {
                "model_type": "tf1-estimator",
                "saved_model_dir": DATA_FOLDER,
                "meta_graph_tags": ["serve"],
                "signature_def_key": SIGNATURE,
            },
            "python_function": {"loader_module": "mlflow.tensorflow", "python_version": platform.python_version()},
        }
    if version := _version("mlflow-skinny") or _version("mlflow"):
        described["mlflow_version"] = version
    return [
        files.write_text(folder / "MLmodel", yaml.safe_dump(described, sort_keys=True)),
        files.write_text(folder / "requirements.txt", wanted),
    ]


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""
