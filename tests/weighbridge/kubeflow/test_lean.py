"""A step loads what its executor needs, and no more."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.command_line import ROOT

_LOADED = """
import sys
from weighbridge.kubeflow.step import lean
lean.load_tfx('my.Executor')
import weighbridge.kubeflow.step.executor
import {module}
print(*[name for name in ("tensorflow", "apache_beam", "kfp", "pandas") if name in sys.modules])
"""


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("component", ["data_validator", "evaluator", "production_model", "pusher", "trainer"])
def test_an_executor_of_ours_loads_neither_tensorflow_nor_beam(component: str) -> None:
    assert run(_LOADED.format(module=f"weighbridge.components.{component}.component")) == ""


def test_tensorflow_and_its_file_access_are_there_for_whoever_needs_them(tmp_path: Path) -> None:
    path = tmp_path / "there"
    path.touch()
    code = f"""
import sys
from weighbridge.kubeflow.step import lean
lean.load_tfx('my.Executor')
from tfx.dsl.io import fileio
assert fileio.exists({str(path)!r}) and "tensorflow" not in sys.modules
try:
    fileio.exists("hdfs://nowhere/x")
except Exception as error:
    assert "hdfs" in str(error).lower() or "scheme" in str(error).lower(), error
assert "tensorflow" in sys.modules
from tfx.dsl.io import filesystem_registry
registry = filesystem_registry.DEFAULT_FILESYSTEM_REGISTRY
print(registry.get_filesystem_for_path("gs://b/x").__name__, registry.get_filesystem_for_path("/x").__name__)
"""
    assert run(code) == "TensorflowFilesystem LocalFilesystem"
