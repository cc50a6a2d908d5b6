"""Versions of a configuration repository that lie in a bucket or in MLflow's registry, on doubles of their clients."""

from pathlib import Path

import pytest

from tests.components.pusher.buckets import GCS, S3, double_of
from tests.components.pusher.doubles import BUCKET
from tests.components.pusher.helpers import weigh
from tests.components.pusher.mlflow_double import mlflow_double
from tests.config_repository import ConfigRepository
from weighbridge.common.digests import tree_digest
from weighbridge.common.errors import InfrastructureError
from weighbridge.components.production_model import fetch_production, production_history, read_record
from weighbridge.components.production_model.standing import verify_production
from weighbridge.components.pusher import push
from weighbridge.storage.destination import open_destination
from weighbridge.storage.git.repository import Repository


@pytest.fixture(params=["gs", "s3", "mlflow"])
def place(request: pytest.FixtureRequest, config: ConfigRepository, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "mlflow":
        mlflow_double(monkeypatch)
        found = "models:/taxi"
    else:
        kind = {"gs": GCS, "s3": S3}[request.param]
        double_of(kind, monkeypatch)
        found = f"{kind.scheme}{BUCKET}/taxi"
    config.settings(found)
    return found


def test_versions_and_their_past_lie_there(
    place: str, config: ConfigRepository, model: Path, other: Path, tmp_path: Path
) -> None:
    for name, each in (("one", model), ("two", other)):
        assert push(each, weigh(tmp_path / name, each, run_id=name), config.address).record is not None
    assert push(other, weigh(tmp_path / "two", other, run_id="two"), config.address).already
    verify_production(config.address)
    assert [record.run_id for record in production_history(config.address)] == ["one", "two"]
    fetched = fetch_production(config.address, tmp_path / "fetched", tmp_path / "statistics")
    assert fetched.record == read_record(config.address)
    assert tree_digest(tmp_path / "fetched") == tree_digest(other)


def test_a_push_that_ended_before_its_commit_is_completed_without_another_version(
    place: str, config: ConfigRepository, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluation = weigh(tmp_path / "evaluation", model)
    with monkeypatch.context() as patched:
        patched.setattr(Repository, "commit", lambda *_, **__: (_ for _ in ()).throw(InfrastructureError("gone")))
        with pytest.raises(InfrastructureError):
            push(model, evaluation, config.address)
    assert read_record(config.address) is None
    there = open_destination(place).folders()
    pushed = push(model, evaluation, config.address)
    assert open_destination(place).folders() == there
    assert read_record(config.address) == pushed.record
    assert config.messages()[0].startswith("Deliver taxi version 1\n\n1 gate passed.")
