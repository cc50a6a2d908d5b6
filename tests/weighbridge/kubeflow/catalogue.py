"""Our components as others have them: written to a folder, and used by a Python that knows neither us nor TFX."""

import datetime
import json
import os
import subprocess
from pathlib import Path
from typing import Any

from weighbridge.kubeflow.catalogue.write import write_catalogue

IMAGE = f"ghcr.io/kubeflow/weighbridge@sha256:{'ab' * 32}"
TODAY = datetime.datetime.now(datetime.UTC).date()

# `sitecustomize` of every Python that is started by `python_without_us`.
_WITHOUT_US = """
import sys

class Refusing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("weighbridge", "tfx", "tensorflow", "apache_beam"):
            raise ImportError(f"{name} is not there for those who load our components")

sys.meta_path.insert(0, Refusing())
"""


def write(folder: Path) -> Path:
    """Write the catalogue to where `kfp_components` is imported from; returns the folder for `PYTHONPATH`."""
    write_catalogue(folder / "kfp_components", image=IMAGE, owners=["somebody", "somebody-else"], verified=TODAY)
    (folder / "sitecustomize.py").write_text(_WITHOUT_US)
    return folder


def python_without_us(python: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a Python to which the catalogue in `folder` is there, and we are not."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    return subprocess.run(
        [python, "-P", *arguments],
        env=environment | {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


# Compiles all components and all example pipelines into the folder that it is given.
COMPILE_ALL = """
import importlib, json, pathlib, sys
import kfp
from kfp import compiler

folder = pathlib.Path(sys.argv[1])
names = []
for path in sorted(folder.glob("kfp_components/components/*/*/component.py")):
    module = ".".join(path.parent.relative_to(folder).parts)
    [name] = importlib.import_module(module).__all__
    compiler.Compiler().compile(getattr(importlib.import_module(module), name), str(folder / f"{name}.yaml"))
    examples = importlib.import_module(f"{module}.example_pipelines")
    compiler.Compiler().compile(getattr(examples, f"{name}_pipeline"), str(folder / f"{name}_pipeline.yaml"))
    names.append(name)
try:
    import weighbridge
except ImportError:
    print(json.dumps({"kfp": kfp.__version__, "names": names}))
"""


def compile_all(python: str, folder: Path) -> Any:
    """Compile everything in a catalogue; the version of kfp, and the names of the components."""
    done = python_without_us(python, folder, "-c", COMPILE_ALL, str(folder))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])
