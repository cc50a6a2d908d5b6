"""The harness where builds meet: agents and locks that are taken, milestones, first builds, agents that are lost."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.jenkins.job import Build
from tests.jenkins.texts import pipeline, stage
from tests.patience import wait_until

ONE_AGENT = {"agents": {"only": ["cpu"]}}


def up(tmp_path: Path, agent: str = "cpu-1", home: str = "home") -> None:
    """Wait until a step has written `up` on an agent."""
    wait_until((tmp_path / home / "workspace" / agent / "up").exists)


def until_told(tmp_path: Path) -> str:
    """A step that writes `up` and does not end before there is a file `go`."""
    return f"sh 'touch up; while [ ! -e {tmp_path}/go ]; do sleep 0.1; done'"


def lose(tmp_path: Path, agent: str) -> None:
    (tmp_path / "pool" / f"{agent}.lost").touch()


def choices(build: Build) -> list[str]:
    return [event["choices"][0][0] for event in build.events("lock wanted")]


def test_a_build_waits_for_a_free_agent_and_who_waits_longest_is_next(start: Any, tmp_path: Path) -> None:
    first = start(pipeline(stage(until_told(tmp_path)), stage("sh 'true'", "Two")), **ONE_AGENT)
    up(tmp_path, "only")
    other = start(pipeline(stage("sh 'true'")), home="other", **ONE_AGENT)
    other.until(lambda build: build.events("agent wanted"))
    (tmp_path / "go").touch()
    assert first.wait().result == other.wait().result == "SUCCESS"
    (taken,) = other.events("agent")
    assert first.events("agent")[0]["at"] < taken["at"] < first.events("agent")[1]["at"]


def test_a_lock_around_a_stage_is_held_while_it_waits_for_an_agent_and_taken_though_there_is_nothing_to_do(
    start: Any,
) -> None:
    before = "when { expression { false } }\noptions { lock(resource: 'r') }\nagent { label 'cpu' }"
    build = start(pipeline(stage("sh 'true'", before=before))).wait()
    assert build.results() == {"One": "NOT_BUILT"}
    kinds = [event["event"] for event in build.journal]
    assert [kind for kind in kinds if kind in ("lock held", "agent", "lock released")] == [
        "lock held",
        "agent",
        "lock released",
    ]


def test_a_timeout_strikes_while_a_lock_is_waited_for(start: Any, tmp_path: Path) -> None:
    holding = start(pipeline(stage("lock('r') { sh 'touch up; sleep 3600' }")))
    up(tmp_path)
    wait = "timeout(time: 0, unit: 'SECONDS') { lock('r') { sh 'true' } }"
    waiting = start(pipeline(stage(wait)), home="other").wait()
    assert waiting.result == "ABORTED"
    assert waiting.commands() == []
    holding.abort()
    holding.wait()


def test_parameters_are_there_once_the_first_build_has_described_the_job(start: Any) -> None:
    before = "parameters { string(name: 'A', defaultValue: 'a') }"
    early = "options { lock(resource: \"r-${params.A}\") }\nagent { label 'cpu' }"
    text = pipeline(stage("lock(\"s-${params.A}\") { sh 'true' }", before=early), before=before)
    assert choices(start(text).wait()) == ["r-null", "s-a"]
    assert choices(start(text).wait()) == ["r-a", "s-a"]


def test_concurrent_builds_are_kept_apart_by_what_an_earlier_build_told_of_the_job(start: Any, tmp_path: Path) -> None:
    alone = pipeline(stage("sh 'true'"), before="options { disableConcurrentBuilds() }")
    start(alone).wait()
    old = start(pipeline(stage(until_told(tmp_path)), before="options { disableConcurrentBuilds() }"))
    up(tmp_path)
    new = start(alone)
    (tmp_path / "go").touch()
    new.wait()
    assert old.wait().result == "SUCCESS"
    assert old.events("end")[0]["at"] <= new.events("agent")[0]["at"]


def test_who_passes_a_milestone_ends_all_older_builds_that_have_not(start: Any, tmp_path: Path) -> None:
    waits = pipeline(
        stage("sh 'touch up; sleep 3600'"), after="post { notBuilt { mail(to: 'a', subject: 's', body: 'b') } }"
    )
    old = start(waits)
    up(tmp_path)
    ahead = start(pipeline(stage("milestone 5", before=""), stage("sh 'touch two; sleep 3600'", "Two")))
    wait_until(lambda: any(tmp_path.glob("home/workspace/*/two")))  # on either agent: the older build leaves its own
    assert old.wait().result == "NOT_BUILT"
    assert old.events("mail")
    new = start(pipeline(stage("milestone(ordinal: 4)", before=""))).wait()
    assert new.result == "SUCCESS"
    ahead.abort()  # which the newer one, behind it, has not ended
    assert ahead.wait().result == "ABORTED"


LOSES = "sh 'test -e {tmp}/again || (touch up {tmp}/again; sleep 3600)'"


@pytest.mark.parametrize(("retries", "result"), [("", "FAILURE"), ("; retries 2", "SUCCESS")])
def test_a_lost_agent_fails_the_step_and_its_post_conditions_unless_it_may_be_tried_again(
    start: Any, tmp_path: Path, retries: str, result: str
) -> None:
    after = "}\npost { always { sh 'echo told' }"
    one = stage(LOSES.format(tmp=tmp_path) + after, before=f"agent {{ node {{ label 'cpu'{retries} }} }}")
    build = start(pipeline(one), **ONE_AGENT | {"agents": {"cpu-1": ["cpu"]}})
    up(tmp_path)
    lose(tmp_path, "cpu-1")
    assert build.wait().result == result
    assert len(build.events("agent")) == (2 if retries else 1)
    assert build.commands("told") == (["echo told"] if retries else [])


def test_a_stage_around_others_is_tried_again_as_a_whole_but_not_for_a_failing_step(start: Any, tmp_path: Path) -> None:
    nested = "".join([stage("sh 'echo first'", "First", ""), stage(LOSES.format(tmp=tmp_path), "Second", "")])
    whole = "stage('Around') {\nagent { node { label 'cpu'; retries 2 } }\nstages {\n" + nested + "}\n}\n"
    build = start(pipeline(whole))
    up(tmp_path)
    lose(tmp_path, "cpu-1")
    assert build.wait().result == "SUCCESS", build.log
    assert len(build.commands("first")) == 2
    failing = stage("sh 'false'", before="agent { node { label 'cpu'; retries 2 } }")
    assert start(pipeline(failing), home="other").wait().commands() == ["false"]


def test_a_plain_job_checks_out_what_is_there_by_then_and_a_multibranch_job_one_commit_and_no_other_branch(
    start: Any, repository: Path, tmp_path: Path
) -> None:
    def git(*arguments: str) -> None:
        subprocess.run(
            ["git", "-C", str(repository), "-c", "user.name=a", "-c", "user.email=a@b", *arguments], check=True
        )

    two = pipeline(
        stage(f"sh 'git rev-parse HEAD > up; while [ ! -e {tmp_path}/go ]; do sleep 0.1; done'"),
        stage("sh 'git rev-parse HEAD; git branch --remotes'", "Two"),
    )
    branch = {"environment": {"BRANCH_NAME": "PR-1", "PATH": "/usr/bin:/bin"}}
    builds = [start(two), start(two, home="request", **branch)]
    for build in builds:
        build.until(lambda build: build.events("checkout"))
    git("commit", "--quiet", "--allow-empty", "-m", "y")
    (tmp_path / "go").touch()
    plain, request = ([event["commit"] for event in build.wait().events("checkout")] for build in builds)
    assert len(set(plain)) == 2
    assert len(set(request)) == 1
    assert "origin/PR-1" in builds[1].log
    assert "origin/main" not in builds[1].log


def test_nothing_is_checked_out_where_the_jenkinsfile_says_so(start: Any) -> None:
    text = pipeline(
        stage("sh 'test ! -e file'\ncheckout(scm: scm)\nsh 'test -e file'"), before="options { skipDefaultCheckout() }"
    )
    assert start(text).wait().result == "SUCCESS"
