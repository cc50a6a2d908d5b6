"""A configuration repository, models beside it, and weighed models to push."""

from pathlib import Path

import pytest

from tests.components.pusher.helpers import make_model
from tests.config_repository import ISOLATED, ConfigRepository


@pytest.fixture(autouse=True)
def _isolated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ISOLATED.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("WEIGHBRIDGE_GIT_TOKEN", "WEIGHBRIDGE_GIT_USER", "WEIGHBRIDGE_GIT_SIGNING_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return tmp_path / "models"


@pytest.fixture
def config(tmp_path: Path, models: Path) -> ConfigRepository:
    repository = ConfigRepository(tmp_path / "config.git")
    repository.settings(models)
    return repository


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return make_model(tmp_path / "model")


@pytest.fixture
def other(tmp_path: Path) -> Path:
    return make_model(tmp_path / "other", "two")
