"""An edited function runs again, and only what depends on it; each run is a process of its own, as a user's is."""

import pytest

from tests.command_line import start
from tests.patience import PATIENCE_S
from weighbridge.runs.workspace import find_run

pytestmark = pytest.mark.slow

PIPELINE = """
from weighbridge import definition


class Parameters(definition.Parameters):
    data: str = "none"


def create_pipeline(parameters, context):
    from mine.first import First
    from mine.second import Second

    first = First()
    return context.pipeline([first, Second(examples=first.outputs["examples"])])
"""

FIRST = """
from pathlib import Path

from tfx.dsl.component.experimental.annotations import OutputArtifact
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Examples

from weighbridge.verdict import Gate, write_gates
from mine.work import content


@component
def First(examples: OutputArtifact[Examples]) -> None:
    Path(examples.uri, "data").write_text(content())
    write_gates(examples.uri, [Gate(name="a.b.c", status="passed", message="m")])
"""

SECOND = """
from pathlib import Path

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Examples, Model


@component
def Second(examples: InputArtifact[Examples], model: OutputArtifact[Model]) -> None:
    Path(model.uri, "model").write_text("m")
"""


@pytest.fixture
def mine(tmp_path):
    package = tmp_path / "mine"
    package.mkdir()
    for name, text in {"__init__": "", "pipeline": PIPELINE, "first": FIRST, "second": SECOND}.items():
        (package / f"{name}.py").write_text(text)
    (package / "work.py").write_text("def content():\n    return 'one'\n")
    return package


def test_edited_code_runs_again_and_only_what_depends_on_it(mine, workdir):
    def run():
        process = start("run", "mine.pipeline", workdir=workdir, cwd=mine.parent)
        out, _ = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, out
        return out, {step.name: step.state for step in find_run(workdir).record.steps}

    assert run()[1] == {"First": "done", "Second": "done"}
    assert "Nothing changed" in run()[0]

    (mine / "README.md").write_text("Documentation trains nothing.\n")
    assert "Nothing changed" in run()[0]

    # Another text, the same output: the edited step runs, what comes after it does not.
    (mine / "work.py").write_text("def content():\n    return 'on' + 'e'\n")
    assert run()[1] == {"First": "done", "Second": "cached"}

    (mine / "work.py").write_text("def content():\n    return 'two'\n")
    assert run()[1] == {"First": "done", "Second": "done"}
