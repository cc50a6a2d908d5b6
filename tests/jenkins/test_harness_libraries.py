"""The harness where a Jenkinsfile loads a library: what Jenkins finds, keeps apart and refuses there."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.jenkins.job import lint
from tests.jenkins.texts import pipeline, stage

LOAD = (
    "library(identifier: '{}', retriever: modernSCM(scm: [$class: 'GitSCMSource', remote: '{}'], libraryPath: 'lib'))\n"
)
WHOLE = f"void call(Map given) {{\n{pipeline(stage('sh given.command'))}}}\n"


def commit(repository: Path, **variables: str) -> None:
    """Variables of a library, committed to a repository."""
    for name, text in variables.items():
        (repository / "lib/vars").mkdir(parents=True, exist_ok=True)
        (repository / f"lib/vars/{name}.groovy").write_text(text)
    for command in ("add --all", "-c user.name=a -c user.email=a@b commit --quiet -m library"):
        subprocess.run(["git", "-C", repository, *command.split()], check=True)


def test_a_pipeline_stands_in_a_library_and_takes_arguments(start: Any, repository: Path) -> None:
    commit(repository, whole=WHOLE)
    build = start(LOAD.format("l@main", repository) + "whole(command: 'cat file')").wait()
    assert build.result == "SUCCESS", build.log
    assert build.commands() == ["cat file"]
    assert build.events("library")[0]["variables"] == ["whole"]


def test_variables_call_each_other_and_whoever_calls_one_has_it_to_himself(start: Any, repository: Path) -> None:
    counts = "@groovy.transform.Field int times = 0\nint call() {\n times++\n return times\n}\n"
    twice = "int call() {\n counts()\n return counts()\n}\n"
    commit(repository, counts=counts, twice=twice)
    text = LOAD.format("l@main", repository) + 'echo "${twice()} ${counts()} ${twice()}"'
    assert "2 1 4" in start(text).wait().log


def test_a_block_of_a_step_sees_the_variable_that_it_stands_in(start: Any, repository: Path) -> None:
    text = "void call() {\n timeout(time: 1) { sh words() }\n}\nString words() {\n return 'echo ours'\n}\n"
    commit(repository, says=text)
    build = start(LOAD.format("l@main", repository) + pipeline(stage("says()"))).wait()
    assert build.commands() == ["echo ours"], build.log


@pytest.mark.slow
def test_a_library_is_that_of_a_branch_a_tag_a_commit_or_of_the_build_itself(start: Any, repository: Path) -> None:
    commit(repository, whole=WHOLE)
    subprocess.run(["git", "-C", repository, "tag", "v1"], check=True)
    tip = subprocess.run(["git", "-C", repository, "rev-parse", "HEAD"], capture_output=True, text=True).stdout.strip()
    commit(repository, whole=WHOLE.replace("sh given.command", "sh 'echo newer'"))
    own = "library(identifier: 'l@own', retriever: legacySCM(scm: scm, libraryPath: 'lib'))\n"
    ways = [LOAD.format(f"l@{version}", repository) for version in ("v1", tip, "main")] + [own]
    builds = [start(way + "whole(command: 'echo older')") for way in ways]
    assert [build.wait().commands() for build in builds] == [["echo older"]] * 2 + [["echo newer"]] * 2


def test_a_library_may_be_one_that_the_controller_knows(start: Any, repository: Path) -> None:
    commit(repository, whole=WHOLE)
    known = {"l": {"remote": str(repository), "defaultVersion": "main", "libraryPath": "lib"}}
    assert start("library 'l'\nwhole(command: 'true')", libraries=known).wait().commands() == ["true"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("jenkinsfile", "why"),
    [
        (LOAD.format("l@gone", "REMOTE"), "No version gone found for library l"),
        (LOAD.format("l", "REMOTE"), "Must specify a version for library l"),
        (
            LOAD.format("l@main", "REMOTE").replace("'lib'", "'other'"),
            "expected to contain at least one of src or vars",
        ),
        (LOAD.format("l@main", "REMOTE").replace("'lib'", "'../lib'"), "may not contain '..'"),
        ("library 'l@main'\n", "No library named l found"),
        (LOAD.format("l@main", "REMOTE") + "twice()", "Only one pipeline { ... } block can be executed"),
    ],
)
def test_what_cannot_be_loaded_fails_the_build(start: Any, repository: Path, jenkinsfile: str, why: str) -> None:
    one = pipeline(stage("sh 'true'"))
    commit(repository, twice=f"void call() {{\n{one}{one}}}\n")
    build = start(jenkinsfile.replace("REMOTE", str(repository))).wait()
    assert build.result == "FAILURE"
    assert why in build.log


def test_somebody_who_is_not_trusted_cannot_propose_another_library(start: Any, repository: Path) -> None:
    commit(repository, whole=WHOLE)
    text = "library(identifier: 'l@own', retriever: legacySCM(scm: scm, libraryPath: 'lib'))\nwhole(command: 'true')"
    build = start(text, trusted=False).wait()
    assert "modified in an untrusted revision" in build.log
    assert build.commands() == []


def test_a_name_that_no_library_brings_is_an_error(start: Any, repository: Path) -> None:
    commit(repository, whole=WHOLE)
    build = start(LOAD.format("l@main", repository) + "hole(command: 'true')")
    assert "No such DSL method 'hole'" in build.process.communicate()[1]


BLOCK = pipeline(stage("sh 'true'"))
REJECTED = {
    "a pipeline in another method": (f"void call() {{\n go()\n}}\nvoid go() {{\n{BLOCK}}}\n", "first method call"),
    "a pipeline in a second call": (
        f"void call() {{\n sh 'x'\n}}\nvoid call(Map m) {{\n{BLOCK}}}\n",
        "first method call",
    ),
    "a pipeline in a step": (f"void call() {{\n timeout(time: 1) {{\n{BLOCK}}}\n}}\n", "first method call"),
    "a mistake in the pipeline": (f"void call() {{\n{BLOCK.replace('agent none', '')}}}\n", "pipeline lacks agent"),
    "an unknown step": ("void call() {\n bat 'x'\n}\n", "bat is not a step"),
    "something outside of methods": ("println 'x'\n", "does something where it stands"),
}


def test_mistakes_of_a_library_are_found_before_it_runs(tmp_path: Path) -> None:
    files = []
    for number, (text, _) in enumerate(REJECTED.values()):
        files.append(tmp_path / f"{number}/vars/whole.groovy")
        files[-1].parent.mkdir(parents=True)
        files[-1].write_text(text)
    either = tmp_path / "good/vars/whole.groovy"
    either.parent.mkdir(parents=True)
    either.write_text(f"void call(boolean one) {{\n if (one) {{\n{BLOCK}}} else {{\n{BLOCK}}}\n}}\n")
    *found, good = lint([*files, either], tmp_path)
    assert good == ""
    for (what, (_, why)), problem in zip(REJECTED.items(), found, strict=True):
        assert why in problem, what


def test_a_pipeline_of_a_jenkinsfile_stands_at_its_top(tmp_path: Path) -> None:
    file = tmp_path / "Jenkinsfile"
    file.write_text(f"library 'l'\nif (true) {{\n{BLOCK}}}\n")
    assert "at the top of a Jenkinsfile" in lint([file], tmp_path)[0]


CATCH = (
    "catchError(message: 'Not so bad.', buildResult: 'SUCCESS', stageResult: 'SUCCESS', catchInterruptions: false) {"
)


def test_an_error_that_is_caught_is_said_and_changes_nothing(start: Any) -> None:
    build = start(pipeline(stage(f"{CATCH}\nsh 'false'\n}}\nsh 'echo on'"))).wait()
    assert build.result == "SUCCESS"
    assert build.commands() == ["false", "echo on"]
    assert "Not so bad." in build.log


@pytest.mark.slow
def test_a_name_and_a_password_are_bound_as_two_variables_and_a_secret_text_is_none(start: Any) -> None:
    bind = "withCredentials([usernamePassword(credentialsId: 'id', usernameVariable: 'U', passwordVariable: 'P')])"
    text = pipeline(stage(f"{bind} {{ sh 'echo $U has $P' }}"))
    both = start(text, credentials={"id": {"username": "app", "password": "hush-hush"}}).wait()
    assert both.result == "SUCCESS", both.log
    assert "****" in both.log
    assert "hush-hush" not in both.log
    assert "of another type" in start(text, credentials={"id": "hush-hush"}).wait().log


def test_parameters_that_a_job_does_not_have_yet_are_dropped(start: Any) -> None:
    text = pipeline(stage('sh "echo ${params.A}"'), before="parameters { string(name: 'A', defaultValue: 'a') }")
    assert [start(text, params={"A": "given"}).wait().commands() for _ in range(2)] == [["echo a"], ["echo given"]]
