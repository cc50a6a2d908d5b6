"""A rollback that is killed or raced at any moment: production is the old or the new, whole; of two, one wins."""

import multiprocessing
import signal
import sys
from itertools import count
from pathlib import Path

import pytest

from tests.components.pusher.buckets import KINDS, Kind, double_of, mirror
from tests.components.pusher.doubles import Double, Killed, once_before
from tests.components.pusher.helpers import assert_whole, make_model, make_statistics, versions, weigh
from tests.components.pusher.mlflow_double import MlflowDouble, mlflow_double
from tests.components.pusher.processes import _Killer, exit_code, start
from weighbridge.common.digests import tree_digest
from weighbridge.common.errors import InfrastructureError
from weighbridge.components.production_model import read_record
from weighbridge.components.production_model.record import ProductionRecord
from weighbridge.components.production_model.standing import verify_production
from weighbridge.components.pusher import push
from weighbridge.components.pusher.restore import restore, settle
from weighbridge.delivery.earlier_version import Choice, choose
from weighbridge.storage.destination import open_destination

pytestmark = pytest.mark.forks

every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.scheme)
TAXI = "models:/taxi"


@pytest.fixture(autouse=True)
def no_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is killed here is no machine: local files need not be forced to disk, hundreds of times."""
    monkeypatch.setattr("weighbridge.common.files._fsync", lambda path: None)


@pytest.fixture
def models(tmp_path: Path) -> list[Path]:
    return [make_model(tmp_path / name, name) for name in ("good", "bad")]


def push_both(models: list[Path], destination: str) -> set[str]:
    for model in models:
        folder = model.parent / f"evaluation-{model.name}"
        statistics = model.parent / "statistics"
        if not statistics.exists():
            make_statistics(statistics)
        assert push(model, weigh(folder, model, run_id=model.name), destination, statistics=statistics).record
    return {tree_digest(model) for model in models}


def go_back(destination: str, models: list[Path], choice: Choice | None = None) -> ProductionRecord | None:
    """Roll back to the version before; None where there is nothing to do."""
    choice = choice or choose(destination, "", "weighbridge rollback taxi")
    if choice.target is None:
        settle(destination)
        return None
    place = open_destination(destination)
    names = ("verdict.json", "attestations.intoto.jsonl")
    evidence = {name: place.read(f".weighbridge/{choice.target.version}/{name}") or b"" for name in names}
    statistics = models[0].parent / "statistics"
    done = restore(
        destination,
        choice.target,
        models[0],
        evidence,
        live=choice.live,
        expected_state=choice.state,
        statistics=statistics,
        run_id="rollback",
    )
    return done.record


def assert_old_or_new(destination: str, digests: set[str], folder: Path) -> str:
    """What is served is the bad model or the good one again, whole, under a record that says so."""
    verify_production(destination)
    record = read_record(destination)
    assert record is not None
    if not destination.startswith("models:"):
        seen = mirror(folder, destination) if "://" in destination else Path(destination)
        for half in versions(seen)[-1:]:  # in a bucket it is there before it can be loaded
            if "://" in destination and not (seen / str(half) / "saved_model.pb").exists():
                assert record.rollback is None
                return "half"
        assert_whole(seen, digests)
    assert (record.run_id, record.rollback is None) in (("bad", True), ("good", False))
    return record.run_id


@pytest.mark.slow
def test_killed_before_every_second_filesystem_call(tmp_path: Path, models: list[Path]) -> None:
    seen = set()
    for step in count(1, 2):
        destination = str(tmp_path / f"production-{step}")
        digests = push_both(models, destination)

        def work(destination: str = destination, step: int = step) -> None:
            sys.addaudithook(_Killer(step, destination))
            go_back(destination, models)

        code = exit_code(work)
        assert code in (0, -signal.SIGKILL)
        seen.add(assert_old_or_new(destination, digests, tmp_path / "unused"))
        go_back(destination, models)  # again: it ends well, and goes back once
        assert read_record(destination).run_id == "good"
        assert read_record(destination).withdrawn == {tree_digest(models[1]): 2}
        assert versions(Path(destination)) == [1, 2, 3]
        if code == 0:
            break
    assert step > 20
    assert seen == {"good", "bad"}


@pytest.mark.slow
@every_kind
def test_killed_at_each_request_to_a_bucket(
    tmp_path: Path, models: list[Path], monkeypatch: pytest.MonkeyPatch, kind: Kind
) -> None:
    """Every other request is served, and its answer is lost."""
    seen = set()
    for step in count(1):
        torn = step % 2 == 0
        store = double_of(kind, monkeypatch)
        digests = push_both(models, store.destination)
        store.requests.clear()

        def before(_: str, step: int = step, torn: bool = torn, store: Double = store) -> None:
            if len(store.requests) > step - (0 if torn else 1):
                raise Killed

        def after(_: str, step: int = step, torn: bool = torn, store: Double = store) -> None:
            if torn and len(store.requests) == step:
                raise Killed

        store.before, store.after = before, after
        try:
            go_back(store.destination, models)
            killed = False
        except Killed:
            killed = True
        finally:
            store.before = store.after = lambda _: None
        seen.add(assert_old_or_new(store.destination, digests, tmp_path / f"mirror-{step}"))
        go_back(store.destination, models)
        verify_production(store.destination)
        assert read_record(store.destination).run_id == "good"
        if not killed:
            break
    assert step > 20
    assert seen == {"good", "bad", "half"}


@pytest.mark.slow
def test_killed_at_each_request_to_a_registry(
    tmp_path: Path, models: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every other request is served, and its answer is lost."""
    seen = set()
    for step in count(1):
        torn = step % 2 == 0
        mlflow = mlflow_double(monkeypatch)
        digests = push_both(models, TAXI)
        mlflow.requests.clear()

        def before(_: str, step: int = step, torn: bool = torn, mlflow: MlflowDouble = mlflow) -> None:
            if len(mlflow.requests) > step - (0 if torn else 1):
                raise Killed

        def after(_: str, step: int = step, torn: bool = torn, mlflow: MlflowDouble = mlflow) -> None:
            if torn and len(mlflow.requests) == step:
                raise Killed

        mlflow.before, mlflow.after = before, after
        try:
            go_back(TAXI, models)
            killed = False
        except Killed:
            killed = True
        finally:
            mlflow.before = mlflow.after = lambda _: None
        seen.add(assert_old_or_new(TAXI, digests, tmp_path))
        go_back(TAXI, models)
        assert read_record(TAXI).run_id == "good"
        assert mlflow.models["taxi"].aliases["champion"] == str(max(mlflow.models["taxi"].versions))
        if not killed:
            break
    assert step > 20
    assert seen == {"good", "bad"}


def test_of_rollbacks_of_a_folder_at_once_one_makes_the_version(tmp_path: Path, models: list[Path]) -> None:
    destination = str(tmp_path / "production")
    push_both(models, destination)
    choice = choose(destination, "", "weighbridge rollback taxi")
    barrier = multiprocessing.get_context("fork").Barrier(4)

    def work() -> None:
        barrier.wait()
        go_back(destination, models, choice)

    processes = [start(work) for _ in range(4)]
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 4  # the others find it done
    assert versions(Path(destination)) == [1, 2, 3]
    assert read_record(destination).rollback.restores == 1


@every_kind
@pytest.mark.parametrize("moment", ["upload", "write taxi/.weighbridge/", "write taxi/production.json"])
def test_of_a_rollback_and_a_push_to_a_bucket_one_wins(
    tmp_path: Path, models: list[Path], monkeypatch: pytest.MonkeyPatch, kind: Kind, moment: str
) -> None:
    store = double_of(kind, monkeypatch)
    digests = push_both(models, store.destination)
    third = make_model(tmp_path / "third", "third")
    evaluation = weigh(tmp_path / "e3", third, run_id="third")
    once_before(store, moment, lambda: push(third, evaluation, store.destination))
    with pytest.raises(InfrastructureError, match="just now"):
        go_back(store.destination, models)
    verify_production(store.destination)
    assert read_record(store.destination).run_id == "third"
    assert_whole(mirror(tmp_path / "mirror", store.destination), digests | {tree_digest(third)})


def test_a_registry_gets_a_version_of_the_same_files(models: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow = mlflow_double(monkeypatch)
    push_both(models, TAXI)
    uploaded = len([name for name in mlflow.stored if "/data/" in name])
    record = go_back(TAXI, models)
    assert record is not None
    assert record == read_record(TAXI)
    assert (record.version, record.rollback.restores, record.rollback.replaces) == (3, 1, 2)
    taxi = mlflow.models["taxi"]
    assert taxi.aliases == {"champion": "3"}
    tags = taxi.versions[3].tags
    assert (tags["weighbridge.restores"], tags["weighbridge.rolled_back_from"]) == ("1", "2")
    assert len([name for name in mlflow.stored if "/data/" in name]) == uploaded  # none was uploaded again
    assert go_back(TAXI, models) is None
    pushed = push(models[1], models[1].parent / "evaluation-bad", TAXI)
    assert "push.production.rolled_back" in {gate.name for gate in pushed.gates if gate.refuses}
