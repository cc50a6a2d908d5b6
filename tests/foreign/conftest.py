"""The wheel, and an environment that it is installed in; made once."""

from pathlib import Path

import pytest

from tests.foreign.installed import Installed, build_wheel, copy_of_the_sources, install


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    return build_wheel(copy_of_the_sources(folder / "sources"), folder / "dist")


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return install(wheel, tmp_path_factory.mktemp("installed") / "venv")
