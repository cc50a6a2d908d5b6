"""A configuration repository for each test, and nothing of what whoever runs the tests has set up for Git."""

from pathlib import Path

import pytest

from tests.config_repository import ConfigRepository, isolate


@pytest.fixture(autouse=True)
def _isolated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    isolate(monkeypatch, tmp_path)


@pytest.fixture
def config(tmp_path: Path) -> ConfigRepository:
    """A repository whose folder `taxi` says that models lie in `<tmp_path>/models`."""
    repository = ConfigRepository(tmp_path / "config.git")
    repository.settings(tmp_path / "models")
    return repository
