"""`weighbridge.run`, as a notebook calls it."""

import pytest

import weighbridge
from tests.test_imports import HEAVY, loaded_after
from tests.weighbridge.local.test_run import TINY, calls
from tests.weighbridge.runs.hooked import install, seen
from weighbridge.common.errors import ExitCode, UsageError

__all__ = ["calls"]


def test_a_run_returns_how_it_ended_and_prints_nothing(workdir, calls, capfd):
    outcome = weighbridge.run(TINY, settings={"rows": 7, "note": "2"}, workdir=workdir)
    assert outcome.exit_code == ExitCode.PASSED
    assert outcome.verdict.passed
    assert (outcome.run.record.parameters["rows"], outcome.run.record.parameters["note"]) == (7, "2")
    assert outcome.run.folder.is_relative_to(workdir)
    assert calls() == ["Count", "Use"]
    assert capfd.readouterr() == ("", "")
    again = weighbridge.run(TINY, settings={"rows": 7, "note": "2"}, workdir=workdir)
    assert again.unchanged
    assert calls() == []


def test_a_refusal_is_an_outcome_and_hooks_are_called(workdir, tmp_path, monkeypatch):
    install(tmp_path / "site", monkeypatch, a="fail", b="note")
    outcome = weighbridge.run(TINY, settings={"rows": 3}, workdir=workdir)
    assert outcome.exit_code == ExitCode.REFUSED
    assert [gate.name for gate in outcome.verdict.refusals] == ["data.rows.min"]
    assert outcome.warnings == ("hook a failed: ConnectionError: nobody answers",)
    assert [each["state"] for each in seen(tmp_path / "site")] == ["refused"]


def test_errors_are_those_of_the_command(workdir, tmp_path):
    with pytest.raises(UsageError, match="no parameter 'row'"):
        weighbridge.run(TINY, settings={"row": 3}, workdir=workdir)
    with pytest.raises(UsageError, match="Count failed: ValueError: the first line"):
        weighbridge.run(TINY, settings={"fail": "Count"}, workdir=workdir)
    with pytest.raises(UsageError, match="nothing_of_that_name"):
        weighbridge.run("nothing_of_that_name", workdir=tmp_path)


def test_naming_it_loads_nothing_heavy():
    assert not loaded_after("import weighbridge; weighbridge.run") & HEAVY
