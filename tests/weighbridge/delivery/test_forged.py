"""What somebody wrote by hand where a promotion looks: it is held against what it must be bound to."""

import json

from tests.weighbridge.delivery.test_promote import SHOP, TO_CANARY, TO_PRODUCTION, refusals
from weighbridge.common import files
from weighbridge.components.production_model.standing import read_record
from weighbridge.delivery.judge import checked_version
from weighbridge.runs.workspace import find_run


def test_a_forged_record_of_a_promotion_is_no_canary(weighbridge, shop, workdir, models):
    """A copy was put at the canary, and a run.json says that a promotion there passed."""
    shop.deliver(models["two"], "canary")
    forged = json.loads((shop.home / "runs/run-1/run.json").read_text())
    forged |= {"run_id": "forged", "kind": "promotion", "delivered_to": "canary", "state": "passed", "exit_code": 0}
    forged["fingerprint"] = checked_version(read_record(shop.home / "canary"))
    files.write_json(shop.home / "runs/forged/run.json", forged)
    assert weighbridge(*TO_PRODUCTION).code == 1
    assert refusals(workdir) == ["delivery.canary.passed"]
    assert json.loads(weighbridge("ci", "pending", SHOP).out) == ["canary", "production"]


def test_a_canary_that_refused_does_not_pass_by_an_edited_record(weighbridge, shop, workdir, models):
    assert weighbridge(*TO_CANARY).code == 0
    run = find_run(workdir)
    verdict = json.loads((run.folder / "verdict.json").read_text())
    verdict["gates"][0]["message"] = "edited"
    files.write_json(run.folder / "verdict.json", verdict)
    assert weighbridge(*TO_PRODUCTION).code == 1
    assert refusals(workdir) == ["delivery.canary.passed"]
    shown = weighbridge("show", run.record.run_id)
    assert shown.code == 2
    assert "is not the verdict that run" in shown.err


def test_a_model_that_its_run_did_not_weigh_goes_no_further(weighbridge, shop, workdir, models):
    """Model, verdict and record at staging were replaced together, and speak of the same bytes."""
    shop.record_run("run-1", model=models["three"])
    assert weighbridge(*TO_CANARY).code == 1
    assert refusals(workdir) == ["delivery.run.passed"]
    shop.record_run("run-1", model=models["two"])
    assert weighbridge(*TO_CANARY).code == 0
