"""A configuration repository, models beside it, and weighed models to push."""

from pathlib import Path

import pytest

from tests.components.pusher.helpers import make_model
from tests.config_repository import ConfigRepository, isolate


@pytest.fixture(autouse=True)
def _isolated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    isolate(monkeypatch, tmp_path)


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
