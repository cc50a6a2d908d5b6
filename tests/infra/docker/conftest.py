"""The image, built once, and Kubeflow's local engine on podman."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.infra.docker import podman
from tests.patience import PATIENCE_S, wait_until


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The project's image, built by `make image` on a base of Debian's own packages."""
    if reason := podman.missing():
        pytest.skip(f"no containers here: {reason}")
    folder = tmp_path_factory.mktemp("podman")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CONTAINERS_CONF", str(podman.configure(folder)))
        if reason := podman.make_base(folder):
            pytest.skip(f"no base image here: {reason}")
        podman.build_image()
        yield podman.IMAGE


@pytest.fixture(scope="session")
def socket(image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Podman's service, which speaks Docker's protocol."""
    path = tmp_path_factory.mktemp("socket") / "podman.sock"
    service = subprocess.Popen(["podman", "system", "service", "--time=0", f"unix://{path}"])
    try:
        wait_until(lambda: path.exists() or service.poll() is not None)
        yield f"unix://{path}"
    finally:
        service.terminate()
        service.wait(PATIENCE_S)


@pytest.fixture
def engine(socket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Kubeflow's local engine, with a pipeline root of its own."""
    pytest.importorskip("docker")
    from tests.infra.docker.engine import Engine, install

    monkeypatch.setenv("DOCKER_HOST", socket)
    engine = Engine(tmp_path / "root")
    install(engine, monkeypatch)
    return engine
