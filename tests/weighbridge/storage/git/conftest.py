"""A configuration repository for each test, and nothing of what whoever runs the tests has set up for Git."""

from pathlib import Path

import pytest

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
def config(tmp_path: Path) -> ConfigRepository:
    """A repository whose folder `taxi` says that models lie in `<tmp_path>/models`."""
    repository = ConfigRepository(tmp_path / "config.git")
    repository.settings(tmp_path / "models")
    return repository
