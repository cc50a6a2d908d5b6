"""The library's own steps, called one at a time from small Jenkinsfiles."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.jenkins.job import LIBRARY, ROOT, Build
from tests.jenkins.test_harness_libraries import commit
from tests.jenkins.texts import pipeline, stage
from tests.patience import wait_until


@pytest.fixture
def calling(start: Any, repository: Path) -> Any:
    """Starts a build of a pipeline with one stage."""
    shutil.copytree(ROOT / LIBRARY, repository / LIBRARY)
    commit(repository)
    load = f"library(identifier: 'w@main', retriever: legacySCM(scm: scm, libraryPath: '{LIBRARY}'))\n"
    return lambda steps, **more: start(load + pipeline(stage(steps, **more)))


def test_a_command_that_takes_too_long_has_failed_with_a_sentence(calling: Any) -> None:
    build: Build = calling("weighbridgeAttempt(command: 'sleep 3600', seconds: 1)").wait()
    assert build.result == "FAILURE"
    assert "It took longer than 1 seconds." in build.log


def test_whoever_ends_a_build_has_ended_it(calling: Any, tmp_path: Path) -> None:
    build: Build = calling("weighbridgeAttempt(command: 'touch up; sleep 3600')")
    wait_until((tmp_path / "home/workspace/cpu-1/up").exists)
    build.abort()
    assert build.wait().result == "ABORTED"


def test_a_trend_is_a_page_beside_the_reports(calling: Any) -> None:
    program = "mkdir -p .venv/bin; ln -s /bin/true .venv/bin/weighbridge"
    pages = "mkdir -p verdicts/r1; touch verdicts/r1/report.html verdicts/trend.html"
    steps = f"sh '{program}; {pages}'\nweighbridgePublish(title: 'Verdict')"
    build: Build = calling(steps).wait()
    assert build.result == "SUCCESS", build.log
    (page,) = build.events("html")
    assert sorted(page["files"]) == ["report.html", "trend.html"]


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("lint: 'x'", "wants a pipeline"),
        ("pipeline: 'a', mode: 'cloud'", "mode: 'cloud'): it is one of local, kubeflow."),
    ],
)
def test_arguments_that_cannot_be_are_refused(calling: Any, given: str, why: str) -> None:
    build: Build = calling(f"weighbridgeSettings({given})").wait()
    assert build.result == "FAILURE"
    assert why in build.log
