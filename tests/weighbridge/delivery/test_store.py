"""`promote --store`: staged on one machine, a canary on another, production on a third."""

import shutil
from itertools import count

import pytest

from tests.components.pusher.buckets import S3
from tests.components.pusher.doubles import Killed
from tests.weighbridge.delivery.conftest import ROWS
from tests.weighbridge.delivery.test_promote import SHOP, TO_CANARY, TO_PRODUCTION, refusals
from tests.weighbridge.shared import KINDS, Delivered, Machines, name_of
from weighbridge.components.production_model.standing import read_record
from weighbridge.runs.kept import KeptResults
from weighbridge.runs.workspace import find_run

PENDING = ("ci", "pending", SHOP)


@pytest.fixture(params=KINDS, ids=name_of)
def machines(request, shop, models, tmp_path_factory, weighbridge, monkeypatch) -> Machines:
    """A model at staging, and its examples kept; the machine that made both is gone."""
    made = Delivered(request.param, tmp_path_factory.mktemp("machines"), monkeypatch).machines
    made.run_command = weighbridge
    place = made.place("shop")
    shop.deliver(models["two"], place.path("staging"))
    told = {"customProperties": {"content_digest": {"stringValue": ROWS}}}
    KeptResults(place.within("kept"), "ExampleGen").keep("sha256:1", {"examples": shop.examples}, {"examples": told})
    shutil.rmtree(shop.home)
    shutil.rmtree(shop.examples)
    return made


def test_each_stage_may_be_another_machines(machines):
    """A canary is called with the rows that the machine kept which made the model."""
    for machine, command in (("b", TO_CANARY), ("c", TO_PRODUCTION)):
        done = machines(machine, *command)
        assert done.code == 0, done.out + done.err
        assert "has this model already" in machines("d", *command).out
    record = read_record(machines.place("shop").path("production"))
    assert (record.approved_by, record.promoted_from) == ("Ada", machines.place("shop").path("canary"))
    assert machines("e", *PENDING).out.split() == ["[]"]
    kinds = [each["delivered_to"] for each in machines.json("e", "runs")]
    assert kinds == ["canary", "production"]


def test_what_is_pending_is_so_for_every_machine(machines, monkeypatch):
    assert machines("b", *PENDING).out.split() == ["[", '"canary",', '"production"', "]"]
    machines("b", *TO_CANARY)
    with machines.read_only(monkeypatch):
        assert machines("c", *PENDING).out.split() == ["[", '"production"', "]"]
        refused = machines("c", *TO_PRODUCTION)
    assert refused.code == 2, refused.out + refused.err
    assert read_record(machines.place("shop").path("production")) is None


@pytest.mark.parametrize("machines", [None], ids=name_of, indirect=True)
def test_without_the_rows_a_canary_is_refused_as_ever(machines):
    machines.place("shop").remove("kept")
    assert machines("b", *TO_CANARY).code == 1
    assert refusals(machines.workdir("b")) == ["canary.examples.present"]


@pytest.mark.parametrize("machines", [None], ids=name_of, indirect=True)
def test_the_artifacts_of_another_machines_run_are_not_looked_for_here(machines, shop):
    """Its paths may be there on this machine, with something else in them."""
    machines.place("shop").remove("kept")
    machines("b", *TO_CANARY)
    brought = find_run(machines.workdir("b"))
    assert brought.record.state == "refused"
    assert machines("c", *TO_CANARY).code == 1
    there = [run for run in machines.runs("c", "shop") if run.brought]
    assert [run.record.run_id for run in there] == [brought.record.run_id]


@pytest.mark.slow
@pytest.mark.parametrize("machines", [S3], ids=name_of, indirect=True)
def test_a_promotion_that_is_killed_at_any_request_is_completed_on_another_machine(machines):
    """With the last request that was served gone and its machine with it: never a stage without the run that passed."""
    before = dict(machines.double.contents)
    for step in count():
        machines.double.contents = dict(before)
        left = [step]

        def gone(request: str) -> None:
            if request.split()[0] in ("write", "upload", "copy", "delete"):
                left[0] -= 1  # noqa: B023
                if left[0] < 0:  # noqa: B023
                    raise Killed

        machines.double.before = gone
        machines("b", *TO_CANARY)  # the command tells whatever ends it, but nothing is served any more
        killed = left[0] < 0
        machines.double.before = lambda request: None
        machines.wipe("b")
        done = machines("c", *TO_CANARY)
        if done.code == 3:  # it completed the version that the killed one had begun to copy, and judges anew
            assert "Run again" in done.err
            done = machines("c", *TO_CANARY)
        assert done.code == 0, done.out + done.err
        machines.wipe("c")
        assert machines("d", *PENDING).out.split() == ["[", '"production"', "]"]
        machines.wipe("d")
        if not killed:
            break
    assert step > 10
