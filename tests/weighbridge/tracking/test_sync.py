"""`weighbridge sync` where nothing is to be sent, and where no server takes anything."""

import json
import os
import subprocess
import sys

import pytest

from tests.command_line import ROOT
from tests.weighbridge.tracking.answering import answering
from tests.weighbridge.tracking.ended import end_run, entry_of

NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def kept(workdir, monkeypatch):
    """A run that no server was there for."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", NOWHERE)
    return end_run(workdir)


def test_nothing_was_ever_kept(weighbridge, workdir):
    done = weighbridge("sync")
    assert (done.code, done.err) == (0, "")
    assert "no run here was kept for MLflow" in done.out


def test_nothing_is_left(weighbridge, kept):
    entry_of(kept).became(kept.run.folder, "sent")
    done = weighbridge("sync")
    assert (done.code, done.out) == (0, "Nothing to send: MLflow has 1 run of 1.\n")


def test_a_server_that_is_down_is_worth_another_try(weighbridge, kept):
    done = weighbridge("sync")
    assert done.code == 3
    assert f"MLflow not reached at {NOWHERE}: connection refused" in done.err
    assert "weighbridge sync again" in done.err
    assert entry_of(kept).state == "unsent"


@pytest.mark.parametrize(("status", "code"), [(401, 2), (403, 2), (429, 3), (500, 3), (503, 3)])
def test_a_server_that_refuses(weighbridge, kept, monkeypatch, status, code):
    with answering(status, Retry_After="3600") as answers:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", answers.uri)
        done = weighbridge("sync")
    assert (done.code, len(answers.asked)) == (code, 1)
    assert f"HTTP {status}" in done.err
    assert ("MLFLOW_TRACKING_USERNAME" in done.err) == (code == 2)


def test_a_server_that_fails_in_the_middle_is_not_asked_for_every_run(weighbridge, kept, workdir, monkeypatch):
    end_run(workdir, 1)
    monkeypatch.setattr("weighbridge.cli.sync._check_reached", lambda server: None)
    with answering(507, b"disk is full") as answers:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", answers.uri)
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        done = weighbridge("sync", "--json")
    assert done.code == 3
    document = json.loads(done.out)
    assert [len(document[name]) for name in ("sent", "left")] == [0, 2]
    assert len(answers.asked) == 1
    assert entry_of(kept).error


def test_a_verdict_that_was_changed_since_is_not_sent(weighbridge, kept, monkeypatch):
    verdict = kept.run.folder / "verdict.json"
    verdict.write_text(verdict.read_text().replace("refused", "passed"))
    verdict.write_text(verdict.read_text() + " ")
    with answering(200) as answers:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", answers.uri)
        done = weighbridge("sync")
    assert (done.code, len(answers.asked)) == (2, 1)
    assert "is not the verdict that run" in done.out


def test_half_a_file_of_a_run_keeps_no_other_from_being_sent(weighbridge, kept, workdir, monkeypatch):
    other = end_run(workdir, 1)
    path = kept.run.folder / "mlflow.json"
    path.write_bytes(path.read_bytes()[:500])
    tried = []
    monkeypatch.setattr("weighbridge.cli.sync._check_reached", lambda server: None)
    monkeypatch.setattr("weighbridge.tracking.client.send", lambda folder, entry, server: tried.append(folder) or entry)
    done = weighbridge("sync")
    assert done.code == 2
    assert "is not a valid mlflow.json" in done.out
    assert tried == [other.run.folder]


def test_without_the_variable_it_says_what_is_kept(weighbridge, kept, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    done = weighbridge("sync")
    assert done.code == 2
    assert "1 run of 1 in" in done.err
    assert "export MLFLOW_TRACKING_URI=" in done.err


def test_only_the_pipeline_that_is_named(weighbridge, kept):
    assert weighbridge("sync", "recommender").code == 0
    assert weighbridge("sync", "taxi").code == 3


def test_a_mistyped_name_is_guessed_at(weighbridge, kept):
    done = weighbridge("sync", "taxy")
    assert done.code == 2
    assert "No pipeline 'taxy' has run in" in done.err
    assert "Did you mean 'taxi'?" in done.err


def test_show_says_what_has_become_of_it(weighbridge, kept):
    assert "has not been told yet: `weighbridge sync` sends it" in weighbridge("show").err
    entry_of(kept).became(kept.run.folder, "sent", page="https://mlflow/#/experiments/1/runs/2")
    assert "MLflow: https://mlflow/#/experiments/1/runs/2" in weighbridge("show").out


def test_python_says_what_has_become_of_it(kept):
    from weighbridge.api.result import Run

    assert "has not been told yet" in Run(kept.run).tracking
    entry_of(kept).became(kept.run.folder, "sent", page="https://mlflow/#/experiments/1/runs/2")
    assert Run(kept.run).tracking == "MLflow: https://mlflow/#/experiments/1/runs/2"


def test_doctor_says_what_is_kept_and_that_nobody_answers(kept, workdir):
    from weighbridge.doctor.tracking import mlflow

    waiting, server = mlflow(str(workdir))
    assert (waiting.state, waiting.mend) == ("warning", "weighbridge sync")
    assert (server.state, server.retryable) == ("wrong", True)


@pytest.mark.parametrize(
    ("status", "body", "state"),
    [(404, b"RESOURCE_DOES_NOT_EXIST", "ok"), (200, b"{}", "ok"), (401, b"", "wrong"), (404, b"nginx", "wrong")],
)
def test_doctor_says_what_the_server_answers(tmp_path, monkeypatch, status, body, state):
    from weighbridge.doctor.tracking import mlflow

    with answering(status, body) as answers:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", answers.uri)
        [found] = mlflow(str(tmp_path))
    assert found.state == state


def test_where_nothing_is_sent_mlflow_is_not_loaded(kept, workdir):
    code = (
        "import sys\nfrom weighbridge.cli import main\nsys.argv = ['weighbridge', 'sync']\n"
        "try: main.main()\nexcept SystemExit: pass\n"
        "print(sorted({'mlflow', 'tensorflow', 'tfx', 'pandas'} & set(sys.modules)))"
    )
    environment = os.environ | {"WEIGHBRIDGE_WORKDIR": str(workdir), "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.endswith("[]\n")
