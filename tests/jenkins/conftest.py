"""Builds of small Jenkinsfiles, and a job whose first build was green, put back to that state for every test."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.jenkins.job import Build, Job, groovy, harness
from tests.jenkins.scene import Scene
from tests.patience import wait_until


@pytest.fixture(scope="session")
def _first(tmp_path_factory: pytest.TempPathFactory, taxi_csv: Path) -> Iterator[tuple[Scene, Path]]:
    folder = tmp_path_factory.mktemp("jenkins")
    job = Job(folder / "now")
    job.create()
    scene = Scene(job, Build(folder, None), taxi_csv)
    job.input = scene.data
    scene.new_span(1)
    scene.first = job.build(approval={"by": "Ann"})
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


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "file").write_text("x")
    for command in (
        "init --quiet --initial-branch=main",
        "add file",
        "-c user.name=a -c user.email=a@b commit --quiet -m x",
    ):
        subprocess.run(["git", "-C", str(folder), *command.split()], check=True)
    return folder


@pytest.fixture
def start(tmp_path: Path, repository: Path) -> Any:
    """Starts a build of a Jenkinsfile's text."""
    number = 0

    def run(text: str, home: str = "home", **config: Any) -> Build:
        nonlocal number
        number += 1
        file = tmp_path / f"Jenkinsfile-{number}"
        file.write_text(text)
        head = subprocess.run(["git", "-C", repository, "rev-parse", "HEAD"], capture_output=True, text=True).stdout
        given = {
            "jenkinsfile": str(file),
            "home": str(tmp_path / home),
            "workspace": str(tmp_path / home / "workspace"),
            "locks": str(tmp_path / "locks"),
            "pool": str(tmp_path / "pool"),
            "branch": "main",
            "repository": str(repository),
            "commit": head.strip(),
            "environment": {"PATH": groovy()[1]["PATH"]},
            "agents": {"cpu-1": ["cpu"], "cpu-2": ["cpu"]},
            "secondsPerSecond": 0.001,
            "params": {},
        }
        process = harness(given | config, tmp_path / f"config-{number}.json")
        builds = tmp_path / home / "builds"
        known = len(list(builds.iterdir())) if builds.exists() else 0
        build = Build(builds / str(known + 1), process)
        wait_until(lambda: (build.folder / "log.txt").exists() or process.poll() is not None)
        return build

    return run
