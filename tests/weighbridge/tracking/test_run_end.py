"""No server, whatever it does, changes how a run ends, or keeps it waiting; what it was to be told is kept."""

import importlib.util
import time
from pathlib import Path

import pytest

from tests.blackhole import Blackhole
from tests.weighbridge.tracking.answering import answering
from tests.weighbridge.tracking.ended import end_run, entry_of, same
from weighbridge.common import files
from weighbridge.common.errors import ExitCode, UsageError
from weighbridge.tracking import probe, sending
from weighbridge.tracking.entry import ENTRY_FILE

NOT_THERE = b'{"error_code": "RESOURCE_DOES_NOT_EXIST"}'


@pytest.fixture
def started(monkeypatch) -> list[Path]:
    """The folders that a process was started for; none is."""
    folders: list[Path] = []
    monkeypatch.setattr(sending, "start", folders.append)
    return folders


@pytest.fixture
def unlogged(tmp_path):
    """The same run without MLflow."""
    return end_run(tmp_path / "unlogged")


def test_without_the_variable_nothing_is_kept(tmp_path, started):
    outcome = end_run(tmp_path)
    assert not (outcome.run.folder / ENTRY_FILE).exists()
    assert (outcome.tracking, outcome.warnings, started) == ("", (), [])


def test_a_server_that_answers_is_sent_the_run_in_the_background(tmp_path, monkeypatch, started):
    with answering(404, NOT_THERE) as answers:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", answers.uri)
        outcome = end_run(tmp_path)
    assert outcome.tracking == f"MLflow: sending to {answers.uri}, experiment taxi"
    assert outcome.warnings == ()
    assert started == [outcome.run.folder]
    assert answers.asked[0][0].endswith("/experiments/get-by-name?experiment_name=taxi")


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (401, "the credentials are not taken (HTTP 401)"),
        (403, "the credentials are not taken (HTTP 403)"),
        (429, "HTTP 429"),
        (500, "HTTP 500"),
        (503, "HTTP 503"),
        (507, "HTTP 507"),
        (302, "HTTP 302"),
    ],
)
def test_a_server_that_refuses_is_told_later(tmp_path, monkeypatch, started, unlogged, status, told):
    with answering(status, Retry_After="3600") as answers:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", answers.uri)
        outcome = end_run(tmp_path)
    [warning] = outcome.warnings
    assert warning == f"MLflow not reached at {answers.uri} ({told}): kept, `weighbridge sync taxi` sends it"
    assert (outcome.tracking, started, len(answers.asked)) == ("", [], 1)
    assert entry_of(outcome).state == "unsent"
    assert outcome.exit_code == ExitCode.PASSED == unlogged.exit_code


def test_a_server_that_is_down_is_told_later(tmp_path, monkeypatch, started):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    outcome = end_run(tmp_path, passes=False)
    assert "(connection refused): kept" in outcome.warnings[0]
    assert outcome.exit_code == ExitCode.REFUSED
    assert entry_of(outcome).state == "unsent"


def test_a_run_ends_as_it_does_without_mlflow(tmp_path, monkeypatch, started):
    before = end_run(tmp_path)
    (tmp_path / "taxi").rename(tmp_path / "elsewhere")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    assert same(before, end_run(tmp_path))


def test_a_server_that_never_answers_is_not_waited_for(tmp_path, monkeypatch, started):
    hole = Blackhole()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://{hole.address}")
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    outcome = end_run(tmp_path)
    hole.close()
    assert "(no answer within 0.5 s): kept" in outcome.warnings[0]
    assert started == [outcome.run.folder], "a process that nobody waits for is more patient"
    assert probe.BUDGET_S < 1


def test_names_that_take_long_to_resolve_are_not_waited_for(tmp_path, monkeypatch, started):
    import socket
    import threading

    let_go = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *given, **more: let_go.wait() and [])
    monkeypatch.setattr(probe, "BUDGET_S", 0.05)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow.example.com")
    answer = probe.ask(sending.tracking_server(), "taxi", 0.05)
    let_go.set()
    assert answer.state == "slow"


def test_a_run_in_an_error_keeps_its_error(tmp_path, monkeypatch, started):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    outcome = end_run(tmp_path, error=UsageError("The column fare is gone"))
    assert (outcome.exit_code, outcome.error.message) == (ExitCode.USAGE, "The column fare is gone")
    assert entry_of(outcome).tags["weighbridge.verdict"] == "failed"


def test_a_disk_without_room_for_it_costs_the_run_nothing(tmp_path, monkeypatch, started, unlogged):
    whole = files.write_bytes

    def full(path, data):
        if Path(path).name == ENTRY_FILE:
            raise OSError(28, "No space left on device", str(path))
        return whole(path, data)

    monkeypatch.setattr(files, "write_bytes", full)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    outcome = end_run(tmp_path)
    assert (outcome.exit_code, outcome.error) == (ExitCode.PASSED, None)
    assert "nothing of this run is kept" in outcome.warnings[0]


def test_a_process_that_cannot_be_started_costs_the_run_nothing(tmp_path, monkeypatch):
    def fails(folder):
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(sending, "start", fails)
    with answering(404, NOT_THERE) as answers:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", answers.uri)
        outcome = end_run(tmp_path)
    assert outcome.exit_code == ExitCode.PASSED
    assert "cannot be sent" in outcome.warnings[0]
    assert entry_of(outcome).state == "unsent"


@pytest.mark.parametrize("what", ["client", "setting"])
def test_what_cannot_be_sent_from_here_is_kept(tmp_path, monkeypatch, started, what):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    if what == "client":
        monkeypatch.setattr(importlib.util, "find_spec", lambda name, package=None: None)
    else:
        monkeypatch.setenv("WEIGHBRIDGE_MLFLOW_MODELS", "all")
    outcome = end_run(tmp_path)
    told = {"client": "uv pip install 'weighbridge[mlflow]'", "setting": "WEIGHBRIDGE_MLFLOW_MODELS='all'"}[what]
    assert told in outcome.warnings[0]
    assert entry_of(outcome).state == "unsent"


def test_a_backtest_tells_nobody(tmp_path, monkeypatch, started):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("WEIGHBRIDGE_HOOKS", "off")
    outcome = end_run(tmp_path)
    assert not (outcome.run.folder / ENTRY_FILE).exists()
    assert outcome.warnings == ()


def test_what_is_kept_is_there_before_the_run_has_ended(tmp_path, monkeypatch, started):
    """Killed in between, a run that counts as ended has been kept."""
    from weighbridge.runs.record import Run

    saved = Run.save
    states: list[tuple[str, bool]] = []

    def save(run):
        states.append((run.record.state, (run.folder / ENTRY_FILE).exists()))
        saved(run)

    monkeypatch.setattr(Run, "save", save)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    end_run(tmp_path)
    assert states[-1] == ("passed", True)


@pytest.mark.parametrize(
    ("variables", "header"),
    [
        ({"MLFLOW_TRACKING_USERNAME": "ada", "MLFLOW_TRACKING_PASSWORD": "lovelace"}, "Basic YWRhOmxvdmVsYWNl"),
        ({"MLFLOW_TRACKING_TOKEN": "abcdefgh"}, "Bearer abcdefgh"),
    ],
)
def test_mlflows_own_variables_authenticate(tmp_path, monkeypatch, started, variables, header):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with answering(404, NOT_THERE) as answers:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", answers.uri)
        end_run(tmp_path)
    assert answers.asked[0][1]["Authorization"] == header


def test_mlflows_own_file_of_credentials_authenticates(tmp_path, monkeypatch, started):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".mlflow").mkdir()
    kept = "[mlflow]\nmlflow_tracking_username = ada\nmlflow_tracking_password = lo%velace\n"
    (tmp_path / ".mlflow/credentials").write_text(kept)
    with answering(404, NOT_THERE) as answers:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", answers.uri)
        end_run(tmp_path / "work")
    assert answers.asked[0][1]["Authorization"].startswith("Basic ")


def test_gc_leaves_what_mlflow_has_not_been_told(tmp_path, monkeypatch, started):
    from weighbridge.runs.garbage import find_garbage
    from weighbridge.runs.workspace import Workspace

    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    outcomes = [end_run(tmp_path, number) for number in range(3)]
    entry_of(outcomes[0]).became(outcomes[0].run.folder, "sent")
    assert find_garbage(Workspace(tmp_path, "taxi"), {}, keep=1).runs == (outcomes[0].run.folder,)
