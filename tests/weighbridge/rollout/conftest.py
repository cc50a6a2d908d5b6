"""A shop with a model in production and a better one at staging."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.config_repository import ISOLATED, ConfigRepository
from tests.weighbridge.rollout.shop import GATES, PIPELINE, Shop
from weighbridge.common.digests import tree_digest


@pytest.fixture(params=["folder"])
def shop(
    request: pytest.FixtureRequest, tmp_path: Path, workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Shop]:
    """In a folder, or where a test says so `git`: in a configuration repository."""
    for name, value in ISOLATED.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    package = tmp_path / "shop"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "pipeline.py").write_text(PIPELINE)
    (package / "gates.yaml").write_text(GATES)
    monkeypatch.syspath_prepend(tmp_path)
    _forget()
    made = Shop(tmp_path, workdir / "shop")
    if request.param == "git":
        made.repository = ConfigRepository(tmp_path / "config.git", "shop")
        made.repository.settings(tmp_path / "models")
        (tmp_path / "stages.yaml").write_text(f"production: {made.destination}\n")
        monkeypatch.setenv("WEIGHBRIDGE_DESTINATIONS", str(tmp_path / "stages.yaml"))
    made.push("one", "production")
    made.push("two", "staging", against=tree_digest(tmp_path / "model-one"))
    yield made
    _forget()


def _forget() -> None:
    """Another test's package of this name is another one."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "shop"]:
        del sys.modules[name]
