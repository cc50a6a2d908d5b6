"""A run's model as MLflow knows models: a folder with an `MLmodel` file, and the model's files or where they are."""

import json
import shutil
import sys
import uuid
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from weighbridge import __version__
from weighbridge.common import files
from weighbridge.common.digests import folder_digest
from weighbridge.tracking.entry import ModelReference
from weighbridge.tracking.loader import COPY_FOLDER, REFERENCE_FILE

if TYPE_CHECKING:
    from mlflow.models import Model

_LIBRARIES = ("tensorflow", "tfx-bsl", "scikit-learn", "mlflow-skinny", "pandas")


def write_model(reference: ModelReference, run_id: str, target: Path, copied_up_to: float) -> "Model":
    """Describe a model in a folder that MLflow's client can upload.

    The files are copied where they are still here, are those that were weighed, are not too large, and are not in
    MLflow's registry already.

    Args:
        reference: the model.
        run_id: MLflow's, of the run that made it.
        target: folder to fill.
        copied_up_to: size in bytes up to which its files are copied.

    Returns:
        The description, for MLflow's list of the run's models.
    """
    from mlflow.models import Model

    here = Path(reference.folder) if reference.folder else None
    whole = here is not None and here.is_dir() and folder_digest(here) == reference.digest
    copied = here if whole and reference.bytes <= copied_up_to and not reference.in_mlflow else None
    if copied is not None:
        shutil.copytree(copied, target / COPY_FOLDER)
    else:
        target.mkdir(parents=True, exist_ok=True)
    told = reference.model_copy(update={"copied": copied is not None})
    files.write_text(target / REFERENCE_FILE, told.model_dump_json(indent=2, exclude={"folder"}) + "\n")
    files.write_text(target / "requirements.txt", "\n".join(_requirements()) + "\n")
    python = "{}.{}.{}".format(*sys.version_info[:3])
    environment = {"python": python, "dependencies": ["-r requirements.txt"]}
    files.write_text(target / "python_env.yaml", json.dumps(environment) + "\n")  # JSON is YAML
    model = Model(
        artifact_path="model",
        run_id=run_id,
        model_uuid=uuid.uuid5(uuid.NAMESPACE_URL, f"{run_id}/{reference.digest}").hex,
        metadata={"weighbridge": {"digest": reference.digest, "address": reference.address}},
        model_size_bytes=reference.bytes or None,
    )
    model.add_flavor(
        "python_function",
        loader_module="weighbridge.tracking.loader",
        python_version=python,
        env={"virtualenv": "python_env.yaml"},
    )
    place = COPY_FOLDER if copied is not None else reference.address
    if reference.kind == "saved_model" and (copied is not None or reference.in_folder):
        model.add_flavor(
            "tensorflow",
            saved_model_dir=place,
            meta_graph_tags=["serve"],
            signature_def_key=reference.signature,
            model_type="tf1-estimator",  # as MLflow calls what is used through a signature
            code="",
        )
    model.save(str(target / "MLmodel"))
    return model


def _requirements() -> list[str]:
    found = [f"weighbridge=={__version__}"]
    for name in _LIBRARIES:
        try:
            found.append(f"{name}=={metadata.version(name)}")
        except metadata.PackageNotFoundError:
            continue
    return found
