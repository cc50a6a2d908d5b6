"""Versions to roll back, at each kind of destination; models are a few bytes that begin with their names."""

from pathlib import Path

import pytest

from tests.components.pusher.buckets import GCS, S3, double_of
from tests.components.pusher.doubles import BUCKET
from tests.components.pusher.helpers import make_model, weigh
from tests.config_repository import ISOLATED, ConfigRepository
from weighbridge.components.production_model.standing import read_record, version_digest
from weighbridge.components.pusher import push
from weighbridge.components.pusher.push import Pushed
from weighbridge.storage.destination import open_destination

KINDS = ("folder", "git", GCS, S3)


@pytest.fixture
def config(tmp_path, monkeypatch) -> ConfigRepository:
    """A configuration repository whose models lie in a folder."""
    for name, value in ISOLATED.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    repository = ConfigRepository(tmp_path / "config.git")
    repository.settings(tmp_path / "models", manifests="deployment")
    return repository


@pytest.fixture(params=KINDS, ids=["folder", "git", "gs", "s3"])
def destination(request, tmp_path, monkeypatch) -> str:
    """Nothing yet: a folder, a repository that says what is in production, or a prefix of a double's bucket."""
    if request.param == "folder":
        return str(tmp_path / "production")
    if request.param == "git":
        return request.getfixturevalue("config").address
    double_of(request.param, monkeypatch)
    return f"{request.param.scheme}{BUCKET}/taxi"


@pytest.fixture
def folder(workdir) -> str:
    """Production in the work directory."""
    return str(workdir / "taxi" / "production")


def push_model(folder: Path, name: str, destination: str | Path, run_id: str = "", **how: str) -> Pushed:
    """A model of that name, weighed by a run of that name."""
    model, weighed = folder / f"model-{name}", folder / f"evaluation-{run_id or name}"
    if not model.exists():
        make_model(model, name)
    return push(model, weigh(weighed, model, run_id=run_id or f"run-{name}"), str(destination), **how)


def push_models(folder: Path, destination: str, names: str = "abc") -> None:
    for name in names:
        assert push_model(folder, name, destination).record is not None


def live_bytes(destination: str) -> bytes:
    """The first bytes of what is served: they begin with the model's name."""
    record = read_record(destination)
    place = open_destination(destination)
    assert version_digest(place, record.version) == record.model_digest
    return place.read(f"{record.version}/saved_model.pb")[:1]
