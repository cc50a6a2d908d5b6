"""Commands stay quick because nothing heavy loads before it is needed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import weighbridge.components

HEAVY = {"tensorflow", "tfx", "apache_beam", "kfp", "pyarrow", "numpy", "pandas", "keras", "tfx_bsl", "rich.live"}
FOLDERS = sorted(path.parent.name for path in Path(weighbridge.components.__path__[0]).glob("*/__init__.py"))


def loaded_after(code: str) -> set[str]:
    """Top-level modules that a new process has loaded after `code`."""
    script = f"import sys, json\n{code}\nsys.stderr.write('\\n' + json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(json.loads(done.stderr.splitlines()[-1]))


def test_help_loads_nothing_heavy():
    code = """
sys.argv = ["weighbridge", "--help"]
from weighbridge.cli.main import main
try:
    main()
except SystemExit as stopped:
    assert stopped.code == 0
"""
    assert not loaded_after(code) & HEAVY


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_component_folder_imports_without_tfx(folder):
    assert not loaded_after(f"import weighbridge.components.{folder}") & HEAVY


def test_a_pipeline_definition_loads_without_tfx():
    assert not loaded_after("from weighbridge.definition import load; load('taxi').parameters()") & HEAVY


def test_what_tfx_is_used_for_is_there():
    """TFX turns what it cannot import into None; a surprise must show here and not in a run."""
    from tfx.components import Transform
    from tfx.dsl.components.base import base_component, base_executor, executor_spec
    from tfx.orchestration.portable import base_driver, execution_publish_utils, launcher, merge_utils
    from tfx.types import standard_artifacts

    assert Transform is not None
    assert issubclass(base_component.BaseComponent, object)
    assert base_executor.BaseExecutor
    assert executor_spec.ExecutorClassSpec
    assert base_driver.BaseDriver
    # The local runner overrides or calls these; a rename in a newer TFX would go unnoticed otherwise.
    assert launcher.Launcher._publish_successful_execution
    assert merge_utils.merge_updated_output_artifacts
    assert execution_publish_utils.publish_succeeded_execution
    for name in ("Examples", "ExampleStatistics", "Schema", "ExampleAnomalies", "Model", "ModelRun", "ModelEvaluation"):
        assert getattr(standard_artifacts, name)
    for name in ("ModelBlessing", "InfraBlessing", "PushedModel"):
        assert getattr(standard_artifacts, name)
