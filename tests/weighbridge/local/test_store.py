"""`--store`: machines that share nothing but a store go on from what others did."""

import json
import shutil
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.components.pusher.buckets import GCS, S3
from tests.components.pusher.doubles import Killed
from tests.weighbridge.local.test_run import calls
from tests.weighbridge.local.tiny import CALLS
from tests.weighbridge.shared import KINDS, Delivered, Machines, name_of
from weighbridge.components.production_model.standing import read_record
from weighbridge.components.pusher import component
from weighbridge.local.request import make_request
from weighbridge.local.run import run_request
from weighbridge.runs.outcome import RunOutcome
from weighbridge.runs.store import RunStore
from weighbridge.runs.workspace import find_run
from weighbridge.thresholds import Delivery

__all__ = ["calls"]

SHARING = "tests.weighbridge.local.sharing"
RUN = ("run", SHARING)
STAGE = (*RUN, "--deliver-to", "staging")


@pytest.fixture(scope="module", params=KINDS, ids=name_of)
def delivered(request, tmp_path_factory) -> Iterator[Delivered]:
    """A store of each kind, after machine `a` delivered to staging."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CALLS, str(tmp_path_factory.mktemp("calls") / "calls"))
        made = Delivered(request.param, tmp_path_factory.mktemp("machines"), patch)
        machines = made.machines
        request = make_request(SHARING, None, None, machines.workdir("a"), deliver_to="staging", store=machines.store)
        assert run_request(request).exit_code == 0
        made.remember()
        yield made


@pytest.fixture
def machines(delivered, weighbridge) -> Machines:
    return delivered.again(weighbridge)


on_folders = pytest.mark.parametrize("delivered", [None], ids=name_of, indirect=True)
in_buckets = pytest.mark.parametrize("delivered", KINDS[1:], ids=name_of, indirect=True)
in_s3 = pytest.mark.parametrize("delivered", [S3], ids=name_of, indirect=True)


def record_of(machines: Machines, stage: str):
    return read_record(machines.place("sharing").path(stage))


def states(machines: Machines, machine: str) -> dict[str, str]:
    return {step.name: step.state for step in find_run(machines.workdir(machine)).record.steps}


def test_a_fresh_machine_finds_the_outcome_that_stands(machines, calls, tmp_path):
    [first] = machines.runs("a", "sharing")
    again = machines.json("b", *STAGE, "--reports", tmp_path / "reports")
    assert again["unchanged"] is True
    assert again["run"]["run_id"] == first.record.run_id
    assert again["verdict"]["passed"] is True
    assert calls() == []
    published = {path.name for path in (tmp_path / "reports" / first.record.run_id).iterdir()}
    assert published >= {"run.json", "verdict.json", "junit.xml", "report.html", "report.md", "log.txt"}
    plan = machines.json("c", "plan", SHARING, "--deliver-to", "staging")
    assert plan["nothing"] is True
    assert plan["outcome"] == {"run_id": first.record.run_id, "passed": True}
    assert not (machines.workdir("a") / "sharing/staging").exists()
    assert record_of(machines, "staging").version == 1


def test_runs_show_and_report_know_of_other_machines(machines):
    [first] = machines.runs("a", "sharing")
    run = first.record.run_id
    assert [each["run_id"] for each in machines.json("b", "runs")] == [run]
    assert machines.json("c", "show", run[:17])["run"]["run_id"] == run
    page = Path(machines("d", "report").out.strip())
    assert page.is_relative_to(machines.workdir("d"))
    assert run in page.read_text()


@on_folders
def test_a_threshold_that_changed_weighs_the_same_model_again_and_trains_none(machines, calls):
    trained = record_of(machines, "staging").model_digest
    changed = ("--set", "quality=0.8", "--deliver-to", "staging")
    plan = machines.json("b", "plan", SHARING, *changed)
    assert plan["trains"] is False
    assert plan["changed"] == [{"what": "parameters", "part": "quality", "note": "was 0.9, is 0.8"}]
    told = {step["name"]: (step["action"], step["why"]) for step in plan["steps"]}
    assert told["Train"][0] == "cached"
    assert told["ProductionModel"] == ("run", "it ran on another machine")
    assert told["Weigh"] == ("run", "thresholds changed: quality")
    machines.json("b", *RUN, *changed)
    assert calls() == ["Weigh", "found:1"]  # the span that the other machine kept is here, too
    states = {step.name: step.state for step in find_run(machines.workdir("b")).record.steps}
    assert (states["Read"], states["Train"]) == ("cached", "cached")
    assert record_of(machines, "staging").model_digest == trained
    assert len(machines.json("c", "runs")) == 2
    assert machines.json("c", *RUN, *changed)["unchanged"] is True


@on_folders
def test_what_is_not_as_it_was_kept_is_made_again(machines, calls):
    for path in Path(machines.store).glob("sharing/kept/Train/*/*/model/Format-Serving/saved_model.pb"):
        path.write_text("another")
    machines.json("b", *STAGE, "--set", "quality=0.8")
    assert calls() == ["Train", "Weigh", "found:1"]


@pytest.mark.slow
@on_folders
def test_what_a_machine_had_before_is_kept_for_others_all_the_same(machines, calls):
    """As after a part of the run, which writes nothing."""
    machines.place("sharing").remove("kept")
    machines.json("a", *STAGE, "--set", "quality=0.8")
    machines.json("b", *STAGE, "--set", "quality=0.7")
    assert [name for name in calls() if ":" not in name] == ["Weigh", "Weigh"]


@on_folders
def test_rehearsals_and_parts_compare_with_the_stores_production_and_write_nothing(machines, calls, monkeypatch):
    shutil.copytree(machines.place("sharing").path("staging"), machines.place("sharing").path("production"))
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


def test_who_may_not_write_is_told_before_anything_runs(machines, calls, monkeypatch):
    with machines.read_only(monkeypatch):
        refused = machines("b", *STAGE, "--force")
        assert refused.code == 2, refused.out + refused.err
        assert "the right to write" in refused.err or "pushing needs" in refused.err
        assert calls() == []
        assert len(machines.json("b", "runs")) == 2  # the refused one is told of where it was tried
        assert machines.json("c", *STAGE)["unchanged"] is True  # nothing to write


@on_folders
def test_what_must_be_approved_is_not_pushed_by_a_plain_run(machines, calls, monkeypatch):
    policy = Delivery.model_validate([{"stage": "staging"}, {"stage": "production", "approval": "required"}])
    monkeypatch.setattr("weighbridge.local.request.delivery_policy", lambda folder: (policy, None))
    before = machines.names()
    for options in ((), ("--to", "Pusher")):  # the last step's name makes it no part
        refused = machines("b", *RUN, *options)
        assert refused.code == 2
        assert "--deliver-to staging" in refused.err
    assert calls() == []
    assert machines.names() == before


@in_s3
def test_a_sending_that_fails_says_what_was_pushed_and_the_next_completes_it(machines, calls):
    def down(request: str) -> None:
        if "/runs/" in request and request.startswith(("write", "upload")) and "started.json" not in request:
            raise ConnectionError("gone")

    changed = (*STAGE, "--set", "weight=two")
    machines.double.before = down
    failed = machines("b", *changed)
    assert failed.code == 3
    assert "passed, and its model is at staging" in failed.err
    assert "Run the same command again" in failed.err
    assert record_of(machines, "staging").version == 2
    machines.double.before = lambda request: None
    assert len(machines.json("c", "runs")) == 1
    calls()
    assert machines.json("b", *changed)["unchanged"] is True
    assert calls() == []
    assert len(machines.json("c", "runs")) == 2
    assert machines.json("d", *changed)["unchanged"] is True


@in_buckets
def test_a_sending_that_is_killed_at_any_request_is_completed_by_the_next_command(machines):
    [run] = machines.runs("a", "sharing")
    place, store = machines.place("sharing"), RunStore(machines.store, "sharing", machines.workdir("a"))
    whole = len(place.listed("runs"))
    for step in count():
        for name in place.listed(""):
            if name.startswith(("runs/", "history/")) and not name.endswith("started.json"):
                place.remove(name)
        (machines.workdir("a") / "sharing/history/.shared.json").unlink(missing_ok=True)
        (run.folder / "unsent.json").write_text(json.dumps({"store": machines.store}))
        killed = killed_at(machines, step, store.send_unsent)
        listed = place.listed("runs")
        assert len(listed) == whole or not any(name.endswith("run.json") for name in listed)  # what counts is whole
        store.send_unsent()
        assert len(place.listed("runs")) == whole
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


def killed_at(machines: Machines, step: int, work: Callable[[], None]) -> bool:
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


@on_folders
def test_a_fresh_machine_completes_what_another_pushed_and_lost(machines, calls):
    """The first machine is gone with its work directory right after its push."""
    pushed = record_of(machines, "staging")
    machines.place("sharing").remove("runs")
    done = machines.json("b", *STAGE)
    assert done["unchanged"] is False
    assert calls() == ["Weigh", "found:1"]
    assert record_of(machines, "staging") == pushed  # the same model; it is not pushed twice
    assert machines.json("c", *STAGE)["unchanged"] is True


@pytest.mark.parametrize("delivered", [None, pytest.param(GCS, marks=pytest.mark.slow)], ids=name_of, indirect=True)
def test_two_runs_at_once_leave_one_whole_stage_and_both_records(machines, calls, monkeypatch):
    """The second run goes from start to end while the first is about to push."""
    push, others = component.push, []

    def second() -> RunOutcome:
        return run_request(
            make_request(
                SHARING, None, ["weight=two"], machines.workdir("c"), deliver_to="staging", store=machines.store
            )
        )

    def meanwhile(*arguments, **options):
        if not others:
            others.append(None)
            others.append(second())
        return push(*arguments, **options)

    monkeypatch.setattr(component, "push", meanwhile)
    first = machines("b", *STAGE, "--set", "weight=three")
    assert first.code == 0, first.out + first.err
    assert others[1].verdict.passed
    assert record_of(machines, "staging").version == 3
    brought = machines.json("d", "runs")
    assert {each["state"] for each in brought} == {"passed"}
    assert {each["parameters"]["weight"] for each in brought} == {"one", "two", "three"}


def test_a_store_that_is_not_there_is_not_taken_for_an_empty_one(weighbridge, tmp_path, calls):
    wrong = weighbridge(*STAGE, "--store", tmp_path / "not-mounted")
    assert wrong.code == 2
    assert "mkdir -p" in wrong.err
    assert calls() == []
