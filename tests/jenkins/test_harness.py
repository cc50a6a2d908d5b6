"""The harness itself: it takes what Jenkins takes, rejects what it does not know, and does what Jenkins does."""

from pathlib import Path
from typing import Any

import pytest

from tests.jenkins.job import Build, lint
from tests.jenkins.texts import pipeline, stage
from tests.patience import wait_until

WHOLE = """
pipeline {
    agent none
    OPTIONS
    stages {
        stage('One') {
            agent { label 'cpu' }
            steps { sh 'echo one' }
        }
    }
}
"""

REJECTED = {
    "an unknown section": (
        WHOLE.replace("OPTIONS", "tools { jdk '17' }"),
        "tools may not stand in pipeline",
    ),
    "an unknown option": (
        WHOLE.replace("OPTIONS", "options { ansiColor('xterm') }"),
        "ansiColor may not stand in options",
    ),
    "an option of jobs in a stage": (
        WHOLE.replace("OPTIONS", "").replace("steps {", "options { disableConcurrentBuilds() }\n steps {"),
        "disableConcurrentBuilds may not stand in stage options",
    ),
    "a trigger in a stage": (
        WHOLE.replace("OPTIONS", "").replace("steps {", "triggers { cron('@daily') }\n steps {"),
        "triggers may not stand in stage",
    ),
    "an unknown step": (WHOLE.replace("OPTIONS", "").replace("sh 'echo", "bat 'echo"), "bat is not a step"),
    "an unknown step inside a script": (
        WHOLE.replace("OPTIONS", "").replace("sh 'echo one'", "script { if (1 == 2) { powershell 'echo' } }"),
        "powershell is not a step",
    ),
    "an unknown argument": (
        WHOLE.replace("OPTIONS", "").replace("sh 'echo one'", "sh(script: 'x', returnCode: true)"),
        "unknown argument returnCode",
    ),
    "a lock on a label without a resource, as Jenkins itself wants one": (
        WHOLE.replace("OPTIONS", "").replace("steps {", "options { lock(label: 'gpu') }\n steps {"),
        "lock: lacks resource",
    ),
    "JSON whose null would be true": (
        WHOLE.replace("OPTIONS", "").replace("sh 'echo one'", "script { readJSON(file: 'a.json') }"),
        "readJSON: lacks returnPojo",
    ),
    "code outside of a script": (
        WHOLE.replace("OPTIONS", "").replace("sh 'echo one'", "if (true) { sh 'echo one' }"),
        "code in steps",
    ),
    "two directives in one line, which Groovy takes for a chain of calls": (
        WHOLE.replace("OPTIONS", "").replace("agent { label 'cpu' }\n", "agent { label 'cpu' } "),
        "code in stage",
    ),
    "a stage without steps": (WHOLE.replace("OPTIONS", "").replace("steps { sh 'echo one' }", ""), "exactly one of"),
    "a stage with steps and stages": (
        WHOLE.replace("OPTIONS", "").replace("steps {", "stages {\n stage('x') {\n steps { echo() }\n }\n }\n steps {"),
        "exactly one of",
    ),
    "no agent": (WHOLE.replace("OPTIONS", "").replace("agent none", ""), "pipeline lacks agent"),
    "a condition that Jenkins does not know": (
        WHOLE.replace("OPTIONS", "post { whenever { sh 'true' } }"),
        "whenever may not stand in post",
    ),
    "a section twice": (WHOLE.replace("OPTIONS", "agent none"), "agent stands twice"),
    "two pipelines": (WHOLE.replace("OPTIONS", "") * 2, "one pipeline is wanted, not 2"),
    "code beside the pipeline": ("println 'x'\n" + WHOLE.replace("OPTIONS", ""), "only declarations"),
    "code in the environment": (
        WHOLE.replace("OPTIONS", "environment { sh 'x' }"),
        "environment holds NAME = value",
    ),
    "bad Groovy": ("pipeline {", "unexpected token"),
}


@pytest.fixture(scope="module")
def problems(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the harness has against each text, found in one go."""
    folder = tmp_path_factory.mktemp("rejected")
    files = [folder / str(number) for number in range(len(REJECTED))]
    for file, (text, _) in zip(files, REJECTED.values(), strict=True):
        file.write_text(text)
    return dict(zip(REJECTED, lint(files, folder), strict=True))


@pytest.mark.parametrize("what", REJECTED)
def test_rejects(what: str, problems: dict[str, str]) -> None:
    assert REJECTED[what][1] in problems[what]


def test_runs_shell_steps_for_real_and_keeps_what_they_leave(start: Any) -> None:
    body = "sh 'echo $GREETING > said.txt; cat file'\narchiveArtifacts(artifacts: '**/*.txt', fingerprint: true)"
    build = start(pipeline(stage(body), before='environment { GREETING = "hello ${1 + 1}" }')).wait()
    assert build.result == "SUCCESS"
    assert (build.folder / "archive/said.txt").read_text() == "hello 2\n"
    assert build.events("archive")[0]["fingerprints"]["said.txt"]
    assert "x" in build.log


def test_a_failing_step_ends_its_stage_and_those_behind_but_not_the_post_conditions(start: Any) -> None:
    one = stage("sh 'exit 7'\nsh 'echo never'")
    after = "post {\nfailure { mail(to: 'a', subject: 's', body: currentBuild.currentResult) }\nsuccess { sh 'x' }\n}"
    build = start(pipeline(one, stage("sh 'echo never'", "Two"), after=after)).wait()
    assert build.result == "FAILURE"
    assert build.commands() == ["exit 7"]
    assert build.results() == {"One": "FAILURE", "Two": "NOT_BUILT"}
    assert [event["body"] for event in build.events("mail")] == ["FAILURE"]


def test_changed_is_told_from_the_build_before(start: Any) -> None:
    after = "post {\nchanged { mail(to: 'a', subject: 's', body: 'b') }\n}"
    good, bad = (pipeline(stage(f"sh '{command}'"), after=after) for command in ("true", "false"))
    told = [bool(start(text).wait().events("mail")) for text in (good, good, bad, bad, good)]
    assert told == [True, False, True, False, True]


def test_fixed_and_regression_look_at_the_build_before_alone(start: Any) -> None:
    tell = "{ mail(to: 'a', subject: 's', body: 'b') }"
    after = f"post {{\nfixed {tell}\nregression {tell}\n}}"
    ways = ("true", "false", "false", "true")
    told = [bool(start(pipeline(stage(f"sh '{way}'"), after=after)).wait().events("mail")) for way in ways]
    assert told == [False, True, False, True]


def test_a_secret_is_bound_in_its_block_alone_and_never_shown(start: Any) -> None:
    bind = "withCredentials([string(credentialsId: 'id', variable: 'SECRET')]) { sh 'echo $SECRET' }"
    build = start(pipeline(stage(f"{bind}\nsh 'echo none:$SECRET'")), credentials={"id": "hush-hush"}).wait()
    assert [event["credentials"] for event in build.events("sh")] == [["SECRET"], []]
    assert "none:\n" in build.log
    assert "****" in build.log
    assert "hush-hush" not in build.log + str(build.journal)


def test_an_unknown_credential_fails_the_build(start: Any) -> None:
    bind = "withCredentials([string(credentialsId: 'other', variable: 'SECRET')]) { sh 'echo $SECRET' }"
    build = start(pipeline(stage(bind)), credentials={"id": "hush-hush"}).wait()
    assert build.result == "FAILURE"
    assert "Could not find credentials entry with ID 'other'" in build.log


def test_a_step_of_agents_fails_without_one_and_an_unknown_label_has_none(start: Any) -> None:
    assert "sh needs an agent" in start(pipeline(stage("sh 'true'", before=""))).wait().log
    nobody = start(pipeline(stage("sh 'true'", before="agent { label 'tpu' }"))).wait()
    assert nobody.result == "FAILURE"
    assert "No agent has the label tpu" in nobody.log


def test_a_new_agent_has_nothing_that_an_earlier_one_left(start: Any) -> None:
    build = start(pipeline(stage("sh 'touch left'"), stage("sh 'test ! -e left'", "Two"))).wait()
    assert build.result == "SUCCESS", build.log


def test_when_holds_stages_back_before_they_take_an_agent_or_a_lock(start: Any) -> None:
    before = "when {\nbeforeOptions true\nbeforeAgent true\nexpression { false }\n}\n"
    options = "options { lock(resource: 'r') }\nagent { label 'nowhere' }"
    build = start(pipeline(stage("sh 'true'", before=before + options))).wait()
    assert build.result == "SUCCESS"
    assert build.results() == {"One": "NOT_BUILT"}
    assert build.events("lock wanted") == []


def test_parameters_have_defaults_and_no_others_are_taken(start: Any) -> None:
    before = "parameters {\nstring(name: 'A', defaultValue: 'a')\nchoice(name: 'B', choices: ['b', 'c'])\n}"
    text = pipeline(stage('sh "echo ${params.A}${params.B}"'), before=before)
    assert start(text).wait().commands() == ["echo ab"]
    assert start(text, params={"B": "c"}).wait().commands() == ["echo ac"]
    wrong = start(text, params={"C": "c"})
    assert "no parameter C" in wrong.process.communicate()[1]
    assert wrong.process.returncode == 2


def test_a_lock_is_waited_for_by_the_builds_of_another_job(start: Any) -> None:
    locked = stage("sh 'sleep 1'", before="options { lock(resource: 'r', extra: [[label: 'pool', quantity: 1]]) }\n"
                   "agent { label 'cpu' }")  # fmt: skip
    builds = [start(pipeline(locked), home=home, resources={"pool": ["p1", "p2"]}) for home in ("one", "two")]
    times = [
        (build.events("lock held")[0]["at"], build.events("lock released")[0]["at"])
        for build in map(Build.wait, builds)
    ]
    (_, first_end), (second_begin, _) = sorted(times)
    assert first_end <= second_begin


def test_a_label_that_nobody_declared_is_an_error_and_no_endless_wait(start: Any) -> None:
    locked = stage("sh 'true'", before="options { lock(resource: null, label: 'pool') }\nagent { label 'cpu' }")
    assert "The label does not exist: pool" in start(pipeline(locked)).wait().log


def test_an_abort_ends_the_processes_of_the_step_and_post_conditions_still_run(start: Any, tmp_path: Path) -> None:
    ended = tmp_path / "ended"
    body = f"sh '''trap \"touch {ended}; exit 143\" TERM\necho up > up\nsleep 3600 & wait'''"
    after = "post {\naborted { mail(to: 'a', subject: 's', body: 'b') }\n}"
    build = start(pipeline(stage(body), stage("sh 'true'", "Two"), after=after))
    wait_until((tmp_path / "home/workspace/cpu-1/up").exists)
    build.abort()
    assert build.wait().result == "ABORTED"
    assert ended.exists()
    assert build.results()["Two"] == "NOT_BUILT"
    assert build.events("mail")


def test_a_newer_build_ends_the_older_and_waits_for_nobody(start: Any, tmp_path: Path) -> None:
    before = "options { disableConcurrentBuilds(abortPrevious: true) }"
    old = start(pipeline(stage("sh 'touch up; sleep 3600'"), before=before))
    wait_until((tmp_path / "home/workspace/cpu-1/up").exists)
    new = start(pipeline(stage("sh 'true'"), before=before)).wait()
    assert old.wait().result == "NOT_BUILT"
    assert "superseded by build 2" in old.log
    assert new.result == "SUCCESS"


def test_a_timeout_aborts(start: Any) -> None:
    before = "options { timeout(time: 0, unit: 'SECONDS') }\nagent { label 'cpu' }"
    build = start(pipeline(stage("sh 'sleep 3600'", before=before))).wait()
    assert build.result == "ABORTED"
    assert "timeout" in build.log


def test_an_approval_is_waited_for_without_an_agent_and_may_be_refused(start: Any) -> None:
    text = pipeline(
        stage(
            "script { who = env.BY\nenv.WHO = who }", "Ask", before="input {\nmessage 'Go?'\nsubmitterParameter 'BY'\n}"
        ),
        stage('sh "echo ${who} \\$WHO"', "Go"),
    )
    text = "import groovy.transform.Field\n@Field String who = ''\n" + text
    assert "Ann Ann\n" in start(text, approval={"by": "Ann"}).wait().log
    assert start(text, approval={"abort": "Ann"}).wait().result == "ABORTED"
    waiting = start(text)
    waiting.until(lambda build: build.events("input"))
    waiting.abort()
    assert waiting.wait().commands() == []


def test_test_cases_make_a_build_unstable_unless_told_otherwise(start: Any) -> None:
    write = "sh '''echo \"<t><testcase classname=\\'a\\' name=\\'b\\'><failure/></testcase></t>\" > r.xml'''"
    plain = start(pipeline(stage(f"{write}\njunit 'r.xml'"))).wait()
    assert plain.result == "UNSTABLE", plain.log
    assert plain.cases("failed") == ["b"]
    told = start(pipeline(stage(f"{write}\njunit(testResults: 'r.xml', skipMarkingBuildUnstable: true)"))).wait()
    assert told.result == "SUCCESS"
    assert "No test report files" in start(pipeline(stage("junit 'none.xml'"))).wait().log
