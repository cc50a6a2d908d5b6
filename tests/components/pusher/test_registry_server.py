"""MLflow's own server as destination: processes that race and are killed, who may come in, models that MLflow loads."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.components.pusher.helpers import make_model, make_statistics, weigh
from tests.components.pusher.processes import exit_code, start
from tests.mlflow_server import MlflowServer, mlflow_server
from weighbridge.common.digests import tree_digest
from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.components.artifacts.models import LOOKED_UP_AT
from weighbridge.components.evaluator.ledger import Entry, count
from weighbridge.components.production_model import fetch_production, production_history, read_record
from weighbridge.components.pusher import push
from weighbridge.storage.place import open_place
from weighbridge.storage.registry import client

pytestmark = pytest.mark.slow

ROUNDS = 10
# Before which request a push is killed: whether the new model is in production then, and whether the alias is at it.
KILLS = [
    ("mlflow-artifacts", 3, False, False),
    ("model-versions/create", 1, False, False),
    ("registered-models/alias", 1, True, False),
    ("registered-models/set-tag", 1, True, True),
    ("model-versions/set-tag", 1, True, True),
    ("runs/update", 1, True, True),
]


@pytest.fixture
def taxi(tracking_server: MlflowServer, monkeypatch: pytest.MonkeyPatch) -> str:
    """A registered model of a server without authentication, of a name that is new."""
    return registered(tracking_server, monkeypatch)


def registered(server: MlflowServer, monkeypatch: pytest.MonkeyPatch) -> str:
    for name in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", client.REGISTRY):
        monkeypatch.delenv(name, raising=False)
    for name, value in server.settings.items():
        monkeypatch.setenv(name, value)
    return f"models:/taxi-{uuid.uuid4().hex[:8]}"


def alias_of(address: str) -> int:
    return int(client.client().get_registered_model(address.removeprefix("models:/")).aliases["champion"])


def settled(address: str) -> list[tuple[int, str]]:
    name = address.removeprefix("models:/")
    found = client.client().search_model_versions(f"name='{name}'", order_by=["version_number ASC"])
    return [(int(version.version), version.tags.get("weighbridge.settled", "")) for version in found]


def test_pushed_fetched_and_pushed_again(tmp_path: Path, taxi: str) -> None:
    model, other = make_model(tmp_path / "model"), make_model(tmp_path / "other", "two")
    assert read_record(taxi) is None
    first = push(model, weigh(tmp_path / "e1", model), taxi, statistics=make_statistics(tmp_path / "statistics"))
    assert first.path == f"{taxi}/1"
    assert push(model, weigh(tmp_path / "e2", model), taxi).already
    assert push(other, weigh(tmp_path / "e3", other), f"{taxi}@challenger").path == f"{taxi}/2"
    second = push(other, weigh(tmp_path / "e4", other), taxi)
    assert fetch_production(taxi, tmp_path / "fetched", tmp_path / "its-statistics").record == second.record
    assert tree_digest(tmp_path / "fetched") == tree_digest(other)
    assert [record.version for record in production_history(taxi)] == [1, 3]
    name = taxi.removeprefix("models:/")
    challenger, champion = (client.client().get_model_version(name, number) for number in ("2", "3"))
    assert challenger.source == champion.source  # uploaded once


def test_of_pushers_that_race_one_wins_each_round(tmp_path: Path, taxi: str) -> None:
    """Each weighed against what was in production when the round began: none may replace another's."""
    models = [make_model(tmp_path / f"m{number}", f"model {number}", size=300) for number in range(4)]
    production: dict[str, str] = {}
    for number in range(ROUNDS):
        racers = models[: 2 + number % 3]
        barrier = multiprocessing.get_context("fork").Barrier(len(racers))

        def work(model: Path, evaluation: Path, barrier: Any = barrier) -> None:
            barrier.wait()
            pushed = push(model, evaluation, taxi)
            os._exit(0 if pushed.record and not pushed.already else 1)

        jobs = [
            (
                model,
                weigh(
                    tmp_path / f"e{number}-{index}",
                    model,
                    run_id=f"run-{number}-{index}",
                    **{LOOKED_UP_AT: f"{taxi}@champion"} | production,
                ),
            )
            for index, model in enumerate(racers)
        ]
        processes = [start(lambda job=job: work(*job)) for job in jobs]  # type: ignore[misc]
        for process in processes:
            process.join()
        won = [index for index, process in enumerate(processes) if process.exitcode == 0]
        record = read_record(taxi)
        assert record
        assert [f"run-{number}-{index}" for index in won] == [record.run_id]
        assert alias_of(taxi) == record.version
        assert {how for _, how in settled(taxi)} == {"production"}
        assert len(production_history(taxi)) == number + 1
        production = {"production": record.model_digest}
        models = models[1:] + models[:1]


def killed_at(kind: str, step: int, work: Callable[[], object]) -> bool:
    """Do work in a process that kills itself right before it sends its `step`-th request of a kind.

    Args:
        kind: part of the request's address.
        step: counted from 1.
        work: what to do.

    Returns:
        Whether it was killed.
    """

    def killing() -> None:
        sent, real = [0], requests.Session.send

        def send(session: requests.Session, request: requests.PreparedRequest, **options: Any) -> requests.Response:
            sent[0] += kind in str(request.url)
            if sent[0] == step:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(session, request, **options)

        requests.Session.send = send  # type: ignore[method-assign]
        work()

    code = exit_code(killing)
    assert code in (0, -signal.SIGKILL)
    return code != 0


def test_a_pusher_killed_at_any_request_leaves_the_old_or_the_new(tmp_path: Path, taxi: str) -> None:
    old = make_model(tmp_path / "old", "old", size=200)
    push(old, weigh(tmp_path / "e-old", old), taxi)
    for number, (kind, step, new, moved) in enumerate(KILLS):
        model = make_model(tmp_path / f"new-{number}", f"new {number}", size=200)
        evaluation, before = weigh(tmp_path / f"e-{number}", model), read_record(taxi)
        assert before
        assert killed_at(kind, step, lambda: push(model, evaluation, taxi))  # noqa: B023, done at once
        found = read_record(taxi)
        assert found
        assert (found.model_digest == tree_digest(model)) if new else (found == before)
        assert alias_of(taxi) == before.version + int(moved)
        fetch_production(taxi, tmp_path / f"fetched-{number}", tmp_path / f"statistics-{number}")
        record = push(model, evaluation, taxi).record
        assert record
        assert record == read_record(taxi)
        assert alias_of(taxi) == record.version == 2 + number
        assert {how for _, how in settled(taxi)} == {"production"}
        assert len(production_history(taxi)) == 2 + number


def test_attempts_of_racing_runs_get_a_number_each(taxi: str) -> None:
    data = f"sha256:{'d' * 64}"

    def attempt(model: str) -> Entry:
        return Entry(
            number=1,
            data=data,
            model=f"sha256:{model * 64}",
            pipeline="taxi",
            run_id=model,
            counted_at=datetime.now(UTC),
        )

    numbers: list[int] = []
    threads = [
        threading.Thread(
            target=lambda model=model: numbers.append(count(open_place(taxi), attempt(model), writes=True).number)
        )
        for model in "abcd"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == [1, 2, 3, 4]
    assert count(open_place(taxi), attempt("a"), writes=True).number in numbers
    assert count(open_place(taxi), attempt("e"), writes=True).number == 5
    assert read_record(taxi) is None  # what is counted is in production nowhere


def test_who_has_no_password_or_no_rights_is_told(
    tmp_path: Path, tracking_server_with_auth: MlflowServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    taxi = registered(tracking_server_with_auth, monkeypatch)
    model = make_model(tmp_path / "model")
    assert push(model, weigh(tmp_path / "e", model), taxi).record
    assert fetch_production(taxi, tmp_path / "fetched", tmp_path / "its-statistics").record
    stranger, password = f"u{uuid.uuid4().hex[:8]}", "pass-of-the-stranger"
    _create_user(tracking_server_with_auth, stranger, password)
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", stranger)
    for given, why in ((password, "No permission for"), ("wrong-password", "MLflow refuses who asks for")):
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", given)
        for work in (lambda: read_record(taxi), lambda: push(model, weigh(tmp_path / "e", model), taxi)):
            with pytest.raises(UsageError, match=why) as raised:
                work()
            assert given not in str(raised.value)
            assert taxi in raised.value.message
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", tracking_server_with_auth.password)
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", tracking_server_with_auth.user)
    assert alias_of(taxi) == 1


def _create_user(server: MlflowServer, name: str, password: str) -> None:
    answer = requests.post(
        f"{server.uri}/api/2.0/mlflow/users/create",
        json={"username": name, "password": password},
        auth=(server.user, server.password),
        timeout=60,
    )
    answer.raise_for_status()


def test_a_server_that_is_down_is_infrastructure_and_comes_back_with_what_it_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "0")
    model = make_model(tmp_path / "model")
    with mlflow_server(tmp_path / "server") as server:
        taxi = registered(server, monkeypatch)
        record = push(model, weigh(tmp_path / "e", model), taxi).record
        server.kill()
        for work in (lambda: read_record(taxi), lambda: push(model, weigh(tmp_path / "e", model), taxi)):
            with pytest.raises(InfrastructureError, match="MLflow fails at models:/taxi"):
                work()
        server.start()
        assert read_record(taxi) == record


def test_mlflow_loads_what_was_pushed(tmp_path: Path, taxi: str) -> None:
    """In a process of its own: TensorFlow belongs to no test beside it."""
    code = f"""
from pathlib import Path
import tensorflow as tf
from tests.components.pusher.helpers import weigh
from weighbridge.components.pusher import push

class Doubles(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="fare")])
    def serve(self, fare):
        return {{"doubled": 2 * fare}}

model, folder = Doubles(), Path({str(tmp_path)!r})
tf.saved_model.save(model, str(folder / "model"), signatures=model.serve)
assert push(folder / "model", weigh(folder / "e", folder / "model"), {taxi!r}).record

import mlflow.pyfunc, mlflow.tensorflow, numpy
infer = mlflow.tensorflow.load_model("{taxi}@champion")
assert infer(fare=tf.constant([1.5]))["doubled"].numpy().tolist() == [3.0]
loaded = mlflow.pyfunc.load_model("{taxi}@champion")
assert list(loaded.predict({{"fare": numpy.array([1.5], "float32")}})["doubled"]) == [3.0]
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
