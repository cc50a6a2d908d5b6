"""`weighbridge.run`, as a notebook or a program calls it, on pipelines of small components."""

import os
import signal
import threading
from pathlib import Path

import pytest

import weighbridge
from tests.test_imports import HEAVY, loaded_after
from tests.weighbridge.local import tiny
from tests.weighbridge.local.test_run import TINY, calls
from tests.weighbridge.runs.hooked import install, seen
from weighbridge.common import interruption
from weighbridge.common.digests import tree_digest
from weighbridge.common.errors import ExitCode, InfrastructureError, UsageError

__all__ = ["calls"]

DELIVERING = "tests.weighbridge.local.delivering"

COMPONENTS = """
from pathlib import Path

from tfx.dsl.component.experimental.annotations import OutputArtifact
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Examples

from edited.work import CONTENT
from weighbridge.verdict import Gate, write_gates


@component
def First(examples: OutputArtifact[Examples]) -> None:
    Path(examples.uri, "data").write_text(CONTENT)
    write_gates(examples.uri, [Gate(name="a.b.c", status="passed", observed=CONTENT, message="m")])
"""
PIPELINE = """
from weighbridge import definition


class Parameters(definition.Parameters):
    data: str = "none"


def create_pipeline(parameters, context):
    from edited.components import First

    return context.pipeline([First()])
"""


@pytest.fixture
def edited(tmp_path, monkeypatch):
    """A pipeline beside a notebook, whose working directory this is."""
    folder = tmp_path / "beside/edited"
    folder.mkdir(parents=True)
    (folder / "pipeline.py").write_text(PIPELINE)
    (folder / "components.py").write_text(COMPONENTS)
    (folder / "work.py").write_text('CONTENT = "one"\n')
    monkeypatch.chdir(folder.parent)
    monkeypatch.syspath_prepend(str(folder.parent))
    return folder


def test_a_run_is_returned_and_prints_nothing(workdir, calls, capfd):
    run = weighbridge.run(TINY, rows=7, note="2", workdir=workdir)
    assert run.passed
    assert run.exit_code == ExitCode.PASSED
    assert (run.parameters["rows"], run.parameters["note"]) == (7, "2")
    assert run.folder.is_relative_to(workdir)
    assert run.report.read_text().startswith("<!DOCTYPE html>")
    assert list(run.steps.name) == ["Count", "Use"]
    assert list(run.gates.name) == ["data.rows.min", "quality.size.min"]
    assert calls() == ["Count", "Use"]
    assert capfd.readouterr() == ("", "")
    again = weighbridge.run(TINY, settings={"rows": 7, "note": "2"}, workdir=workdir)
    assert again.unchanged
    assert again.id == run.id
    assert calls() == []


def test_the_work_directory_is_the_commands(workdir, monkeypatch):
    monkeypatch.setenv("WEIGHBRIDGE_WORKDIR", str(workdir))
    assert weighbridge.run(tiny).folder.is_relative_to(workdir)
    assert [run.pipeline for run in weighbridge.runs()] == ["tiny"]


def test_a_refusal_is_a_result_and_hooks_are_called(workdir, tmp_path, monkeypatch):
    install(tmp_path / "site", monkeypatch, a="fail", b="note")
    run = weighbridge.run(TINY, rows=3, workdir=workdir)
    assert (run.passed, run.state, run.exit_code) == (False, "refused", ExitCode.REFUSED)
    assert [gate.name for gate in run.verdict.refusals] == ["data.rows.min"]
    assert run.warnings == ("hook a failed: ConnectionError: nobody answers",)
    assert [each["state"] for each in seen(tmp_path / "site")] == ["refused"]
    assert "REFUSED  tiny experiment" in repr(run)
    assert "data.rows.min" in repr(run)
    assert run.metrics.empty
    assert run.latency.empty


def test_errors_are_those_of_the_command(workdir, tmp_path):
    with pytest.raises(UsageError, match="no parameter 'row'"):
        weighbridge.run(TINY, row=3, workdir=workdir)
    with pytest.raises(weighbridge.UsageError, match="Count failed: ValueError: the first line"):
        weighbridge.run(TINY, fail="Count", workdir=workdir)
    with pytest.raises(UsageError, match="nothing_of_that_name"):
        weighbridge.run("nothing_of_that_name", workdir=tmp_path)
    with pytest.raises(InfrastructureError, match="No space left on device"):
        weighbridge.run(TINY, fail="Use", workdir=workdir)
    failed = weighbridge.runs(workdir=workdir)[-1]
    assert (failed.state, failed.verdict, failed.passed) == ("failed", None, False)
    assert "No space left" in repr(failed)
    assert "No space left" in failed._repr_html_()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"pipeline": tiny.create_pipeline}, "create_pipeline' is not a pipeline"),
        ({"pipeline": TINY, "rows": 1, "settings": {"rows": 2}}, "rows is given twice"),
        ({"pipeline": TINY, "rows": {1}}, "rows is a set"),
        ({"pipeline": TINY, "data": {"a": [1]}}, "data is a dict: a run reads files"),
        ({"pipeline": TINY, "push": True, "sample": 0.5}, "push=True and sample exclude each other"),
    ],
)
def test_what_cannot_be_is_said_before_anything_runs(workdir, calls, given, message):
    with pytest.raises(UsageError, match=message):
        weighbridge.run(**given, workdir=workdir)
    assert calls() == []


def test_an_experiment_is_weighed_against_production_and_touches_nothing_of_it(workdir, calls):
    pushed = weighbridge.run(DELIVERING, weight="first", workdir=workdir, push=True)
    assert (pushed.kind, pushed.delivered.version, pushed.delivered.stage) == ("run", "1", "production")
    record = workdir / "delivering/production/production.json"
    before = record.read_bytes(), tree_digest(workdir / "delivering")
    experiment = weighbridge.run(DELIVERING, weight="second", workdir=workdir)
    assert (experiment.passed, experiment.kind) == (True, "experiment")
    assert not experiment.delivered.destination
    assert experiment.verdict.subject["production"] == pushed.verdict.subject["model"]
    assert experiment.steps.set_index("name").loc["Pusher", "note"] == "an experiment pushes nothing"
    refused = weighbridge.run(DELIVERING, weight="third", quality=0.1, workdir=workdir)
    assert not refused.passed
    # Everything of the pipeline but the folder that experiments have to themselves is as it was, byte for byte.
    apart = workdir / "delivering/rehearsal"
    apart.rename(workdir / "aside")
    assert (record.read_bytes(), tree_digest(workdir / "delivering")) == before
    (workdir / "aside").rename(apart)
    assert weighbridge.run(DELIVERING, weight="first", workdir=workdir, push=True).unchanged
    assert [run.kind for run in weighbridge.runs(DELIVERING, workdir=workdir)] == ["run", "experiment", "experiment"]


def test_a_plan_of_an_experiment_says_that_nothing_is_pushed(workdir, calls):
    weighbridge.run(DELIVERING, weight="first", workdir=workdir, push=True)
    calls()
    plan = weighbridge.plan(DELIVERING, weight="second", workdir=workdir)
    assert (plan.base.kind, plan.pushes) == ("production", False)
    assert weighbridge.plan(DELIVERING, weight="second", workdir=workdir, push=True).pushes
    assert "an experiment pushes nothing" in repr(plan)
    assert "Would run" in plan._repr_html_()
    assert calls() == []


def test_code_that_was_edited_between_two_runs_is_what_runs(workdir, edited):
    first = weighbridge.run("./edited/pipeline.py", workdir=workdir)
    assert list(first.gates.observed) == ["one"]
    # Of the same length and within the second: neither size nor time of the bytecode tells.
    (edited / "work.py").write_text('CONTENT = "two"\n')
    second = weighbridge.run("./edited/pipeline.py", workdir=workdir)
    assert not second.unchanged
    assert list(second.gates.observed) == ["two"]
    assert (second.outputs["examples"] / "data").read_text() == "two"
    assert weighbridge.run("./edited/pipeline.py", workdir=workdir).unchanged


def test_an_interrupted_kernel_ends_the_run_in_good_order(workdir, edited):
    (edited / "work.py").write_text("import signal\n\nsignal.raise_signal(signal.SIGINT)\n")
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt, match="Interrupted\nRun again: finished steps are kept"):
        weighbridge.run("./edited/pipeline.py", workdir=workdir)
    assert signal.getsignal(signal.SIGINT) is before
    assert not interruption.asked()
    assert weighbridge.runs(workdir=workdir)[-1].state == "failed"
    (edited / "work.py").write_text('CONTENT = "one"\n')
    assert weighbridge.run("./edited/pipeline.py", workdir=workdir).passed


def test_it_runs_beside_the_main_thread_and_inside_an_event_loop(workdir):
    import asyncio

    async def cell():
        return weighbridge.run(TINY, workdir=workdir)

    found = []
    thread = threading.Thread(target=lambda: found.append(weighbridge.run(TINY, rows=8, workdir=workdir)))
    thread.start()
    thread.join()
    assert found[0].passed
    assert asyncio.run(cell()).passed


def test_naming_it_loads_nothing_heavy():
    assert not loaded_after("import weighbridge; weighbridge.run, weighbridge.runs, weighbridge.plan") & HEAVY
    assert not loaded_after("import weighbridge; weighbridge.runs(workdir='/nothing')") & HEAVY
    assert "weighbridge.api" not in loaded_after("import weighbridge")


def test_rooms_whose_names_are_calls_are_rooms_still():
    """`weighbridge.runs` is a package and a function; so is `weighbridge.plan`."""
    import inspect

    import weighbridge.plan.model
    import weighbridge.runs.record

    assert weighbridge.runs.record.RUN_FILE == "run.json"
    assert weighbridge.plan.model.Plan is not None
    assert {"pipeline", "last", "workdir"} <= inspect.signature(weighbridge.runs).parameters.keys()
    assert "base" in inspect.signature(weighbridge.plan).parameters


def test_paths_may_be_paths(workdir, edited):
    assert weighbridge.run(Path("edited/pipeline.py"), workdir=os.fspath(workdir)).passed
