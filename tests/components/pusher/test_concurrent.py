"""Several pushers at once: whole versions, one record, nobody's work torn."""

import multiprocessing
from pathlib import Path

import pytest

from tests.components.pusher.helpers import assert_whole, leftovers, make_model, versions, weigh
from tests.components.pusher.processes import start
from tests.patience import PATIENCE_S
from weighbridge.common import progress
from weighbridge.common.digests import tree_digest
from weighbridge.components.production_model import production_history
from weighbridge.components.pusher import FilesystemTarget, push


def push_together(jobs: list[tuple[Path, Path]], destination: Path) -> list[int | None]:
    barrier = multiprocessing.get_context("fork").Barrier(len(jobs))

    def work(model: Path, evaluation: Path) -> None:
        barrier.wait()
        push(model, evaluation, destination)

    processes = [start(lambda job=job: work(*job)) for job in jobs]  # type: ignore[misc]
    for process in processes:
        process.join()
    return [process.exitcode for process in processes]


@pytest.mark.parametrize("attempt", range(5))
def test_different_models_become_a_version_each(tmp_path: Path, attempt: int) -> None:
    models = [make_model(tmp_path / f"m{number}", f"model {number}", size=50_000) for number in range(4)]
    jobs = [(model, weigh(tmp_path / f"e{number}", model)) for number, model in enumerate(models)]
    destination = tmp_path / "production"

    assert push_together(jobs, destination) == [0] * 4

    assert versions(destination) == [1, 2, 3, 4]
    record = assert_whole(destination, {tree_digest(model) for model in models})
    assert record
    assert record.version == 4
    assert len({entry.model_digest for entry in production_history(destination)}) == 4
    assert leftovers(destination) == []


@pytest.mark.parametrize("attempt", range(5))
def test_same_model_becomes_one_version(tmp_path: Path, attempt: int) -> None:
    model = make_model(tmp_path / "model", size=50_000)
    jobs = [(model, weigh(tmp_path / f"e{number}", model, run_id=f"run-{number}")) for number in range(4)]
    destination = tmp_path / "production"

    assert push_together(jobs, destination) == [0] * 4

    assert versions(destination) == [1]
    assert assert_whole(destination, {tree_digest(model)})


def test_waiting_is_told_and_ends_when_the_holder_ends(tmp_path: Path) -> None:
    model = make_model(tmp_path / "model")
    evaluation = weigh(tmp_path / "evaluation", model)
    destination = tmp_path / "production"
    context = multiprocessing.get_context("fork")
    told = context.Event()

    def work() -> None:
        with progress.listening(lambda message: told.set() if "waiting for another push" in message else None):
            push(model, evaluation, destination)

    with FilesystemTarget(destination).exclusive():
        process = start(work)
        assert told.wait(PATIENCE_S)
        assert versions(destination) == []
    process.join()
    assert process.exitcode == 0
    assert versions(destination) == [1]
