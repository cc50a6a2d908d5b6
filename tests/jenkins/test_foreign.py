"""Somebody else's repository, as `weighbridge init` leaves it: from its first build to a model in production."""

import json
from pathlib import Path

import pytest

from tests.foreign.installed import build_wheel, copy_of_the_sources, install
from tests.jenkins.foreign import ForeignJob, InitJob
from tests.jenkins.scene import ANN, DATA, DELIVERY, PLAN, REHEARSAL, SETTING_UP, TRAINING, triggers

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> ForeignJob:
    folder = tmp_path_factory.mktemp("foreign")
    wheel = build_wheel(copy_of_the_sources(folder / "sources"), folder / "dist")
    made = InitJob(folder / "job", installed=install(wheel, folder / "venv"))
    made.create()
    return made


def test_ten_lines_take_a_pipeline_from_its_first_build_to_production(job: ForeignJob) -> None:
    assert len((job.repository / "Jenkinsfile").read_text().splitlines()) <= 10
    main = job.named("main", BRANCH_NAME="main")
    first = main.build(approval=ANN)
    assert first.result == "SUCCESS", first.log
    # None of this project's lint and tests, no set-up.
    assert first.built() == [*SETTING_UP, *PLAN, *DATA, *REHEARSAL, *TRAINING, *DELIVERY]
    assert {command.split()[0] for command in first.commands()} == {"weighbridge", "test"}
    production = json.loads((job.work / "fraud/production/production.json").read_text())
    assert (production["version"], production["approved_by"]) == (1, "Ann")
    assert "quality.auc.min" in first.cases("passed")
    assert [event["name"] for event in first.events("html")] == [
        "Data",
        "Rehearsal",
        "Verdict",
        "Canary",
        "Production",
    ]
    assert "trend.html" in first.events("html", name="Verdict")[0]["files"]
    # Nothing is needed but the plugins: no lockable resource, no credential, and so no alarm starts anything.
    assert triggers(first)["GenericTrigger"]["regexpFilterText"].startswith("none ")
    again = main.build()
    assert again.built() == [*SETTING_UP, *PLAN]

    # A pull request rehearses, and is compared with its target.
    job.commit(
        "More steps",
        branch="more",
        **{"fraud/pipeline.py": lambda text: text.replace("Field(30, ge=1", "Field(29, ge=1")},
    )
    proposed = job.named("PR-1", BRANCH_NAME="PR-1", CHANGE_ID="1", CHANGE_TARGET="main").build()
    assert proposed.result == "SUCCESS", proposed.log
    assert proposed.built() == ["Supersede", *SETTING_UP, *PLAN, *DATA, *REHEARSAL]


def test_what_the_repository_has_of_its_own_runs_where_code_changed(job: ForeignJob) -> None:
    own = "lint: 'echo linted', test: 'echo tested; exit 1',\n    pipeline:"
    job.commit("Test it", branch="tested", Jenkinsfile=lambda text: text.replace("pipeline:", own))
    build = job.named("tested", BRANCH_NAME="tested").build()
    assert build.commands("echo") == ["echo linted", "echo tested; exit 1"]
    assert build.result == "FAILURE"
    assert "Exit code 1." in build.log


def test_a_wrong_argument_is_refused_with_those_that_are_known(job: ForeignJob) -> None:
    job.commit("Mistype", branch="mistyped", Jenkinsfile=lambda text: text.replace("pipeline:", "tset: 'x', pipeline:"))
    build = job.named("mistyped", BRANCH_NAME="mistyped").build()
    assert build.result == "FAILURE"
    assert "does not know the argument tset; it knows: pipeline, data, branch," in build.log
    assert build.events("agent") == []


def test_an_agent_without_weighbridge_says_what_to_do(job: ForeignJob, tmp_path: Path) -> None:
    bare = ForeignJob(tmp_path)
    bare.create()
    build = bare.build()
    assert build.result == "FAILURE"
    assert "has no weighbridge, neither on PATH nor in .venv/bin" in build.log
