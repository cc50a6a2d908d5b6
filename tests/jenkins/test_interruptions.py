"""What gets in the way: failing infrastructure, abortion, a branch at the same time, a person who says no."""

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.jenkins.scene import (
    ANN,
    CODE,
    DATA,
    DELIVERY,
    PLAN,
    REHEARSAL,
    SETTING_UP,
    TRAINING,
    Scene,
    held,
    plan_of,
    production_record,
    steps_of,
    triggers,
)
from weighbridge.runs.workspace import Workspace

pytestmark = pytest.mark.slow

REHEARSALS = "weighbridge-taxi-rehearsal"


@contextmanager
def _busy(scene: Scene) -> Iterator[None]:
    """Something else holds the work directory: each run ends in exit code 3."""
    descriptor = os.open(scene.job.work / "taxi/.lock", os.O_RDWR)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(descriptor)


def test_a_failure_of_the_infrastructure_is_tried_again(scene: Scene) -> None:
    scene.new_span(2)
    with _busy(scene):
        build = scene.job.start(DATA=scene.data)
        build.until(lambda build: build.statuses("--to DataValidator") == [3])
    build.until(lambda build: build.statuses("--to DataValidator")[-1] == 0)
    assert build.statuses("--to DataValidator") in ([3, 0], [3, 3, 0])  # of three, whenever the other let go
    build.until(lambda build: build.results().get(DATA[0]) == "SUCCESS")
    build.abort()  # what follows is told elsewhere
    build.wait()


def test_a_failure_of_the_infrastructure_is_given_up_in_the_end(scene: Scene) -> None:
    scene.new_span(2)
    with _busy(scene):
        build = scene.job.build(DATA=scene.data)
    assert build.result == "FAILURE"
    assert build.statuses("weighbridge run") == [3, 3, 3]
    assert [event["time"] for event in build.events("sleep")] == [40, 60]
    assert "The infrastructure failed three times." in build.log


def _training(scene: Scene) -> bool:
    """Whether a whole run has begun to train."""
    runs = [run.record for run in Workspace(scene.job.work, "taxi").runs()]
    running = [record for record in runs if record.state == "running" and not record.partial]
    return any([step.name for step in record.steps][-1:] == ["DataValidator"] for record in running)


def test_an_aborted_build_leaves_production_alone_and_the_next_one_goes_on(scene: Scene) -> None:
    before = scene.production()
    scene.new_span(2)
    build = scene.job.start(DATA=scene.data, approval=ANN)
    build.until(lambda _: _training(scene))
    build.abort()
    assert build.wait().result == "ABORTED"
    assert scene.production() == before
    assert build.events("mail") == []
    following = scene.job.build(DATA=scene.data, approval=ANN)
    assert following.result == "SUCCESS", following.log
    assert "cached" in following.log
    assert steps_of(scene)["ExampleGen"] == "cached"
    assert steps_of(scene, "rehearsal")["Trainer"] in ("cached", "done")
    assert production_record(scene)["version"] == 2


def test_a_gpu_is_locked_while_it_trains_and_a_delivery_that_nobody_approved_is_asked_for_again(scene: Scene) -> None:
    scene.new_span(2)
    refused = scene.job.build(DATA=scene.data, ACCELERATOR="gpu", approval={"abort": "Ann"})
    assert refused.result == "ABORTED"
    assert {event["label"] for event in refused.events("sh", stage=TRAINING[0])} == {"weighbridge-gpu"}
    assert ["gpu-1"] in [names for event in refused.events("lock held") for names in event["choices"]]
    assert production_record(scene)["version"] == 1
    again = scene.job.build(DATA=scene.data, approval=ANN)
    assert again.result == "SUCCESS", again.log
    assert again.built() == [*SETTING_UP, *PLAN, *DELIVERY[1:]]  # trained and on the canary it is already
    assert production_record(scene)["version"] == 2


def test_a_branch_rehearses_beside_the_main_branch_and_delivers_nothing(scene: Scene) -> None:
    scene.new_span(2)
    main = scene.job.start(DATA=scene.data, approval=ANN)
    main.until(lambda build: build.events("lock held"))
    scene.job.commit(
        "Try more",
        branch="more",
        **{"pipelines/taxi/pipeline.py": lambda text: text.replace("Field(5, ge=1", "Field(6, ge=1")},
    )
    request = scene.job.named("request", BRANCH_NAME="PR-1", CHANGE_ID="1", CHANGE_TARGET="main")
    proposed = request.build(DATA=scene.data)
    assert proposed.result == "SUCCESS", proposed.log
    assert main.wait().result == "SUCCESS", main.log
    assert proposed.built() == ["Supersede", *SETTING_UP, *CODE, *PLAN, *DATA, *REHEARSAL]
    assert all("--sample 0.5" in command for command in proposed.commands("weighbridge run"))
    assert plan_of(proposed)["base"]["revision"] == "origin/main"
    assert triggers(proposed)["cron"] == ""
    assert not re.match("^main firing", triggers(proposed)["GenericTrigger"]["regexpFilterText"])
    # What the reviewer sees, the difference to production included.
    (check,) = proposed.events("checks", title="Rehearsal")
    assert check["conclusion"] == "SUCCESS"
    assert "Quality against production" in check["summary"]
    assert {name for event in proposed.events("lock held") for names in event["choices"] for name in names} == {
        REHEARSALS
    }
    assert not _overlap(held(main, REHEARSALS), held(proposed, REHEARSALS))


def _overlap(ours: list[tuple[float, float]], theirs: list[tuple[float, float]]) -> bool:
    return any(begin < other_end and other_begin < end for begin, end in ours for other_begin, other_end in theirs)
