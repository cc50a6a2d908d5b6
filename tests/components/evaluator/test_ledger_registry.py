"""The ledger of attempts in MLflow's registry, on a double of its client."""

import random
from datetime import UTC, datetime

import pytest

from tests.components.pusher.doubles import Killed
from tests.components.pusher.mlflow_double import MlflowDouble, mlflow_double
from tests.components.pusher.turns import Turns
from weighbridge.common.errors import UsageError
from weighbridge.components.evaluator.ledger import Entry, count, read_ledger
from weighbridge.storage.place import open_place

TAXI = "models:/taxi"
DATA = f"sha256:{'d' * 64}"


@pytest.fixture
def mlflow(monkeypatch: pytest.MonkeyPatch) -> MlflowDouble:
    return mlflow_double(monkeypatch)


def attempt(model: str) -> Entry:
    return Entry(
        number=1, data=DATA, model=f"sha256:{model * 64}", pipeline="taxi", run_id=model, counted_at=datetime.now(UTC)
    )


def test_attempts_are_counted_beside_the_model(mlflow: MlflowDouble) -> None:
    assert [count(open_place(TAXI), attempt(model), writes=True).number for model in "aba"] == [1, 2, 1]
    assert count(open_place(TAXI), attempt("c"), writes=False).number == 3
    assert [entry.number for entry in read_ledger(open_place(TAXI), DATA)] == [1, 2]
    assert "taxi" not in mlflow.models
    assert len(mlflow.models["taxi.attempts"].versions) == 2
    assert count(open_place("models:/taxi@challenger"), attempt("f"), writes=True).number == 1  # a ledger of its own


@pytest.mark.parametrize("how", ["changed", "removed"])
def test_an_entry_that_was_changed_or_removed_shows(mlflow: MlflowDouble, how: str) -> None:
    for model in "abc":
        count(open_place(TAXI), attempt(model), writes=True)
    if how == "removed":
        mlflow.delete_model_version("taxi.attempts", "2")
    else:
        tags = mlflow.models["taxi.attempts"].versions[2].tags
        tags["weighbridge.content"] = tags["weighbridge.content"].replace("b" * 64, "e" * 64)
    with pytest.raises(UsageError, match=r"ledger of attempts is broken at models:/taxi\.attempts") as raised:
        count(open_place(TAXI), attempt("f"), writes=True)
    assert "taxi.attempts" in raised.value.hint


def test_of_runs_at_once_each_gets_a_number_of_its_own(mlflow: MlflowDouble) -> None:
    for seed in range(60):
        mlflow.models.clear()
        drawn = random.Random(seed)
        turns = Turns(drawn, {0: drawn.randint(1, 8)} if seed % 2 else {}, Killed)
        mlflow.before = lambda request, turns=turns: turns.point()  # type: ignore[misc]
        works = [lambda model=model: count(open_place(TAXI), attempt(model), writes=True).number for model in "abc"]
        numbers = [number for number in turns.run(works) if isinstance(number, int)]  # type: ignore[arg-type]
        mlflow.before = lambda request: None
        entries = read_ledger(open_place(TAXI), DATA)
        assert len(set(numbers)) == len(numbers) >= (2 if seed % 2 else 3)
        assert set(numbers) <= {entry.number for entry in entries}
