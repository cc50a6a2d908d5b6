"""Pushers to MLflow's registry at once, whose requests fall in thousands of drawn orders: one wins, all agree which.

The registry is a double of MLflow's client, which promises no more than MLflow's SQL store. Files play no part here.
"""

import random
import uuid
from collections import Counter
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

import pytest

from tests.components.pusher.doubles import Killed
from tests.components.pusher.mlflow_double import MlflowDouble, Page, mlflow_double
from tests.components.pusher.turns import Turns
from weighbridge.common.digests import bytes_digest
from weighbridge.common.errors import InfrastructureError
from weighbridge.components.production_model import ProductionRecord
from weighbridge.components.pusher.registry_target import RegistryTarget, Uploaded
from weighbridge.components.pusher.target import Staged
from weighbridge.storage.registry.address import parse_address
from weighbridge.storage.registry.log import Log
from weighbridge.storage.registry.registry import Registry
from weighbridge.verdict import Gate, Verdict

TAXI = "models:/taxi@champion"
DIGEST = bytes_digest(b"")
VERDICT = Verdict.of(
    [Gate(name="quality.auc.min", status="passed", observed=0.9, threshold=0.8, message="auc is 0.9.")],
    pipeline="taxi",
    run_id="run",
    subject={"model": DIGEST},
)
RECORD = ProductionRecord(
    version=1,
    model_digest=DIGEST,
    verdict_digest=VERDICT.digest,
    run_id="run",
    pipeline="taxi",
    pushed_at=datetime.now(UTC),
    subject=VERDICT.subject,
)


@pytest.fixture
def mlflow(monkeypatch: pytest.MonkeyPatch) -> MlflowDouble:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    return mlflow_double(monkeypatch)


def push() -> int:
    """What a push does, without files: the version that it made production."""
    target, word = RegistryTarget(TAXI), uuid.uuid4().hex
    with target.exclusive():
        target.uploaded[word] = Uploaded("run", "runs:/run/evidence", "run", "s3://files/of/model", VERDICT)
        return target.commit(Staged(PurePosixPath(word), DIGEST), RECORD).version


def log() -> Log:
    return Registry(parse_address(TAXI)).log()


def chain(found: Log) -> list[tuple[int, int, int]]:
    """The versions that won: number, the head before it, and the production that it replaced."""
    return [(entry.number, entry.after, entry.replaces) for entry in found.own if not found.lost(entry)]


def race(mlflow: MlflowDouble, seed: int, pushers: int, ends: dict[int, int]) -> list[Any]:
    turns = Turns(random.Random(seed), ends, Killed)
    mlflow.models.clear()
    mlflow.before = lambda request: None
    Registry(parse_address(TAXI)).make_model()
    for _ in range(seed % 2):  # nothing in production, or something
        push()
    mlflow.before = lambda request: turns.point()
    results = turns.run([push] * pushers)
    mlflow.before = lambda request: None
    unexpected = [result for result in results if not isinstance(result, int | InfrastructureError | Killed)]
    assert not unexpected, unexpected
    return results


@pytest.mark.parametrize("pushers", [2, 3, 4])
def test_in_whatever_order_requests_come_one_wins_and_all_agree(mlflow: MlflowDouble, pushers: int) -> None:
    winners = Counter[int]()
    for seed in range(200):
        results = race(mlflow, seed, pushers, {})
        won = sorted(result for result in results if isinstance(result, int))
        found, begun = log(), seed % 2
        # Each that won replaced just what it was weighed against; who lost left nothing.
        assert chain(found) == [
            (number, before, before) for before, number in zip([0, *made(found)], made(found), strict=False)
        ]
        assert made(found) == [1] * begun + won
        assert len(found.own) == len(made(found))
        assert found.points_at == found.head == won[-1]
        assert all(entry.settled == "production" for entry in found.own)
        winners[len(won)] += 1
    assert winners[1] > 100  # most began together; in the others one began when another had ended
    assert set(winners) <= set(range(1, pushers + 1))


def test_one_killed_at_any_request_keeps_nobody_from_pushing(mlflow: MlflowDouble) -> None:
    behind = 0
    for seed in range(300):
        drawn = random.Random(seed)
        ends = {index: drawn.randint(1, 25) for index in range(drawn.randint(1, 2))}
        results = race(mlflow, seed, 3, ends)
        found = log()
        assert [after for _, after, _ in chain(found)] == [0, *made(found)][: len(made(found))]
        won = [result for result in results if isinstance(result, int)]
        assert set(won) <= set(made(found))
        behind += int(found.production is not None and found.production.number != found.head)
        number = push()  # the next one comes through at once
        found = log()
        assert number == found.points_at == found.head
        assert all(entry.settled for entry in found.own if not found.lost(entry))
    assert behind < 4  # killed in the moment between its own late move of the alias and the look after it


def test_one_that_stood_still_before_it_moved_the_alias_moves_it_on(mlflow: MlflowDouble) -> None:
    """Its version was settled and replaced meanwhile: the alias is not left at it."""

    def meanwhile(request: str) -> None:
        if request.startswith("set_registered_model_alias"):
            mlflow.before = lambda request: None
            assert [push(), push()] == [2, 3]

    Registry(parse_address(TAXI)).make_model()
    mlflow.before = meanwhile
    assert push() == 1
    assert log().points_at == log().head == 3


def test_a_server_that_reads_from_a_copy_that_lags_is_waited_for(
    mlflow: MlflowDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy shows what is written in its order: with one's own version, all that were made before."""
    real, asked = mlflow.search_model_versions, []

    def lagging(text: str, most: int, order: list[str], token: str | None = None) -> Any:
        asked.append(text)
        found = real(text, most, order, token)
        return Page(found[:-1]) if len(asked) in (3, 4, 5) else found

    monkeypatch.setattr(mlflow, "search_model_versions", lagging)
    Registry(parse_address(TAXI)).make_model()
    assert push() == 1
    assert log().points_at == 1


def made(found: Log) -> list[int]:
    return [number for number, _, _ in chain(found)]
