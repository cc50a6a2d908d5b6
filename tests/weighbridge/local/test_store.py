"""`--store`: machines that share nothing but a store go on from what others did."""

import json
from pathlib import Path

import pytest

from tests.components.pusher.buckets import BUCKET
from tests.components.pusher.buckets import KINDS as SERVERS
from tests.components.pusher.doubles import Killed
from tests.weighbridge.local.test_run import calls
from tests.weighbridge.shared import KINDS, Machines, machines_of, name_of
from weighbridge.components.production_model.record import read_record
from weighbridge.runs.store import RunStore
from weighbridge.runs.workspace import find_run

__all__ = ["calls"]

SHARING = "tests.weighbridge.local.sharing"
RUN = ("run", SHARING)
STAGE = (*RUN, "--deliver-to", "staging")


@pytest.fixture(params=KINDS, ids=name_of)
def machines(request, tmp_path, weighbridge, monkeypatch) -> Machines:
    return machines_of(request.param, tmp_path, weighbridge, monkeypatch)


@pytest.fixture
def folder_machines(tmp_path, weighbridge, monkeypatch) -> Machines:
    return machines_of(None, tmp_path, weighbridge, monkeypatch)


def record_of(machines: Machines, stage: str):
    return read_record(machines.place("sharing").path(stage))


def states(machines: Machines, machine: str) -> dict[str, str]:
    return {step.name: step.state for step in find_run(machines.workdir(machine)).record.steps}


def test_a_fresh_machine_finds_the_outcome_that_stands(machines, calls, tmp_path):
    first = machines.json("a", *RUN)
    assert [name for name in calls() if ":" not in name] == ["Read", "Train", "Weigh"]
    again = machines.json("b", *RUN, "--reports", tmp_path / "reports")
    assert again["unchanged"] is True
    assert again["run"]["run_id"] == first["run"]["run_id"]
    assert again["verdict"] == first["verdict"]
    assert calls() == []
    published = {path.name for path in (tmp_path / "reports" / again["run"]["run_id"]).iterdir()}
    assert published >= {"run.json", "verdict.json", "junit.xml", "report.html", "report.md", "log.txt"}
    plan = machines.json("c", "plan", SHARING)
    assert plan["nothing"] is True
    assert plan["outcome"] == {"run_id": first["run"]["run_id"], "passed": True}
    assert not (machines.workdir("a") / "sharing/production").exists()
    assert record_of(machines, "production").version == 1


def test_runs_show_and_report_know_of_other_machines(machines, calls):
    machines.json("a", *STAGE)
    run = find_run(machines.workdir("a")).record.run_id
    assert [each["run_id"] for each in machines.json("b", "runs")] == [run]
    assert machines.json("c", "show", run[:17])["run"]["run_id"] == run
    page = Path(machines("d", "report").out.strip())
    assert page.is_relative_to(machines.workdir("d"))
    assert run in page.read_text()


def test_a_threshold_that_changed_weighs_the_same_model_again_and_trains_none(machines, calls):
    machines.json("a", *STAGE)
    trained = record_of(machines, "staging").model_digest
    calls()
    plan = machines.json("b", "plan", SHARING, "--set", "quality=0.8", "--deliver-to", "staging")
    assert plan["trains"] is False
    assert {step["name"]: step["action"] for step in plan["steps"]}["Train"] == "cached"
    assert machines.json("b", *STAGE, "--set", "quality=0.8")["verdict"]["subject"]["model"] == trained
    assert calls() == ["Weigh", "found:1"]  # the span that the other machine kept is here, too
    assert {name: states(machines, "b")[name] for name in ("Read", "Train")} == {"Read": "cached", "Train": "cached"}
    assert record_of(machines, "staging").model_digest == trained
    assert len(machines.json("c", "runs")) == 2
    assert machines.json("c", "plan", SHARING, "--set", "quality=0.7")["base"]["kind"] == "run"


def test_what_is_not_as_it_was_kept_is_made_again(folder_machines, calls):
    folder_machines.json("a", *STAGE)
    for path in Path(folder_machines.store).glob("sharing/kept/Train/*/*/model/Format-Serving/saved_model.pb"):
        path.write_text("another")
    calls()
    folder_machines.json("b", *STAGE, "--set", "quality=0.8")
    assert [name for name in calls() if ":" not in name] == ["Train", "Weigh"]


def test_what_a_machine_had_before_is_kept_for_others_all_the_same(folder_machines, calls):
    assert folder_machines("a", *RUN, "--to", "Train").code == 0
    assert folder_machines.names() == set()
    folder_machines.json("a", *STAGE)  # reads and trains from the cache
    calls()
    folder_machines.json("b", *STAGE, "--set", "quality=0.8")
    assert [name for name in calls() if ":" not in name] == ["Weigh"]


def test_rehearsals_and_parts_compare_with_the_stores_production_and_write_nothing(machines, calls, monkeypatch):
    machines.json("a", *RUN)
    production, before = record_of(machines, "production"), machines.names()
    with machines.read_only(monkeypatch):
        rehearsed = machines.json("b", *RUN, "--sample", "0.5", "--set", "weight=two")
        assert rehearsed["run"]["kind"] == "rehearsal"
        weighed = next((machines.workdir("b") / "sharing/rehearsal/artifacts/Weigh").rglob("verdict.json"))
        assert json.loads(weighed.read_text())["subject"]["production"] == production.model_digest
        assert machines.json("b", *RUN, "--to", "Weigh", "--set", "weight=two")["run"]["partial"] is True
        assert machines.json("b", "plan", SHARING, "--set", "weight=two")["base"]["version"] == 1
        assert len(machines.json("b", "runs", "sharing")) == 3
    assert machines.names() == before
    assert record_of(machines, "production") == production


def test_who_may_not_write_is_told_before_anything_runs(machines, calls, monkeypatch):
    with machines.read_only(monkeypatch):
        refused = machines("a", *STAGE)
    assert refused.code == 2, refused.out + refused.err
    assert "deliver" in refused.err or "pushing needs" in refused.err
    assert calls() == []
    assert machines.json("a", *STAGE)["unchanged"] is False


def test_what_must_be_approved_is_not_pushed_by_a_plain_run(folder_machines, calls, monkeypatch):
    from weighbridge.thresholds import Delivery

    policy = Delivery.model_validate([{"stage": "staging"}, {"stage": "production", "approval": "required"}])
    monkeypatch.setattr("weighbridge.local.request.delivery_policy", lambda folder: (policy, None))
    for options in ((), ("--to", "Pusher")):
        refused = folder_machines("a", *RUN, *options)
        assert refused.code == 2
        assert "--deliver-to staging" in refused.err
    assert calls() == []
    assert folder_machines.names() == set()
    assert folder_machines("a", *RUN, "--to", "Weigh").code == 0


@pytest.mark.parametrize("machines", KINDS[1:], ids=name_of, indirect=True)
def test_a_sending_that_fails_says_what_was_pushed_and_the_next_completes_it(machines, calls):
    def down(request: str) -> None:
        if "/runs/" in request and request.startswith(("write", "upload")) and "started.json" not in request:
            raise ConnectionError("gone")

    machines.double.before = down
    failed = machines("a", *STAGE)
    assert failed.code == 3
    assert "passed, and its model is at staging" in failed.err
    assert "Run the same command again" in failed.err
    assert record_of(machines, "staging").version == 1
    machines.double.before = lambda request: None
    assert machines.json("b", "runs") == []
    calls()
    assert machines.json("a", *STAGE)["unchanged"] is True
    assert calls() == []
    assert len(machines.json("b", "runs")) == 1
    assert machines.json("b", *STAGE)["unchanged"] is True


@pytest.mark.parametrize("machines", KINDS[1:], ids=name_of, indirect=True)
def test_a_sending_that_is_killed_at_any_request_is_completed_by_the_next_command(machines, calls):
    """On the same machine by sending what is missing; on another, by weighing once more what the stage has."""
    machines.json("a", *STAGE)
    run = find_run(machines.workdir("a"))
    whole = {name: machines.place("sharing").read(name) for name in machines.place("sharing").listed("")}
    store = RunStore(machines.store, "sharing", machines.workdir("a"))
    for step in range(100):
        for name in whole:
            if name.startswith(("runs/", "history/")) and not name.endswith("started.json"):
                machines.place("sharing").remove(name)
        (machines.workdir("a") / "sharing/history/.shared.json").unlink(missing_ok=True)
        (run.folder / "unsent.json").write_text(json.dumps({"store": machines.store}))
        killed = killed_at(machines, step, store.send_unsent)
        listed = machines.place("sharing").listed("runs")
        counts = any(name.endswith("run.json") for name in listed)
        assert not counts or len(listed) >= 7  # what counts is whole
        store.send_unsent()
        assert len(machines.place("sharing").listed("runs")) == 7
        assert not (run.folder / "unsent.json").exists()
        machines.wipe("b")
        other = RunStore(machines.store, "sharing", machines.workdir("b"))
        other.bring()
        other.bring_history()
        assert [each.record for each in machines.runs("b", "sharing")] == [run.record]
        brought = machines.workdir("b") / "sharing/history/span-1/Split-train/FeatureStats.pb"
        assert brought.read_text() == "statistics"
        if not killed:
            break
    assert step > 5


def killed_at(machines: Machines, step: int, work) -> bool:
    """Do work that is gone after so many writes."""
    left = [step]

    def gone(request: str) -> None:
        if request.split()[0] in ("write", "upload", "delete"):
            left[0] -= 1
            if left[0] < 0:
                raise Killed

    machines.double.before = gone
    try:
        work()
    except Killed:
        return True
    finally:
        machines.double.before = lambda request: None
    return False


def test_a_fresh_machine_completes_what_another_pushed_and_lost(machines, calls):
    """The first machine is gone with its work directory right after its push."""
    machines.json("a", *STAGE)
    pushed = record_of(machines, "staging")
    for name in machines.place("sharing").listed("runs"):
        machines.place("sharing").remove(f"runs/{name}")
    calls()
    done = machines.json("b", *STAGE)
    assert done["unchanged"] is False
    assert [name for name in calls() if ":" not in name] == ["Weigh"]
    assert record_of(machines, "staging") == pushed  # the same model; it is not pushed twice
    assert machines.json("c", *STAGE)["unchanged"] is True


def test_two_runs_at_once_leave_one_whole_stage_and_both_records(machines, calls):
    """The second run goes from start to end while the first is about to push."""
    from weighbridge.components.pusher import component

    push, others = component.push, []

    def meanwhile(*arguments, **options):
        if not others:
            others.append(None)
            others.append(second())
        return push(*arguments, **options)

    def second():
        from weighbridge.local.request import make_request
        from weighbridge.local.run import run_request

        request = make_request(
            SHARING, None, ["weight=two"], machines.workdir("b"), deliver_to="staging", store=machines.store
        )
        return run_request(request)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(component, "push", meanwhile)
        first = machines("a", *STAGE)
    assert first.code == 0, first.out + first.err
    assert others[1].verdict.passed
    record = record_of(machines, "staging")
    assert record.version == 2
    brought = machines.json("c", "runs")
    assert sorted(each["state"] for each in brought) == ["passed", "passed"]
    assert {each["parameters"]["weight"] for each in brought} == {"one", "two"}


@pytest.mark.parametrize("kind", SERVERS, ids=name_of)
def test_behind_real_http(kind, tmp_path, weighbridge, calls):
    """moto and gcp-storage-emulator, substitutes for the services."""
    with kind.server():
        machines = Machines(f"{kind.scheme}{BUCKET}/shared", tmp_path, weighbridge)
        first = machines.json("a", *STAGE)
        assert machines.json("b", *STAGE)["run"]["run_id"] == first["run"]["run_id"]
        calls()
        machines.json("c", *STAGE, "--set", "quality=0.8")
        assert [name for name in calls() if ":" not in name] == ["Weigh"]
        assert len(machines.json("d", "runs")) == 2


def test_without_a_store_that_is_there_nothing_runs(folder_machines, calls, tmp_path):
    folder_machines.store = str(tmp_path / "not-mounted")
    wrong = folder_machines("a", *STAGE)
    assert wrong.code == 2
    assert "mkdir -p" in wrong.err
    assert calls() == []
