"""`weighbridge promote` as its user sees it, with real models that are really loaded and called."""

import json
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import yaml

from tests.components.pusher.buckets import BUCKET, KINDS
from tests.components.pusher.helpers import as_earlier_versions_wrote
from tests.weighbridge.delivery.conftest import GATES, ROWS, export
from tests.weighbridge.delivery.jenkins_double import jenkins
from tests.weighbridge.runs.hooked import install, seen
from weighbridge.common.digests import bytes_digest
from weighbridge.components.production_model.standing import read_record
from weighbridge.runs.workspace import find_run

SHOP = "shop.pipeline"
TO_CANARY = ("promote", SHOP, "--from", "staging", "--to", "canary")
TO_PRODUCTION = ("promote", SHOP, "--from", "canary", "--to", "production", "--approved-by", "Ada")


def refusals(workdir) -> list[str]:
    verdict = json.loads((find_run(workdir).folder / "verdict.json").read_text())
    return [gate["name"] for gate in verdict["gates"] if gate["status"] not in ("passed", "not_compared")]


def test_the_whole_way_to_production(weighbridge, shop, workdir):
    canary = weighbridge(*TO_CANARY)
    assert canary.code == 0, canary.out + canary.err
    run = find_run(workdir)
    assert run.record.display_kind == "promotion to canary"
    assert {path.name for path in run.folder.iterdir()} >= {"verdict.json", "junit.xml", "report.html", "report.md"}
    names = [case.get("name") for case in ET.parse(run.folder / "junit.xml").getroot().iter("testcase")]
    assert {"canary.outputs.difference.max", "canary.p99_ms.max", "canary.p99_ms.max_ratio"} <= set(names)
    production = weighbridge(*TO_PRODUCTION)
    assert production.code == 0, production.out + production.err
    records = [read_record(shop.home / place) for place in ("staging", "canary", "production")]
    assert len({record.model_digest for record in records}) == 1
    assert records[2].approved_by == "Ada"
    assert records[2].promoted_from == str(shop.home / "canary")
    assert records[2].run_id == "run-1"
    assert "promotion to production" in weighbridge("runs").out


def test_promoting_again_does_nothing(weighbridge, shop, workdir):
    weighbridge(*TO_CANARY)
    weighbridge(*TO_PRODUCTION)
    before = {path: path.read_bytes() for path in workdir.rglob("*") if path.is_file()}
    for command in (TO_CANARY, TO_PRODUCTION, TO_PRODUCTION[:-2]):
        again = weighbridge(*command)
        assert again.code == 0, again.out + again.err
        assert "has this model already, as version 1" in again.out
    assert {path: path.read_bytes() for path in workdir.rglob("*") if path.is_file()} == before
    assert json.loads(weighbridge(*TO_CANARY, "--json").out)["already"] is True


def test_a_model_that_was_delivered_by_an_earlier_version_moves_on(weighbridge, shop):
    staging = shop.home / "staging"
    kept = as_earlier_versions_wrote(staging / ".weighbridge/1/verdict.json")
    (staging / ".weighbridge/1/attestations.intoto.jsonl").unlink()
    for path in (staging / "production.json", staging / ".weighbridge/1/record.json"):
        if path.exists():
            record = json.loads(path.read_text()) | {"verdict_digest": bytes_digest(kept)}
            path.write_text(json.dumps(record))
    for command in (TO_CANARY, TO_PRODUCTION):
        done = weighbridge(*command)
        assert done.code == 0, done.out + done.err
    assert (shop.home / "production/.weighbridge/1/verdict.json").read_bytes() == kept
    assert read_record(shop.home / "production").verdict_digest == bytes_digest(kept)


def test_hooks_are_called_for_a_promotion_and_change_nothing_of_it(weighbridge, shop, tmp_path, monkeypatch):
    weighbridge(*TO_CANARY)
    install(tmp_path / "site", monkeypatch, a="cheat", b="note")
    refused = weighbridge(*TO_PRODUCTION[:-2])
    assert refused.code == 1
    assert "warning: hook a failed" in refused.err
    assert weighbridge("show").code == 1
    [given] = seen(tmp_path / "site")
    assert (given["kind"], given["state"], given["steps"]) == ("promotion", "refused", ["verify", "push", "check"])
    assert weighbridge(*TO_PRODUCTION).code == 0
    weighbridge(*TO_PRODUCTION)  # it is there already: nothing ends
    assert [each["passed"] for each in seen(tmp_path / "site")] == [False, True]


def test_json_is_one_document(weighbridge, shop):
    document = json.loads(weighbridge(*TO_CANARY, "--json").out)
    assert (document["from"], document["to"], document["already"]) == ("staging", "canary", False)
    assert document["exit_code"] == 0
    assert document["verdict"]["passed"] is True
    assert document["run"]["delivered_to"] == "canary"
    place = str(shop.home / "canary")
    expected = {"version": "1", "destination": place, "stage": "canary", "already": False, "proposed": ""}
    assert document["run"]["delivered"] == expected
    assert f"model: version 1 at canary {place}\n" in weighbridge("show").out
    assert f"Model: version 1 at canary `{place}`\n" in Path(document["folder"], "report.md").read_text()
    refused = weighbridge(*TO_PRODUCTION[:-2])
    assert refused.code == 1
    assert "model: nowhere: refused\n" in refused.out


def test_without_the_approval_that_the_policy_asks_for_nothing_moves(weighbridge, shop, workdir):
    weighbridge(*TO_CANARY)
    for by in ((), ("--approved-by", " ")):
        refused = weighbridge(*TO_PRODUCTION[:-2], *by)
        assert refused.code == 1
        assert refusals(workdir) == ["delivery.production.approved"]
        assert "--approved-by NAME" in refused.out
    assert read_record(shop.home / "production") is None


def test_an_approval_is_taken_from_the_build_of_the_jenkins_that_the_policy_names(weighbridge, shop, workdir):
    promote = ("promote", SHOP, "--from", "staging", "--to", "production")
    with jenkins() as server:
        policy = yaml.safe_load(GATES)
        approval = {"jenkins": server.job, "approvers": ["ada"]}
        policy["delivery"] = [{"stage": "staging"}, {"stage": "production", "approval": approval}]
        (shop.folder / "shop/gates.yaml").write_text(yaml.safe_dump(policy, sort_keys=False))
        delivered = weighbridge("run", SHOP, "--deliver-to", "production")
        assert delivered.code == 2
        assert "must be approved" in delivered.err
        by_name = weighbridge(*promote, "--approved-by", "ada")
        assert by_name.code == 1
        assert refusals(workdir) == ["delivery.production.approved"]
        command = "weighbridge promote shop.pipeline --from staging --to production --approved-in BUILD_URL"
        assert command in (find_run(workdir).folder / "report.md").read_text()
        server.status = 404
        assert weighbridge(*promote, "--approved-in", server.build_url).code == 2
        server.status = 503
        assert weighbridge(*promote, "--approved-in", server.build_url).code == 3
        server.status = 200
        assert weighbridge(*promote, "--approved-in", server.build_url).code == 1
        assert read_record(shop.home / "production") is None
        server.approvers = ["ada"]
        done = weighbridge(*promote, "--approved-in", server.build_url, "--approved-by", "ada")
        assert done.code == 0, done.out + done.err
        record = read_record(shop.home / "production")
        assert (record.approved_by, record.approved_in) == ("ada", server.build_url)
        asked = len(server.asked)
        # It is there already: nobody is asked again.
        assert weighbridge(*promote, "--approved-in", server.build_url).code == 0
        assert len(server.asked) == asked


def test_without_a_policy_nobody_is_asked(weighbridge, shop):
    policy = yaml.safe_load(GATES)
    del policy["delivery"]
    (shop.folder / "shop/gates.yaml").write_text(yaml.safe_dump(policy, sort_keys=False))
    assert weighbridge(*TO_CANARY).code == 0
    assert weighbridge(*TO_PRODUCTION[:-2]).code == 0
    assert read_record(shop.home / "production").approved_by == ""


def test_a_stage_that_checks_cannot_be_passed_by(weighbridge, shop, workdir):
    command = ("promote", SHOP, "--from", "staging", "--to", "production", "--approved-by", "Ada")
    refused = weighbridge(*command)
    assert refused.code == 1
    assert refusals(workdir) == ["delivery.canary.passed"]
    assert "weighbridge promote shop --from staging --to canary" in refused.out
    weighbridge(*TO_CANARY)
    assert weighbridge(*command).code == 0


def test_a_model_weighed_against_another_production_is_weighed_again_first(weighbridge, shop, workdir, models):
    weighbridge(*TO_CANARY)
    shop.deliver(models["three"], "production", "run-0")
    refused = weighbridge(*TO_PRODUCTION)
    assert refused.code == 1
    assert refusals(workdir) == ["delivery.production.unchanged"]
    assert "weighbridge run shop --deliver-to staging" in refused.out
    assert read_record(shop.home / "production").run_id == "run-0"


def test_beside_a_model_in_production(weighbridge, shop, models):
    shop.deliver(models["three"], "production", "run-0")
    shop.deliver(models["four"], "staging", "run-1", against=models["three"])
    canary = weighbridge(*TO_CANARY)
    assert canary.code == 0, canary.out
    assert weighbridge(*TO_PRODUCTION).code == 0
    assert read_record(shop.home / "production").version == 2


@pytest.mark.parametrize("damaged", ["model", "verdict", "record"])
def test_what_is_not_the_weighed_model_moves_nowhere(weighbridge, shop, workdir, damaged, models):
    place = shop.home / "staging"
    if damaged == "model":
        with (place / "1/variables/variables.index").open("ab") as file:
            file.write(b"x")
        gate = "push.model_digest.equal"
    elif damaged == "verdict":
        verdict = json.loads((place / ".weighbridge/1/verdict.json").read_text())
        verdict["gates"][0]["observed"] = 0.99
        (place / ".weighbridge/1/verdict.json").write_text(json.dumps(verdict))
        gate = "delivery.verdict.equal"
    else:
        (place / ".weighbridge/1/verdict.json").unlink()
        gate = "delivery.verdict.equal"
    refused = weighbridge(*TO_CANARY)
    assert refused.code == 1, refused.err
    assert gate in refusals(workdir)
    assert read_record(shop.home / "canary") is None


def test_a_slow_copy_is_refused_and_goes_no_further(weighbridge, shop, workdir, tmp_path, models):
    (shop.folder / "shop/gates.yaml").write_text(GATES.replace("max: 1000, max_ratio: 50", "max: 5"))
    shop.deliver(export(tmp_path / "slow", 2.0, slow=True), "staging", "run-1")
    refused = weighbridge(*TO_CANARY)
    assert refused.code == 1, refused.out + refused.err
    assert refusals(workdir) == ["canary.p99_ms.max"] or "canary.model.loadable" in refusals(workdir)
    assert weighbridge(*TO_PRODUCTION).code == 1
    assert refusals(workdir) == ["delivery.canary.passed"]
    assert weighbridge(*TO_CANARY).code == 1  # there, but never passed: checked again


@pytest.mark.parametrize("gone", ["examples", "run"])
def test_without_rows_to_call_it_with_a_copy_is_refused(weighbridge, shop, workdir, gone):
    shutil.rmtree(shop.examples if gone == "examples" else shop.home / "runs/run-1")
    refused = weighbridge(*TO_CANARY)
    assert refused.code == 1
    assert refusals(workdir) == ["canary.examples.present"]


@pytest.mark.parametrize(("rows", "code"), [(ROWS, 0), ("sha256:others", 1), ("", 1)])
def test_a_model_that_was_made_elsewhere_is_called_with_the_same_rows_of_a_run_here(
    weighbridge, shop, workdir, rows, code
):
    """As after a run on Kubeflow, whose examples stay there."""
    shutil.rmtree(shop.home / "runs/run-1")
    shop.record_run("run-2", rows)
    assert weighbridge(*TO_CANARY).code == code
    assert refusals(workdir) == ([] if code == 0 else ["canary.examples.present"])


def test_a_model_that_does_not_load_is_refused(weighbridge, shop, workdir, tmp_path):
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "saved_model.pb").write_bytes(b"no model")
    shop.deliver(broken, "staging", "run-1")
    assert weighbridge(*TO_CANARY).code == 1
    assert refusals(workdir) == ["canary.model.loadable"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--from", "staging", "--to", "live"), "There is no stage 'live'"),
        (("--from", "canary", "--to", "staging"), "The way is staging → canary → production"),
        (("--from", "staging", "--to", "staging"), "No model goes from staging to staging"),
        (("--from", "canary", "--to", "production"), "There is no model at canary"),
    ],
)
def test_wrong_usage_is_exit_2(weighbridge, shop, arguments, told):
    wrong = weighbridge("promote", SHOP, *arguments)
    assert wrong.code == 2
    assert told in wrong.err


def test_a_stage_that_calls_needs_a_file_that_names_the_signature(weighbridge, shop):
    (shop.folder / "shop/gates.yaml").unlink()
    wrong = weighbridge(*TO_CANARY)
    assert wrong.code == 2
    assert "latency section" in wrong.err


def test_a_run_that_must_be_approved_is_not_delivered_by_itself(weighbridge, shop):
    wrong = weighbridge("run", SHOP, "--deliver-to", "production")
    assert wrong.code == 2
    assert "--approved-by NAME" in wrong.err


def test_stages_may_lie_anywhere(weighbridge, shop, tmp_path):
    policy = yaml.safe_load(GATES)
    policy["delivery"][1]["destination"] = str(tmp_path / "far")
    (shop.folder / "shop/gates.yaml").write_text(yaml.safe_dump(policy, sort_keys=False))
    assert weighbridge(*TO_CANARY).code == 0
    assert read_record(tmp_path / "far").version == 1


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.scheme)
def test_from_a_folder_to_a_bucket_and_on_to_another(weighbridge, shop, tmp_path, kind):
    """The stores are emulators on loopback, substitutes for the real ones."""
    bucket = f"{kind.scheme}{BUCKET}"
    places = tmp_path / "places.yaml"
    places.write_text(f"canary: {bucket}/canary/shop\nproduction: {bucket}/production/shop\n")
    with kind.server():
        for command in (TO_CANARY, TO_PRODUCTION):
            done = weighbridge(*command, "--destinations", places)
            assert done.code == 0, done.out + done.err
            assert "has this model already" in weighbridge(*command, "--destinations", places).out
        record = read_record(f"{bucket}/production/shop")
        assert (record.approved_by, record.promoted_from) == ("Ada", f"{bucket}/canary/shop")
    assert not (shop.home / "canary").exists()


def test_what_a_killed_promotion_copied_is_removed_by_the_next(weighbridge, shop, models):
    shutil.copytree(models["two"], shop.home / "promoting/model")
    assert weighbridge(*TO_CANARY).code == 0
    assert not (shop.home / "promoting").exists()
