"""What starts what: builds of the real Jenkinsfile with real runs of the taxi pipeline, in place of a controller."""

import json
import re
from pathlib import Path

import pytest

from tests.jenkins.job import TOKEN
from tests.jenkins.scene import (
    ANN,
    CODE,
    DATA,
    DELIVERY,
    PLAN,
    REHEARSAL,
    SETTING_UP,
    TRAINING,
    Rows,
    Scene,
    plan_of,
    production_record,
    steps_of,
    triggers,
)

pytestmark = pytest.mark.slow


def test_a_green_commit_goes_all_the_way(scene: Scene) -> None:
    first = scene.first
    assert first.built() == [*SETTING_UP, *CODE, *PLAN, *DATA, *REHEARSAL, *TRAINING, *DELIVERY]
    assert [call.split()[0] for call in scene.job.made()] == ["lint", "test", "test-slow"]
    assert production_record(scene)["version"] == 1
    assert production_record(scene)["approved_by"] == "Ann"
    assert (scene.job.work / "taxi/canary/production.json").exists()
    # A gate is a test case, wherever it was weighed.
    passed = first.cases("passed")
    assert {"latency.batch_1.p99_ms.max", "data.train.schema", "canary.outputs.difference.max"} <= set(passed)
    assert passed.count("quality.auc.min") == 2  # the rehearsal's, and the whole run's
    assert first.cases("failed") == []
    # Each verdict is published and archived with fingerprints.
    assert [event["name"] for event in first.events("html")] == ["Data", "Rehearsal", "Verdict", "Canary", "Production"]
    kept = {Path(name).name for event in first.events("archive") for name in event["fingerprints"]}
    assert {"verdict.json", "junit.xml", "report.html", "report.md"} <= kept
    assert [event["subject"] for event in first.events("mail")] == ["weighbridge 1: waits for an approval"]
    # Commits, the clock, a job that brings data and alarms start builds of the main branch.
    assert triggers(first).keys() == {"pollSCM", "cron", "upstream", "GenericTrigger"}
    assert triggers(first)["cron"] == "H 3 * * *"
    assert first.events("library")[0]["version"] == "main"
    alarm = triggers(first)["GenericTrigger"]
    assert re.match(alarm["regexpFilterExpression"], "main firing taxi")
    assert not re.match(alarm["regexpFilterExpression"], "main resolved taxi")
    assert not re.match(alarm["regexpFilterExpression"], "main firing taxi; rm -rf /")
    assert alarm["regexpFilterText"] == "main $STATUS $PIPELINE"
    assert alarm["printPostContent"] is alarm["printContributedVariables"] is False
    # An approval holds no agent: none was taken between the question and the answer.
    kinds = [event["event"] for event in first.journal]
    assert "agent" not in kinds[kinds.index("input") : kinds.index("input") + 2]


def test_the_clock_starts_nothing_where_nothing_changed(scene: Scene) -> None:
    build = scene.job.build(DATA=scene.data)
    assert build.result == "SUCCESS"
    assert build.built() == [*SETTING_UP, *PLAN]
    assert build.commands("weighbridge run") + build.commands("weighbridge promote") == []
    assert build.events("mail") == []


def test_a_commit_of_documents_trains_nothing_and_tests_documents(scene: Scene) -> None:
    scene.job.commit("Say it better", **{"README.md": lambda text: text + "\nMore.\n"})
    build = scene.job.build(DATA=scene.data)
    assert build.result == "SUCCESS"
    assert build.built() == [*SETTING_UP, "Check / Test", *PLAN]
    assert "-m documents" in scene.job.made()[-1]
    assert "README.md" in (build.folder / "archive/changes.json").read_text()
    assert plan_of(build)["nothing"]


def test_a_new_span_trains_and_is_delivered(scene: Scene) -> None:
    scene.new_span(2)
    build = scene.job.build(DATA=scene.data, approval=ANN)
    assert build.result == "SUCCESS", build.log
    assert build.built() == [*SETTING_UP, *PLAN, *DATA, *REHEARSAL, *TRAINING, *DELIVERY]
    assert [change["what"] for change in plan_of(build)["changed"]] == ["data"]
    assert steps_of(scene)["Trainer"] == "done"
    assert production_record(scene)["version"] == 2


def test_a_drifted_span_stops_at_validation_and_trains_nothing(scene: Scene) -> None:
    def pay_by_card(header: list[str], rows: Rows) -> Rows:
        for row in rows[::2]:
            row[header.index("payment_type")] = "Credit Card"
        return rows

    before = scene.production()
    scene.new_span(2, pay_by_card)
    build = scene.job.build(DATA=scene.data)
    assert build.result == "FAILURE"
    assert build.built()[-1:] == DATA
    assert any(name.startswith("data.drift.production.payment_type") for name in build.cases("failed"))
    assert "A gate refused." in build.log
    assert len(build.commands("weighbridge run")) == 1  # a refusal is final: nothing is tried again
    assert scene.production() == before
    assert build.events("mail")[0]["subject"].endswith("FAILURE")
    # The next build says the same, and notifies nobody again.
    again = scene.job.build(DATA=scene.data)
    assert again.result == "FAILURE"
    assert again.cases("failed") == build.cases("failed")
    assert again.events("mail") == []


def test_a_slow_model_is_red_at_latency_and_production_is_untouched(scene: Scene) -> None:
    before = scene.production()
    slow = "tests.pipelines.taxi.bad_models.slow_serving"
    scene.job.commit(
        "A better model",
        **{"pipelines/taxi/pipeline.py": lambda text: text.replace("weighbridge.pipelines.taxi.model.run_fn", slow)},
    )
    build = scene.job.build(DATA=scene.data)
    assert build.result == "FAILURE"
    assert build.built()[-1:] == REHEARSAL  # a share of the data is enough to see it
    assert {name.split(".")[0] for name in build.cases("failed")} == {"latency"}
    assert "latency.batch_1.p99_ms.max" in build.cases("failed")
    assert "quality.auc.min" in build.cases("passed")
    assert scene.production() == before


def test_a_request_that_was_refused_stays_red_until_it_changes(scene: Scene) -> None:
    worse = {"pipelines/taxi/gates.yaml": lambda text: text.replace("auc: {min: 0.94,", "auc: {min: 0.999,")}
    scene.job.commit("Ask for too much", branch="much", **worse)
    request = scene.job.named("request", BRANCH_NAME="PR-1", CHANGE_ID="1", CHANGE_TARGET="main")
    refused, again = request.build(DATA=scene.data), request.build(DATA=scene.data)
    assert refused.result == again.result == "FAILURE"
    assert refused.cases("failed") == again.cases("failed") == ["quality.auc.min"]
    assert refused.events("checks", title="Rehearsal")[0]["conclusion"] == "FAILURE"
    assert again.events("mail") == []


def test_new_thresholds_weigh_again_and_train_nothing(scene: Scene) -> None:
    before = scene.production()
    scene.job.commit(
        "Ask for less", **{"pipelines/taxi/gates.yaml": lambda text: text.replace("min: 0.94,", "min: 0.93,")}
    )
    build = scene.job.build(DATA=scene.data, approval=ANN)
    assert build.result == "SUCCESS", build.log
    assert build.built() == [*SETTING_UP, *CODE, *PLAN, *DATA, *TRAINING]
    assert not plan_of(build)["trains"]
    assert steps_of(scene)["Trainer"] == "cached"
    assert steps_of(scene)["Evaluator"] == "done"
    assert scene.production() == before  # it holds this very model


def test_a_dry_run_ends_after_the_plan(scene: Scene) -> None:
    scene.new_span(2)
    build = scene.job.build(DATA=scene.data, DRY_RUN=True)
    assert build.result == "SUCCESS"
    assert build.built() == [*SETTING_UP, *PLAN]
    assert plan_of(build)["trains"]


def test_kubeflow_gets_its_token_and_no_other_step_does(scene: Scene) -> None:
    scene.new_span(2)
    kubeflow = {
        "WEIGHBRIDGE_IMAGE": "localhost/weighbridge@sha256:" + "0" * 64,
        "WEIGHBRIDGE_KFP_ENDPOINT": "http://127.0.0.1:9",  # where nobody listens
    }
    build = scene.job.named("weighbridge", **kubeflow).build(DATA=scene.data, MODE="kubeflow")
    assert build.result == "FAILURE"
    assert all("--deliver-to staging --wait" in command for command in build.commands("weighbridge submit"))
    assert build.statuses("weighbridge submit") == [3, 3, 3]
    for event in build.events("sh"):
        assert event["credentials"] == (["WEIGHBRIDGE_KFP_TOKEN"] if "submit" in event["script"] else [])
    assert TOKEN not in build.log + json.dumps(build.journal)


def test_lint_is_really_made(scene: Scene) -> None:
    scene.job.commit("Break the style", **{"pipelines/taxi/features.py": lambda text: text + "import os\n"})
    scene.job.real_make = "lint"
    try:
        build = scene.job.build(DATA=scene.data)
    finally:
        scene.job.real_make = ""
    assert build.result == "FAILURE"
    assert build.built()[-1:] == ["Check / Lint"]
    assert "features.py" in build.log
