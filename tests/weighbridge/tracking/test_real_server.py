"""A real MLflow server is told of runs: all of each, once, whoever is killed in between."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.command_line import ROOT
from tests.mlflow_server import MlflowServer
from tests.patience import PATIENCE_S, wait_until
from tests.weighbridge.tracking.ended import SECRET, end_run, entry_of
from weighbridge.common.errors import InfrastructureError
from weighbridge.runs.outcome import RunOutcome
from weighbridge.tracking import client as sender
from weighbridge.tracking import sending
from weighbridge.tracking.entry import Entry

pytestmark = pytest.mark.slow


@pytest.fixture
def told(tracking_server: MlflowServer, monkeypatch) -> MlflowServer:
    """The server; runs keep what it is to be told, and begin to send nothing by themselves."""
    for name, value in tracking_server.settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sending, "start", lambda folder: None)
    return tracking_server


def there(pipeline: str) -> list[Any]:
    """The runs of an experiment, the last first."""
    from mlflow.tracking import MlflowClient

    client = MlflowClient()
    experiment = client.get_experiment_by_name(pipeline)
    return list(client.search_runs([experiment.experiment_id])) if experiment else []


def is_whole(outcome: RunOutcome, once: bool = True) -> bool:
    """Whether MLflow has one run of this, with every value (only once), the datasets, the reports and the model."""
    from mlflow.tracking import MlflowClient

    client = MlflowClient()
    entry = entry_of(outcome)
    runs = [each for each in there(entry.experiment) if each.data.tags["weighbridge.run_id"] == entry.run_id]
    if len(runs) != 1:
        return False
    [run] = runs
    keys = {point.key for point in entry.metrics}
    asked = sorted(keys & set(run.data.metrics)) if once else []
    history = [each for key in asked for each in client.get_metric_history(run.info.run_id, key)]
    artifacts = {each.path for each in client.list_artifacts(run.info.run_id)}
    model = {each.path for each in client.list_artifacts(run.info.run_id, "model")}
    return (
        run.info.status == entry.status
        and run.data.params == entry.parameters
        and set(run.data.metrics) == keys
        and sorted((each.key, each.step, each.value) for each in history)
        == sorted((point.key, point.step, point.value) for point in entry.metrics if once)
        and entry.tags.items() <= run.data.tags.items()
        and [each.dataset.name for each in run.inputs.dataset_inputs] == [each.name for each in entry.datasets]
        and {"report.html", "report.md", "verdict.json", "junit.xml", "charts", "model"} <= artifacts
        and {"model/MLmodel", "model/weighbridge.json", "model/data"} <= model
    )


def test_all_of_a_run_is_there(weighbridge, workdir, told):
    outcome = end_run(workdir, pipeline="whole")
    done = weighbridge("sync")
    assert (done.code, done.err) == (0, "")
    entry = entry_of(outcome)
    assert entry.page.startswith(f"{told.uri}/#/experiments/")
    assert done.out == f"✓ {entry.run_id}  whole  {entry.page}\nSent 1 run; nothing is left.\n"
    assert is_whole(outcome)
    [run] = there("whole")
    assert run.info.run_name == entry.run_id
    assert (run.info.start_time, run.info.end_time) == (entry.started_ms, entry.ended_ms)
    assert run.data.tags["mlflow.note.content"].startswith("**✓ PASSED** run of whole")
    assert SECRET not in json.dumps(run.to_dictionary())


def test_a_refused_run_has_failed_there(weighbridge, workdir, told):
    refused = end_run(workdir, pipeline="refused", passes=False)
    assert weighbridge("sync").code == 0
    assert is_whole(refused)
    [run] = there("refused")
    assert (run.info.status, run.data.tags["weighbridge.verdict"]) == ("FAILED", "refused")


def test_nothing_is_sent_twice(weighbridge, workdir, told):
    outcomes = [end_run(workdir, number, pipeline="twice") for number in range(2)]
    assert weighbridge("sync").code == 0
    sent = [run.info.run_id for run in there("twice")]
    for outcome in outcomes:  # as if it had been killed before it could keep that it was sent
        entry_of(outcome).became(outcome.run.folder, "unsent")
    assert weighbridge("sync").code == 0
    assert [run.info.run_id for run in there("twice")] == sent
    assert all(map(is_whole, outcomes))
    assert weighbridge("sync").out == "Nothing to send: MLflow has 2 runs of 2.\n"


@pytest.mark.parametrize("part", ["_log_values", "_log_files"])
def test_what_was_sent_in_part_is_completed(weighbridge, workdir, told, monkeypatch, part):
    outcome = end_run(workdir, pipeline=f"part{part}")
    whole = getattr(sender, part)

    def half(*given: Any) -> None:
        whole(*given)
        raise ConnectionError("the cable was cut")

    with monkeypatch.context() as cut:
        cut.setattr(sender, part, half)
        done = weighbridge("sync")
    assert (done.code, entry_of(outcome).state) == (3, "unsent")
    assert "the cable was cut" in entry_of(outcome).error
    [run] = there(f"part{part}")
    assert run.info.status == "RUNNING", "it has not ended there before all of it is there"
    assert weighbridge("sync").code == 0
    assert is_whole(outcome)


def test_a_killed_process_leaves_what_the_next_completes(weighbridge, workdir, told):
    outcomes = [end_run(workdir, number, pipeline="killed") for number in range(2)]
    for known, (outcome, pause_s) in enumerate(zip(outcomes, (0.0, 0.2), strict=True)):
        _kill_when_begun(outcome.run.folder, known, pause_s)
    assert weighbridge("sync").code == 0
    assert len(there("killed")) == 2
    assert all(map(is_whole, outcomes))


def _kill_when_begun(folder: Path, known: int, pause_s: float) -> None:
    """Kill the process that sends a run some time after the run is there; `known` others are there before."""
    command = [sys.executable, "-m", "weighbridge.tracking", str(folder)]
    process = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(ROOT)})
    wait_until(lambda: process.poll() is not None or len(there("killed")) > known, "a run there")
    time.sleep(pause_s)
    process.send_signal(signal.SIGKILL)
    process.wait()


def test_two_at_once_leave_one_run(workdir, told):
    outcome = end_run(workdir, pipeline="race")
    environment = os.environ | {"PYTHONPATH": str(ROOT), "WEIGHBRIDGE_WORKDIR": str(workdir)}
    command = [sys.executable, "-m", "weighbridge", "sync"]
    both = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    told_by = [process.communicate(timeout=PATIENCE_S)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sum("✓" in text for text in told_by) == 1
    assert is_whole(outcome)


def test_a_run_sends_itself_and_what_is_left_of_others(workdir, tracking_server, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    left = end_run(workdir, 0, pipeline="background")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracking_server.uri)
    outcome = end_run(workdir, 1, pipeline="background")
    assert outcome.tracking == f"MLflow: sending to {tracking_server.uri}, experiment background"
    wait_until(lambda: entry_of(outcome).state == "sent" and entry_of(left).state == "sent", "the runs in MLflow")
    assert is_whole(outcome)
    assert is_whole(left)


def test_a_server_asks_for_a_password(weighbridge, workdir, tracking_server_with_auth, monkeypatch):
    server = tracking_server_with_auth
    for name, value in {**server.settings, "MLFLOW_TRACKING_PASSWORD": "not-the-password"}.items():
        monkeypatch.setenv(name, value)
    outcome = end_run(workdir, pipeline="asked")
    assert "the credentials are not taken (HTTP 401)): kept" in outcome.warnings[0]
    done = weighbridge("sync")
    assert done.code == 2
    assert "MLFLOW_TRACKING_USERNAME" in done.err
    assert "not-the-password" not in done.err + done.out + (outcome.run.folder / Entry.FILE).read_text()
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", server.password)
    assert weighbridge("sync").code == 0
    assert is_whole(outcome, once=False)  # each request is a password to be hashed


def test_a_server_whose_disk_is_full_is_told_later(weighbridge, workdir, told, monkeypatch):
    from mlflow.tracking import MlflowClient

    outcome = end_run(workdir, pipeline="full")

    def full(*given: Any) -> None:
        raise InfrastructureError("No space left on device")

    with monkeypatch.context() as cut:
        cut.setattr(MlflowClient, "log_artifact", full)
        assert weighbridge("sync").code == 3
    assert weighbridge("sync").code == 0
    assert is_whole(outcome)


def test_what_is_too_large_for_a_proxy_is_left_out_or_referred_to(weighbridge, workdir, told, monkeypatch):
    import requests
    from mlflow.tracking import MlflowClient

    outcome = end_run(workdir, pipeline="large")
    file, folder = MlflowClient.log_artifact, MlflowClient.log_artifacts

    def too_large() -> requests.HTTPError:
        answer = requests.Response()
        answer.status_code = 413
        return requests.HTTPError("413 Request Entity Too Large", response=answer)

    def one(self: Any, run_id: str, path: str, artifact_path: str | None = None) -> None:
        if path.endswith("report.html"):
            raise too_large()
        file(self, run_id, path, artifact_path)

    def several(self: Any, run_id: str, path: str, artifact_path: str | None = None) -> None:
        if Path(path, "data").exists():
            raise too_large()
        folder(self, run_id, path, artifact_path)

    monkeypatch.setattr(MlflowClient, "log_artifact", one)
    monkeypatch.setattr(MlflowClient, "log_artifacts", several)
    assert weighbridge("sync").code == 0
    assert entry_of(outcome).state == "sent"
    [run] = there("large")
    assert run.data.tags["weighbridge.too_large"] == "report.html"
    assert {each.path for each in MlflowClient().list_artifacts(run.info.run_id, "model")} >= {"model/MLmodel"}


def test_a_deleted_experiment_says_how_it_comes_back(weighbridge, workdir, told):
    from mlflow.tracking import MlflowClient

    end_run(workdir, pipeline="deleted")
    client = MlflowClient()
    client.delete_experiment(client.create_experiment("deleted"))
    done = weighbridge("sync")
    assert done.code == 2
    assert "MLflow's experiment deleted was deleted" in done.out


def test_large_models_are_referred_to(weighbridge, workdir, told, monkeypatch):
    from mlflow.tracking import MlflowClient

    monkeypatch.setenv("WEIGHBRIDGE_MLFLOW_MODELS", "1kB")
    outcome = end_run(workdir, pipeline="small")
    monkeypatch.setenv("WEIGHBRIDGE_MLFLOW_MODELS", "reference")
    reference = end_run(workdir, pipeline="reference")
    assert weighbridge("sync", "reference").code == 0
    monkeypatch.setenv("WEIGHBRIDGE_MLFLOW_MODELS", "1kB")
    assert weighbridge("sync", "small").code == 0
    files = {}
    for name in ("small", "reference"):
        [run] = there(name)
        files[name] = {each.path for each in MlflowClient().list_artifacts(run.info.run_id, "model")}
    assert "model/data" in files["small"]
    assert "model/data" not in files["reference"]
    [run] = there("reference")
    path = MlflowClient().download_artifacts(run.info.run_id, "model/weighbridge.json")
    found = json.loads(Path(path).read_text())
    assert outcome.verdict is not None
    assert reference.verdict is not None
    assert found["digest"] == reference.verdict.subject["model"]
    assert found["address"].endswith("/production/3")
