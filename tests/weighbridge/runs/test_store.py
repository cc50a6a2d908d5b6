"""What comes back from a store is input: what is not a run's record, or is another's, is not brought."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.weighbridge.shared import KINDS, Delivered, Machines, name_of
from weighbridge.common.errors import InfrastructureError
from weighbridge.components.production_model.record import ProductionRecord
from weighbridge.delivery.judge import examples_of
from weighbridge.runs import store as stores
from weighbridge.runs.record import ArtifactReference, Run, RunRecord
from weighbridge.runs.span_history import SpanHistory
from weighbridge.runs.store import RunStore, stores_of
from weighbridge.runs.workspace import Workspace
from weighbridge.verdict import Gate, Verdict

RUN = "20260101-120000-ab12"
DIGEST = f"sha256:{'ab' * 32}"


@pytest.fixture(params=KINDS, ids=name_of)
def machines(request, tmp_path, monkeypatch) -> Machines:
    folder = tmp_path / "machines"
    folder.mkdir()
    return Delivered(request.param, folder, monkeypatch).machines


def store_of(machines: Machines, machine: str) -> RunStore:
    return RunStore(machines.store, "p", machines.workdir(machine))


def made(machines: Machines, run_id: str = RUN, **fields: Any) -> Run:
    """A run that ended on machine `a`."""
    record = RunRecord(
        run_id=run_id, pipeline="p", module="p.pipeline", started=datetime.now(UTC), state="passed", exit_code=0
    ).model_copy(update=fields)
    run = Run(machines.workdir("a") / "p/runs" / run_id, record)
    run.save()
    gate = Gate(name="quality.auc.min", status="passed", observed=0.9, threshold=0.5, message="auc is 0.9.")
    Verdict.of([gate], pipeline="p", run_id=run_id, subject={}).write(run.folder / "verdict.json")
    (run.folder / "log.txt").write_text("said\n")
    (run.folder / "charts").mkdir(exist_ok=True)
    (run.folder / "charts/a.svg").write_text("<svg/>")
    return run


def brought(machines: Machines, machine: str = "b") -> list[str]:
    store_of(machines, machine).bring()
    return [run.record.run_id for run in Workspace(machines.workdir(machine), "p").runs()]


def test_a_run_counts_when_its_record_is_there(machines: Machines) -> None:
    run, shared = made(machines), store_of(machines, "a")
    shared.announce(run)
    assert run.unsent_to == shared.address
    assert brought(machines) == []
    shared.send(run)
    assert run.unsent_to == ""
    assert brought(machines) == [RUN]
    [copy] = Workspace(machines.workdir("b"), "p").runs()
    assert (copy.brought, run.brought) == (True, False)
    assert {path.name for path in copy.folder.iterdir()} == {"run.json", "verdict.json", "brought.json"}
    store_of(machines, "b").fetch_reports(copy)
    assert copy.log.read_text() == "said\n"
    assert (copy.folder / "charts/a.svg").read_text() == "<svg/>"


def test_only_the_newest_are_brought_and_each_once(machines: Machines) -> None:
    ids = [f"20260101-1200{number:02}-ab12" for number in range(5)]
    for run_id in ids:
        store_of(machines, "a").send(made(machines, run_id))
    store_of(machines, "b").bring(newest=2)
    assert [run.record.run_id for run in Workspace(machines.workdir("b"), "p").runs()] == ids[-2:]
    assert brought(machines) == ids
    if machines.double is not None:
        machines.double.requests.clear()
        assert brought(machines) == ids
        assert [request.split()[0] for request in machines.double.requests] == ["list"]


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("20260101-120000-ab12/run.json", lambda record: b"{]"),
        ("20260101-120000-ab12/run.json", lambda record: b""),
        ("20260101-120000-ab12/run.json", lambda record: json.dumps(record | {"later": 1}).encode()),
        ("20260101-120000-ab12/run.json", lambda record: json.dumps(record | {"pipeline": "q"}).encode()),
        ("20260101-120000-ab12/run.json", lambda record: json.dumps(record | {"run_id": "../../x"}).encode()),
        ("20260101-120000-ab12/run.json", lambda record: json.dumps(record | {"state": "running"}).encode()),
        ("20260101-120000-ab12/run.json", lambda record: json.dumps(record | {"kind": "rehearsal"}).encode()),
        ("20260101-120000-ab12/run.json", lambda record: json.dumps(record | {"to": "Read"}).encode()),
        ("20260101-120000-ab12/run.json", lambda record: json.dumps(record).encode() + b" " * 200),
        ("..%2f..%2fx/run.json", lambda record: json.dumps(record).encode()),
        ("x-20260101-120000-ab12/run.json", lambda record: json.dumps(record).encode()),
    ],
)
@pytest.mark.parametrize("machines", KINDS[:2], ids=name_of, indirect=True)
def test_what_is_no_record_of_that_run_is_not_brought(
    machines: Machines, name: str, change: Callable[[dict[str, Any]], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    record = made(machines).record.model_dump(mode="json")
    monkeypatch.setitem(stores._MOST_BYTES, "run.json", len(json.dumps(record)) + 100)
    machines.place("p").write(f"runs/{name}", change(record))
    assert brought(machines) == []
    assert not list(machines.folder.rglob("x"))


def test_a_verdict_of_another_run_is_not_taken_for_this_ones(machines: Machines) -> None:
    run = made(machines)
    Verdict.of([], pipeline="p", run_id="another", subject={}).write(run.folder / "verdict.json")
    store_of(machines, "a").send(run)
    assert brought(machines) == [RUN]
    [copy] = Workspace(machines.workdir("b"), "p").runs()
    assert not (copy.folder / "verdict.json").exists()


def test_an_id_that_another_machine_took_is_not_taken_again(machines: Machines) -> None:
    run = made(machines)
    store_of(machines, "b").announce(run)
    (run.folder / "unsent.json").unlink()
    run.record.pid += 1
    with pytest.raises(InfrastructureError, match="Another run"):
        store_of(machines, "a").announce(run)
    assert run.unsent_to == ""


def test_another_record_of_the_same_run_is_not_overwritten(machines: Machines) -> None:
    store_of(machines, "a").send(made(machines))
    with pytest.raises(InfrastructureError, match="not what this machine wrote"):
        store_of(machines, "a").send(made(machines, seconds=3.0))
    assert brought(machines) == [RUN]


def test_pipelines_of_a_store_are_those_with_runs(machines: Machines) -> None:
    for pipeline in ("p", "q"):
        machines.place(pipeline).write(f"runs/{RUN}/started.json", b"{}")
    machines.place("other").write("production/production.json", b"{}")
    machines.place(".hidden").write(f"runs/{RUN}/started.json", b"{}")
    assert [each.pipeline for each in stores_of(machines.store, machines.workdir("b"))] == ["p", "q"]
    assert [each.pipeline for each in stores_of(machines.store, machines.workdir("b"), "q")] == ["q"]


@pytest.mark.parametrize("machines", KINDS[:1], ids=name_of, indirect=True)
def test_artifacts_of_a_run_that_was_brought_are_not_here_whatever_lies_at_their_paths(
    machines: Machines, tmp_path: Path
) -> None:
    (tmp_path / "examples").mkdir()
    reference = ArtifactReference(step="Read", key="examples", type="Examples", uri=str(tmp_path / "examples"))
    store_of(machines, "a").send(made(machines, artifacts=[reference]))
    brought(machines)
    record = ProductionRecord(
        version=1,
        model_digest=DIGEST,
        verdict_digest=DIGEST,
        run_id=RUN,
        pipeline="p",
        pushed_at=datetime.now(UTC),
        subject={},
    )
    assert examples_of(Workspace(machines.workdir("a"), "p"), record) == tmp_path / "examples"
    assert examples_of(Workspace(machines.workdir("b"), "p"), record) is None


def span(folder: Path, number: int, text: str) -> None:
    path = folder / f"span-{number}/Split-train/FeatureStats.pb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def spans(folder: Path) -> dict[str, str]:
    return {path.parents[1].name: path.read_text() for path in sorted(folder.glob("span-*/Split-train/*"))}


def test_statistics_of_spans_go_from_machine_to_machine(machines: Machines, tmp_path: Path) -> None:
    place = machines.place("p").within("history")
    here, there = tmp_path / "here", tmp_path / "there"
    for number in (1, 2):
        span(here, number, f"statistics {number}")
    SpanHistory(place, here).send()
    SpanHistory(place, there).bring()
    assert spans(there) == {"span-1": "statistics 1", "span-2": "statistics 2"}
    span(there, 2, "mended")  # the same span came again, with other rows
    SpanHistory(place, there).send()
    SpanHistory(place, here).bring()
    assert spans(here) == spans(there) == {"span-1": "statistics 1", "span-2": "mended"}
    assert len(place.folders("span-2")) == 1  # what was replaced is gone
    before = place.version("span-2/current.json")
    SpanHistory(place, here).send()
    assert place.version("span-2/current.json") == before


def test_what_was_used_here_is_not_forgotten_where_the_store_has_other_statistics(
    machines: Machines, tmp_path: Path
) -> None:
    place = machines.place("p").within("history")
    here, there = tmp_path / "here", tmp_path / "there"
    span(here, 1, "statistics")
    SpanHistory(place, here).send()
    SpanHistory(place, there).bring()
    (there / "span-1/files-aa.json").write_text("used there")
    SpanHistory(place, there).send()
    (here / "span-1/files-bb.json").write_text("used here, by a run that sent nothing")
    SpanHistory(place, here).bring()
    SpanHistory(place, here).send()
    SpanHistory(place, there).bring()
    for folder in (here, there):
        assert {path.name for path in (folder / "span-1").glob("files-*")} == {"files-aa.json", "files-bb.json"}


def test_statistics_that_are_damaged_in_the_store_are_not_brought(machines: Machines, tmp_path: Path) -> None:
    place = machines.place("p").within("history")
    span(tmp_path / "here", 1, "statistics")
    SpanHistory(place, tmp_path / "here").send()
    [inside] = place.folders("span-1")
    place.remove(f"span-1/{inside}")
    place.write(f"span-1/{inside}/Split-train/FeatureStats.pb", b"other")
    place.write("span-7/current.json", b"{]")
    place.write("span-8/current.json", json.dumps({"folder": "../../../x", "digest": DIGEST}).encode())
    SpanHistory(place, tmp_path / "there").bring()
    assert spans(tmp_path / "there") == {}
    assert [path.name for path in (tmp_path / "there").glob("*")] == []
