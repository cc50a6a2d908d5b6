"""A promotion verifies what is attested with a model: whom it is signed by, its age, and today's thresholds."""

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from tests.components.pusher.helpers import make_model
from tests.weighbridge.attestation.attacks_on_statements import _strip
from tests.weighbridge.attestation.pushed import POLICY, Keys, environment, evaluation
from tests.weighbridge.delivery.conftest import PIPELINE
from weighbridge.common.environment import SIGNING_KEY_VARIABLE, VERIFY_KEY_VARIABLE
from weighbridge.components.production_model.standing import read_record
from weighbridge.components.pusher import push
from weighbridge.evidence.provenance import Provenance
from weighbridge.runs.workspace import find_run

PROMOTE = ("promote", "shop.pipeline", "--from", "staging", "--to", "production")
STAGES = [{"stage": "staging"}, {"stage": "production"}]


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys.made(tmp_path / "keys")


@pytest.fixture
def home(tmp_path: Path, workdir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A pipeline `shop` with two stages, in a work directory without a model."""
    package = tmp_path / "shop"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "pipeline.py").write_text(PIPELINE)
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("shop", "shop.pipeline"):
        monkeypatch.delitem(__import__("sys").modules, name, raising=False)
    write_policy(package)
    return workdir / "shop"


def write_policy(package: Path, stage: dict[str, object] | None = None, **quality: object) -> None:
    policy = json.loads(POLICY.model_dump_json(include={"quality", "latency"}, exclude_none=True))
    policy["quality"] |= quality
    policy["delivery"] = [STAGES[0], STAGES[1] | (stage or {})]
    (package / "gates.yaml").write_text(yaml.safe_dump(policy))


def deliver(home: Path, key: Path | None = None, **weighed: object) -> Path:
    """Push a model to staging, signed where a key is given; its evidence there."""
    model = make_model(home.parent / "made", "one", 300)
    folder = evaluation(home.parent / "weighed", model, "run-1", pipeline="shop")
    if weighed:
        found = Provenance.require(folder)
        found.model_copy(update=weighed).write(folder)
    with environment(**{SIGNING_KEY_VARIABLE: str(key or "")}):
        assert push(model, folder, home / "staging").record
    return home / "staging/.weighbridge/1"


def refusals(workdir: Path) -> list[str]:
    verdict = json.loads((find_run(workdir).folder / "verdict.json").read_text())
    return [gate["name"] for gate in verdict["gates"] if gate["status"] not in ("passed", "not_compared")]


def test_what_was_weighed_as_strictly_as_today_s_thresholds_moves_on(weighbridge, home: Path, workdir: Path) -> None:
    deliver(home)
    done = weighbridge(*PROMOTE)
    assert done.code == 0, done.out + done.err
    assert "delivery.policy.strict" in (find_run(workdir).folder / "verdict.json").read_text()


def test_a_policy_that_was_tightened_since_asks_to_weigh_anew(weighbridge, home: Path, workdir: Path, tmp_path) -> None:
    deliver(home)
    write_policy(tmp_path / "shop", metrics={"auc": {"min": 0.95}})
    done = weighbridge(*PROMOTE)
    assert done.code == 1
    assert refusals(workdir) == ["delivery.policy.quality.metrics.auc.min"]
    assert "auc.min was 0.8 when the model was weighed" in done.out
    assert "weighbridge run shop --deliver-to staging" in done.out
    assert read_record(home / "production") is None
    write_policy(tmp_path / "shop", metrics={"auc": {"min": 0.7}})
    assert weighbridge(*PROMOTE).code == 0


def test_a_step_of_the_pipeline_s_own_that_does_not_tell_its_thresholds_is_only_named(
    weighbridge, home: Path, workdir: Path, tmp_path: Path
) -> None:
    evidence = deliver(home)
    policy = yaml.safe_load((tmp_path / "shop/gates.yaml").read_text())
    (tmp_path / "shop/gates.yaml").write_text(yaml.safe_dump(policy | {"steps": {"Own": {"lost": {"max": 0.1}}}}))
    thresholds = Provenance.require(home.parent / "weighed").thresholds
    done = weighbridge(*PROMOTE)
    assert done.code == 0, done.out
    assert refusals(workdir) == ["delivery.policy.steps.Own.lost.max"]  # a warning
    for told, code in ((0.2, 1), (0.1, 0)):
        for place in (home / "staging", home / "production", home.parent / "made"):
            shutil.rmtree(place, ignore_errors=True)
        deliver(home, thresholds=thresholds | {"steps": {"Own": {"lost": {"max": told}}}})
        assert evidence.exists()
        assert weighbridge(*PROMOTE).code == code


def test_only_whom_we_trust_is_promoted_where_keys_are_trusted(
    weighbridge, home: Path, workdir: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(home, keys.private)
    monkeypatch.setenv(VERIFY_KEY_VARIABLE, str(keys.strange_public))
    assert weighbridge(*PROMOTE).code == 1
    assert refusals(workdir) == ["delivery.signature.valid"]
    monkeypatch.setenv(VERIFY_KEY_VARIABLE, str(keys.public))
    done = weighbridge(*PROMOTE)
    assert done.code == 0, done.out + done.err
    assert read_record(home / "production").signed_by == keys.trust.keys[0].fingerprint


def test_a_stage_may_ask_for_a_signature_and_for_youth(
    weighbridge, home: Path, workdir: Path, keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evidence = deliver(home, keys.private, weighed_at=datetime.now(UTC) - timedelta(days=8))
    write_policy(tmp_path / "shop", {"signature": "required", "max_age_days": 7})
    assert weighbridge(*PROMOTE).code == 1
    assert refusals(workdir) == ["delivery.signature.valid", "delivery.age.max"]
    monkeypatch.setenv(VERIFY_KEY_VARIABLE, str(keys.public))
    assert weighbridge(*PROMOTE).code == 1
    assert refusals(workdir) == ["delivery.age.max"]
    write_policy(tmp_path / "shop", {"signature": "required", "max_age_days": 9})
    (evidence / "model.sig").rename(tmp_path / "aside")
    assert weighbridge(*PROMOTE).code == 1
    assert refusals(workdir) == ["delivery.signature.valid"]
    (tmp_path / "aside").rename(evidence / "model.sig")
    assert weighbridge(*PROMOTE).code == 0


@pytest.mark.parametrize("gone", [False, True])
def test_a_signature_that_was_taken_off_is_missed_though_nobody_asks_for_one(
    weighbridge, home: Path, workdir: Path, keys: Keys, gone: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does whoever promotes sign in its place: they did not weigh it."""
    evidence = deliver(home, keys.private)
    monkeypatch.setenv(SIGNING_KEY_VARIABLE, str(keys.private))
    if gone:
        for name in ("model.sig", "attestations.intoto.jsonl"):
            (evidence / name).unlink()
    else:
        _strip(home / "staging/1")
    assert weighbridge(*PROMOTE).code == 1
    assert refusals(workdir) == ["delivery.statement.readable" if gone else "delivery.signature.equal"]
    assert read_record(home / "production") is None


@pytest.mark.parametrize("cut", [0, 10, 2000])
def test_half_a_statement_moves_nothing(weighbridge, home: Path, workdir: Path, cut: int) -> None:
    path = deliver(home) / "attestations.intoto.jsonl"
    path.write_bytes(path.read_bytes()[:cut] + b"{")
    assert weighbridge(*PROMOTE).code == 1
    assert refusals(workdir) == ["delivery.statement.readable"]
