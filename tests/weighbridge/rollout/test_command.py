"""`weighbridge canary` as its user sees it: real pushes and files; servers, users and Prometheus are made up."""

import json

import pytest

from tests.weighbridge.rollout.shop import Server, Shop, served
from weighbridge.components.production_model.standing import read_record
from weighbridge.runs.workspace import find_run

SHOP = "shop.pipeline"


def canary(weighbridge, address: str, *more: str):
    return weighbridge("canary", SHOP, "--prometheus", address, "--every", "0.3", *more)


@pytest.mark.parametrize("shop", ["folder", "git"], indirect=True)
def test_a_good_model_reaches_production(weighbridge, shop: Shop, workdir) -> None:
    with served(shop) as address:
        done = canary(weighbridge, address)
    assert done.code == 0, done.out + done.err
    record = read_record(shop.destination)
    assert record is not None
    assert (record.version, record.run_id, record.promoted_from) == (2, "run-two", str(shop.home / "staging"))
    assert shop.read("canary.json") is None
    if shop.repository is not None:
        said = [message.splitlines()[0] for message in shop.repository.messages()]
        assert said[:4] == [
            "Deliver shop version 2",
            "Canary of version 2: 50 % of requests",
            "Canary of version 2: 10 % of requests",
            "Begin a canary of version 2",
        ]
    assert weighbridge("production", SHOP).code == 0
    run = find_run(workdir)
    assert (run.record.kind, run.record.state, run.record.exit_code) == ("canary", "passed", 0)
    assert [step.name for step in run.record.steps] == ["verify", "shadow", "10 %", "50 %", "promote"]
    assert {path.name for path in run.folder.iterdir()} >= {"rollout.jsonl", "report.html", "junit.xml", "verdict.json"}
    names = {gate["name"] for gate in json.loads((run.folder / "verdict.json").read_text())["gates"]}
    assert {
        "canary.steps.passed",
        "canary.bytes.equal",
        "canary.error_rate.max_change",
        "delivery.verdict.equal",
    } <= names


@pytest.mark.parametrize("shop", ["folder", "git"], indirect=True)
def test_a_failing_model_is_rolled_back(weighbridge, shop: Shop, workdir) -> None:
    shop.servers["2"] = Server(failing=0.05)
    with served(shop) as address:
        done = canary(weighbridge, address)
    assert done.code == 1, done.out + done.err
    assert "canary.steps.passed" in done.out
    record = read_record(shop.destination)
    assert record is not None
    assert record.version == 1
    assert shop.read("canary.json") is None
    assert find_run(workdir).record.state == "refused"
