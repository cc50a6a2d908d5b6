"""A job whose first build was green, put back to that state for every test."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.jenkins.job import Build, Job
from tests.jenkins.scene import Scene


@pytest.fixture(scope="session")
def _first(tmp_path_factory: pytest.TempPathFactory, taxi_csv: Path) -> Iterator[tuple[Scene, Path]]:
    folder = tmp_path_factory.mktemp("jenkins")
    job = Job(folder / "now")
    job.create()
    scene = Scene(job, Build(folder, None), taxi_csv)  # type: ignore[arg-type]
    scene.new_span(1)
    scene.first = job.build(DATA=scene.data, approval={"by": "Ann"})
    assert scene.first.result == "SUCCESS", scene.first.log
    subprocess.run(["cp", "-a", job.folder, folder / "kept"], check=True)
    yield scene, folder / "kept"
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def scene(_first: tuple[Scene, Path]) -> Scene:
    """The job as its first build left it, at the same path: artifacts are known by theirs."""
    found, kept = _first
    shutil.rmtree(found.job.folder)
    subprocess.run(["cp", "-a", kept, found.job.folder], check=True)
    return found
