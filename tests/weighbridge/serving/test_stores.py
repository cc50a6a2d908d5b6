"""The real server on destinations that are no folders: it fetches, verifies and follows them with its own libraries."""

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from tests.components.evaluator.helpers import export
from tests.components.pusher.buckets import BUCKET, KINDS
from tests.components.pusher.helpers import weigh
from tests.config_repository import ConfigRepository, isolate
from tests.made_once import made_once
from tests.patience import wait_until
from tests.serving_server import serving_server
from weighbridge.components.pusher import push

pytestmark = pytest.mark.slow


def _make(folder: Path) -> None:
    for number in (1, 2):
        export(folder / f"m{number}", lambda miles, n=number: {"p": miles * n}, {"miles": ((None,), "float32")})


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return made_once(tmp_path_factory, "store-models", _make)


@pytest.fixture(params=[*KINDS, None], ids=["gs", "s3", "git"])
def destination(request, tmp_path, monkeypatch) -> Any:
    """A bucket behind real HTTP (substitutes for the services), or a real Git repository with models in a folder."""
    kind = request.param
    isolate(monkeypatch, tmp_path)
    with kind.server() if kind else nullcontext():
        if kind:
            yield f"{kind.scheme}{BUCKET}/taxi"
        else:
            repository = ConfigRepository(tmp_path / "config.git")
            repository.settings(tmp_path / "models/taxi")
            yield repository.address


def test_it_serves_and_follows_what_is_in_production_there(destination, models, tmp_path):
    def push_version(number: int) -> None:
        model = models / f"m{number}/Format-Serving"
        push(model, weigh(tmp_path / f"e{number}", model, run_id=f"run-{number}"), destination)

    push_version(1)
    with serving_server(tmp_path, "taxi", destination, "--watch", "0.3", "--pipeline", "taxi") as server:
        assert server.predict([{"miles": 1.0}])[:2] == (200, {"predictions": [1.0]})
        push_version(2)
        wait_until(lambda: server.predict([{"miles": 1.0}])[1] == {"predictions": [2.0]}, "version 2")
        assert server.metric("weighbridge_model_info", version="2") == 1
        assert server.metric("weighbridge_watch_success_seconds") > 0
