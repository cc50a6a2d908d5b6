"""Hooks that are called when a run has ended: what they are given, and what they cannot do."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.weighbridge.runs.hooked import install, seen
from weighbridge.common.errors import ExitCode, UsageError
from weighbridge.runs.display import SilentDisplay
from weighbridge.runs.finish import copy_reports, run_to_end
from weighbridge.runs.hooks import HOOKS_FILE, read_warnings
from weighbridge.runs.outcome import RunOutcome
from weighbridge.runs.record import Run, RunRecord
from weighbridge.verdict import Gate, Verdict, passed_if


class Recorded(SilentDisplay):
    """Keeps what is shown."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def step_started(self, name: str) -> None:
        self.lines.append(name)

    def step_progress(self, message: str) -> None:
        self.lines.append(message)

    def ended(self) -> None:
        self.lines.append("ended")


@pytest.fixture
def run(tmp_path) -> Run:
    made = Run(
        tmp_path / "runs/run-1", RunRecord(run_id="run-1", pipeline="shop", module="", started=datetime.now(UTC))
    )
    made.save()
    return made


def end(run: Run, passed: bool = True, display: SilentDisplay | None = None, error: BaseException | None = None):
    def work() -> Verdict:
        if error:
            raise error
        gate = Gate(name="quality.auc.min", status=passed_if(passed), observed=0.5, message="auc is 0.5.")
        return Verdict.of([gate], pipeline="shop", run_id=run.record.run_id, subject={})

    return run_to_end(run, display or SilentDisplay(), work, {})


def results(run: Run) -> dict[str, str]:
    return {each["name"]: each["state"] for each in json.loads((run.folder / HOOKS_FILE).read_text())}


def test_a_hook_is_given_the_finished_run(run, tmp_path, monkeypatch):
    install(tmp_path / "site", monkeypatch, note="note")
    outcome = end(run)
    assert (outcome.exit_code, outcome.warnings) == (ExitCode.PASSED, ())
    [given] = seen(tmp_path / "site")
    assert {"verdict.json", "run.json", "report.html", "report.md", "junit.xml"} <= set(given.pop("files"))
    assert given == {
        "pipeline": "shop",
        "run_id": "run-1",
        "kind": "run",
        "state": "passed",
        "steps": [],
        "error": "",
        "passed": True,
        "exit_code": 0,
        "url": "",
    }
    assert results(run) == {"note": "done"}


def test_a_run_that_ends_in_an_error_has_hooks_too(run, tmp_path, monkeypatch):
    install(tmp_path / "site", monkeypatch, note="note")
    outcome = end(run, error=UsageError("the data are wrong"))
    assert outcome.exit_code == ExitCode.USAGE
    [given] = seen(tmp_path / "site")
    assert (given["state"], given["passed"], given["exit_code"]) == ("failed", None, 2)
    assert given["error"] == "the data are wrong"


def test_nothing_is_looked_for_before_a_run_ends(run, tmp_path, monkeypatch):
    install(tmp_path / "site", monkeypatch, note="note")
    assert "hooked_package" not in sys.modules
    end(run)
    assert "hooked_package" in sys.modules


@pytest.mark.parametrize(
    ("function", "message"), [("fail", "ConnectionError: nobody answers"), ("leave", "SystemExit: 0")]
)
@pytest.mark.parametrize("passed", [True, False])
def test_a_hook_that_raises_is_a_warning_and_changes_nothing_else(
    run, tmp_path, monkeypatch, capfd, passed, function, message
):
    install(tmp_path / "site", monkeypatch, a=function, b="note")
    outcome = end(run, passed)
    assert outcome.exit_code == (ExitCode.PASSED if passed else ExitCode.REFUSED)
    assert outcome.warnings == (f"hook a failed: {message}",)
    assert results(run) == {"a": "failed", "b": "done"}
    assert read_warnings(run.folder) == outcome.warnings
    assert "Traceback" in capfd.readouterr().err  # which the callers keep in the run's log
    assert len(seen(tmp_path / "site")) == 1
    assert Run.read(run.folder).record.exit_code == int(outcome.exit_code)


def test_a_hook_that_is_not_there_is_a_warning(run, tmp_path, monkeypatch):
    install(tmp_path / "site", monkeypatch, a="nothing_of_that_name")
    outcome = end(run)
    assert outcome.exit_code == ExitCode.PASSED
    [warning] = outcome.warnings
    assert "hook a failed: AttributeError" in warning


def test_no_hook_makes_a_pass_of_a_refusal(run, tmp_path, monkeypatch):
    install(tmp_path / "site", monkeypatch, a="cheat", b="note")
    outcome = end(run, passed=False)
    assert outcome.exit_code == ExitCode.REFUSED
    assert outcome.warnings == ("hook a failed: it changed verdict.json, run.json, junit.xml, now put back",)
    assert outcome.verdict is not None
    assert not outcome.verdict.passed
    assert not Verdict.read(run.folder / "verdict.json").passed
    assert (run.folder / "verdict.json").read_bytes() == outcome.verdict.canonical()
    assert Run.read(run.folder).record.exit_code == 1
    assert "quality.auc.min" in (run.folder / "junit.xml").read_text()
    [given] = seen(tmp_path / "site")  # nor is the next one told lies
    assert (given["passed"], given["exit_code"], given["state"]) == (False, 1, "refused")


def test_a_slow_hook_shows_its_progress(run, tmp_path, monkeypatch):
    install(tmp_path / "site", monkeypatch, mail="slow")
    display = Recorded()
    end(run, display=display)
    assert display.lines == ["hook mail", "1 of 2 sent", "2 of 2 sent", "ended"]


def test_an_interrupted_hook_ends_the_hooks_and_not_the_run(run, tmp_path, monkeypatch):
    install(tmp_path / "site", monkeypatch, a="interrupt", b="note")
    outcome = end(run, passed=False)
    assert outcome.exit_code == ExitCode.REFUSED
    assert outcome.warnings == ("hook a was interrupted", "hook b was skipped")
    assert seen(tmp_path / "site") == []


def test_hooks_can_be_switched_off(run, tmp_path, monkeypatch):
    install(tmp_path / "site", monkeypatch, note="note")
    monkeypatch.setenv("WEIGHBRIDGE_HOOKS", "off")
    end(run)
    assert seen(tmp_path / "site") == []
    assert not (run.folder / HOOKS_FILE).exists()


def test_without_hooks_a_run_has_no_file_of_them(run):
    assert end(run).warnings == ()
    assert not (run.folder / HOOKS_FILE).exists()
    assert read_warnings(run.folder) == ()


def test_a_damaged_list_of_results_is_said(tmp_path):
    (tmp_path / HOOKS_FILE).write_text("[{]")
    assert read_warnings(tmp_path) == (f"{tmp_path / HOOKS_FILE} cannot be read",)


def test_what_hooks_did_is_copied_with_the_reports(run, tmp_path, monkeypatch):
    install(tmp_path / "site", monkeypatch, a="fail")
    end(run)
    copy_reports(run.folder, tmp_path / "kept")
    assert read_warnings(tmp_path / "kept/run-1") == ("hook a failed: ConnectionError: nobody answers",)


def test_reports_that_cannot_be_copied_are_a_usage_error(run, tmp_path):
    end(run)
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(UsageError, match=r"--reports: .*taken/run-1 cannot be written"):
        copy_reports(run.folder, tmp_path / "taken")


def test_code_that_exits_has_not_passed(run):
    outcome: RunOutcome = end(run, error=SystemExit(0))
    assert outcome.exit_code == ExitCode.USAGE
    assert outcome.error is not None
    assert "SystemExit" in outcome.error.message
    assert Run.read(run.folder).record.state == "failed"
    assert not Path(run.folder, "verdict.json").exists()
