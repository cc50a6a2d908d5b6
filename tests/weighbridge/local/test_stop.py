"""A run that is asked to end, by a build server (SIGTERM) or at the terminal (SIGINT): exit 3, and it goes on later."""

import signal

import pytest

from tests.command_line import start
from tests.patience import PATIENCE_S, wait_until
from tests.weighbridge.local.tiny import CALLS
from weighbridge.runs.workspace import find_run

pytestmark = pytest.mark.slow

PIPELINE = """
from weighbridge import definition
from tests.weighbridge.local.tiny import Parameters


def create_pipeline(parameters, context):
    from tests.weighbridge.local.tiny_components import Count
    from waiting.wait import Wait

    counted = Count(rows=parameters.rows, threshold=parameters.threshold)
    return context.pipeline([counted, Wait(examples=counted.outputs["examples"])])
"""

WAIT = """
import time
from pathlib import Path

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Examples, Model


@component
def Wait(examples: InputArtifact[Examples], model: OutputArtifact[Model]) -> None:
    Path("waiting-now").touch()
    while not Path("go").exists():
        time.sleep(0.05)
    Path(model.uri, "model").write_text("m")
"""


@pytest.mark.parametrize("asked", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_like_ctrl_c_and_goes_on_when_started_again(tmp_path, workdir, asked):
    package = tmp_path / "waiting"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "pipeline.py").write_text(PIPELINE)
    (package / "wait.py").write_text(WAIT)
    environment = {CALLS: str(tmp_path / "calls")}
    process = start("run", "waiting.pipeline", workdir=workdir, cwd=tmp_path, **environment)
    wait_until(lambda: (tmp_path / "waiting-now").exists() or process.poll() is not None)
    process.send_signal(asked)
    out, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 3, out
    assert "Interrupted" in out
    assert "Run again: finished steps are kept." in out
    record = find_run(workdir).record
    assert (record.state, record.exit_code) == ("failed", 3)
    assert [(step.name, step.state) for step in record.steps] == [("Count", "done"), ("Wait", "failed")]

    (tmp_path / "go").touch()
    process = start("run", "waiting.pipeline", workdir=workdir, cwd=tmp_path, **environment)
    out, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, out
    assert [step.state for step in find_run(workdir).record.steps] == ["cached", "done"]
