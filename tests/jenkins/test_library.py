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
    given = {"credentials": {"weighbridge-verify": "the public keys"}}
    return lambda steps, **more: start(load + pipeline(stage(steps, **more)), **given)


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


PROGRAM = """mkdir -p .venv/bin
cat > .venv/bin/weighbridge <<'END'
#!/bin/sh
printf '%s|' "$@" "$WEIGHBRIDGE_VERIFY_KEY" >> asked
exit CODE
END
chmod +x .venv/bin/weighbridge
"""


@pytest.mark.parametrize(("code", "result"), [(0, "SUCCESS"), (1, "FAILURE")])
def test_a_model_is_verified_with_the_keys_of_a_credential(
    calling: Any, tmp_path: Path, code: int, result: str
) -> None:
    """Whatever stands in a value reaches the command as one word."""
    given = "model: 's3://m/taxi/7; rm -rf x', key: 'weighbridge-verify', policy: 'a b.yaml', maxAge: '30d'"
    build: Build = calling(f"sh '''{PROGRAM.replace('CODE', str(code))}'''\nweighbridgeVerify({given})").wait()
    assert build.result == result, build.log
    asked = (tmp_path / "home/workspace/cpu-1/asked").read_text().rstrip("|").split("|")
    assert asked[:5] == ["verify", "--policy=a b.yaml", "--max-age=30d", "--", "s3://m/taxi/7; rm -rf x"]
    assert asked[5] == "the public keys"
    assert ("A gate refused." in build.log) == bool(code)


def test_what_verification_is_not_told_is_a_mistake(calling: Any) -> None:
    for given, why in (("key: 'x'", "wants a model"), ("model: 'x', age: '3d'", "not age")):
        build: Build = calling(f"weighbridgeVerify({given})").wait()
        assert build.result == "FAILURE"
        assert why in build.log
