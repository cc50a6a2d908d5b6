"""Disks that are full, where copies are kept and where the repository lies: a clear error, and nothing half done."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.config_repository import ConfigRepository
from weighbridge.common.errors import InfrastructureError
from weighbridge.storage.git.repository import Repository

PAGE = 4096


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A filesystem of 512 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, check=False) if shutil.which("mount") else None
    if mounted is None or mounted.returncode:
        pytest.skip("a small filesystem cannot be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.slow
@pytest.mark.parametrize("full", ["cache", "repository"])
def test_a_full_disk_is_safe_to_retry(
    small_disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, full: str
) -> None:
    if full == "cache":
        monkeypatch.setenv("XDG_CACHE_HOME", str(small_disk / "cache"))
    config = ConfigRepository((small_disk if full == "repository" else tmp_path) / "config.git")
    config.settings(tmp_path / "models")
    Repository.open(config.address)
    filler, refused, done = small_disk / "filler", 0, 0
    for pages in range(0, 40, 2):
        before = config.head()
        free = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize
        filler.write_bytes(b"." * max(free - pages * PAGE, 0))
        try:
            repository = Repository.open(config.address)
            repository.commit({"production.json": str(pages).encode() * 3000}, "Deliver", repository.head())
            done += 1
            assert config.read("production.json") == str(pages).encode() * 3000
        except InfrastructureError:
            refused += 1
            assert config.head() == before
        filler.unlink()
    assert refused > 0
    assert done > 0
    repository = Repository.open(config.address)
    assert repository.commit({"production.json": b"7"}, "Deliver", repository.head()) == config.head()
    assert config.run("fsck", "--strict") is not None
