"""A machine that is gone with its work directory: what MLflow was to be told of its runs is in the store."""

from pathlib import Path

import pytest

from tests.weighbridge.shared import KINDS, Delivered, Machines, name_of
from tests.weighbridge.tracking.ended import end_run, entry_of
from weighbridge.runs.outcome import RunOutcome
from weighbridge.runs.sending import sent
from weighbridge.runs.store import RunStore
from weighbridge.tracking import client
from weighbridge.tracking.entry import Entry


@pytest.fixture(params=KINDS, ids=name_of)
def machines(request, tmp_path, monkeypatch, weighbridge) -> Machines:
    folder = tmp_path / "machines"
    folder.mkdir()
    found = Delivered(request.param, folder, monkeypatch).machines
    found.run_command = weighbridge
    return found


@pytest.fixture
def told(monkeypatch) -> list[tuple[Path, Entry]]:
    """What would be sent to a server that takes everything."""
    taken: list[tuple[Path, Entry]] = []

    def send(folder: Path, entry: Entry, server: object) -> Entry:
        taken.append((folder, entry))
        return entry.became(folder, "sent", page="https://mlflow/1")

    monkeypatch.setattr(client, "send", send)
    monkeypatch.setattr("weighbridge.cli.sync._check_reached", lambda server: None)
    return taken


def ran(machines: Machines, machine: str, monkeypatch, **given) -> RunOutcome:
    """A run on a machine, whose record goes to the store."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    outcome = end_run(machines.workdir(machine), **given)
    store = RunStore(machines.store, "taxi", machines.workdir(machine))
    store.announce(outcome.run)
    return sent(store, outcome, "production")


def test_another_machine_sends_it(machines, told, monkeypatch):
    outcome = ran(machines, "a", monkeypatch)
    machines.wipe("a")
    done = machines("b", "sync")
    assert (done.code, done.err) == (0, "")
    [(folder, entry)] = told
    assert entry.run_id == outcome.run.record.run_id
    assert {"verdict.json", "report.html", "junit.xml"} <= {path.name for path in folder.iterdir()}
    assert entry.model is not None
    assert entry.model.folder == "", "the model's files were on the machine that is gone"
    machines.wipe("b")
    assert machines("b", "sync").out.startswith("Nothing to send")
    assert len(told) == 1


def test_a_run_that_ended_in_an_error_is_sent_too(machines, told, monkeypatch):
    ran(machines, "a", monkeypatch, error=ValueError("no such column"))
    machines.wipe("a")
    assert machines("b", "sync").code == 0
    assert told[0][1].status == "FAILED"


def test_what_its_own_machine_has_sent_is_not_sent_again(machines, told, monkeypatch):
    outcome = ran(machines, "a", monkeypatch)
    entry_of(outcome).became(outcome.run.folder, "sent")
    assert machines("a", "sync").code == 0
    machines.wipe("a")
    assert machines("b", "sync").code == 0
    assert told == []


def test_what_is_none_of_ours_is_left_alone(machines, told, monkeypatch):
    outcome = ran(machines, "a", monkeypatch)
    machines.wipe("a")
    store = RunStore(machines.store, "taxi", machines.workdir("a"))
    store.untold.write("20260101-000000-abcd.json", b"{}")
    store.untold.write("notes.json", b"{}")
    assert machines("b", "sync").code == 0
    assert [entry.run_id for _, entry in told] == [outcome.run.record.run_id]
