"""What is attested with a push, signed by real keys and read by the real model-signing."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.components.pusher.helpers import make_model, make_verdict, weigh
from tests.keys import make_key
from weighbridge.attestation import here
from weighbridge.attestation.attest import ATTESTATIONS_FILE, MODEL_SIGNATURE_FILE
from weighbridge.attestation.keys import Trust
from weighbridge.attestation.read import attested
from weighbridge.attestation.statements import BOM, SLSA, TEST_RESULT
from weighbridge.common.environment import SIGNING_KEY_VARIABLE, VERIFY_KEY_VARIABLE
from weighbridge.common.errors import UsageError
from weighbridge.components.pusher import push
from weighbridge.evidence.provenance import DataOrigin, Origin, Provenance


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return make_model(tmp_path / "model")


@pytest.fixture
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    private, public = make_key(tmp_path / "key")
    monkeypatch.setenv(SIGNING_KEY_VARIABLE, str(private))
    monkeypatch.setenv(VERIFY_KEY_VARIABLE, str(public))
    return public


def describe(evaluation: Path) -> Path:
    """Leave where the model comes from beside its verdict, as the Evaluator does."""
    Provenance(
        pipeline="taxi",
        run_id="run-1",
        weighed_at=datetime.now(UTC),
        data=[DataOrigin(span=3, rows={"train": 10})],
        machine=here.machine(),
        software=here.software(),
    ).write(evaluation)
    return evaluation


def test_an_unsigned_push_says_what_it_knows(tmp_path: Path, model: Path) -> None:
    origin = Origin(module="taxi.pipeline", commit="c0ffee")
    pushed = push(model, describe(weigh(tmp_path / "e", model)), tmp_path / "production", origin=origin)
    assert pushed.record
    assert pushed.record.signed_by == ""
    found = attested(tmp_path / "production/.weighbridge/1")
    assert found is not None
    assert found.provenance is not None
    assert (found.provenance.origin, found.provenance.data[0].span) == (origin, 3)
    assert found.verdict == make_verdict(model)
    assert set(found.others) == {BOM, SLSA, TEST_RESULT}
    assert (found.signed_by, found.model_signature) == ("", None)


def test_a_signed_push_is_verified_by_us_and_by_model_signing(tmp_path: Path, model: Path, key: Path) -> None:
    pushed = push(model, describe(weigh(tmp_path / "e", model)), tmp_path / "production")
    assert pushed.record
    assert "push.signature.valid" in [gate.name for gate in pushed.gates if gate.passed]
    evidence = tmp_path / "production/.weighbridge/1"
    found = attested(evidence, Trust.of([key]))
    assert found is not None
    assert {opened.problem for opened in found.opened} == {""}
    assert found.signed_by == pushed.record.signed_by
    command = ["verify", "key", tmp_path / "production/1", "--signature", evidence / MODEL_SIGNATURE_FILE]
    subprocess.run([sys.executable, "-m", "model_signing", *map(str, command), "--public_key", str(key)], check=True)


def test_a_key_may_be_a_secret_s_own_text(
    tmp_path: Path, model: Path, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SIGNING_KEY_VARIABLE, key.with_suffix(".key").read_text())
    monkeypatch.setenv(VERIFY_KEY_VARIABLE, key.read_text())
    pushed = push(model, weigh(tmp_path / "e", model), tmp_path / "production")
    assert pushed.record
    assert pushed.record.signed_by == Trust.of([key]).keys[0].fingerprint


def test_a_promotion_carries_the_statement_of_who_weighed(
    tmp_path: Path, model: Path, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert push(model, describe(weigh(tmp_path / "e", model)), tmp_path / "staging").record
    monkeypatch.delenv(SIGNING_KEY_VARIABLE)
    evidence = tmp_path / "staging/.weighbridge/1"
    pushed = push(model, evidence, tmp_path / "production", promoted_from="staging")
    assert pushed.record
    for name in (ATTESTATIONS_FILE, MODEL_SIGNATURE_FILE):
        assert (tmp_path / "production/.weighbridge/1" / name).read_bytes() == (evidence / name).read_bytes()


@pytest.mark.parametrize("attack", ["stranger", "flipped", "removed", "cut"])
def test_no_statement_of_a_stranger_is_carried_on(
    tmp_path: Path, model: Path, key: Path, monkeypatch: pytest.MonkeyPatch, attack: str
) -> None:
    if attack == "stranger":
        monkeypatch.setenv(SIGNING_KEY_VARIABLE, str(make_key(tmp_path / "other")[0]))
        monkeypatch.delenv(VERIFY_KEY_VARIABLE)
    assert push(model, describe(weigh(tmp_path / "e", model)), tmp_path / "staging").record
    monkeypatch.setenv(VERIFY_KEY_VARIABLE, str(key))
    monkeypatch.delenv(SIGNING_KEY_VARIABLE)
    evidence = tmp_path / "staging/.weighbridge/1"
    path = evidence / ATTESTATIONS_FILE
    if attack == "flipped":
        data = bytearray(path.read_bytes())
        data[data.index(b'"payload":"') + 200] ^= 1
        path.write_bytes(data)
    elif attack == "removed":
        (evidence / MODEL_SIGNATURE_FILE).unlink()
    elif attack == "cut":
        path.write_bytes(path.read_bytes()[:-500])
    pushed = push(model, evidence, tmp_path / "production", promoted_from="staging")
    assert pushed.record is None
    assert {gate.name for gate in pushed.gates if gate.refuses} <= {
        "push.signature.valid",
        "push.statement.readable",
        "push.bytes.equal",
    }
    assert not (tmp_path / "production/1").exists()


def test_an_unsigned_model_is_refused_where_keys_are_trusted(
    tmp_path: Path, model: Path, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(SIGNING_KEY_VARIABLE)
    pushed = push(model, weigh(tmp_path / "e", model), tmp_path / "production")
    assert [gate.name for gate in pushed.gates if gate.refuses] == ["push.signature.valid"]


def test_an_unsigned_model_does_not_replace_a_signed_one(
    tmp_path: Path, model: Path, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert push(model, weigh(tmp_path / "e", model), tmp_path / "production").record
    for name in (SIGNING_KEY_VARIABLE, VERIFY_KEY_VARIABLE):
        monkeypatch.delenv(name)
    other = make_model(tmp_path / "other", "two")
    pushed = push(other, weigh(tmp_path / "o", other, run_id="two"), tmp_path / "production")
    assert [gate.name for gate in pushed.gates if gate.refuses] == ["push.signature.present"]


@pytest.mark.parametrize("variable", [SIGNING_KEY_VARIABLE, VERIFY_KEY_VARIABLE])
def test_a_key_that_cannot_be_read_ends_the_push_before_anything_is_written(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, str(tmp_path / "gone.key"))
    with pytest.raises(UsageError, match=r"gone\.key cannot be read"):
        push(model, weigh(tmp_path / "e", model), tmp_path / "production")
    assert not (tmp_path / "production/1").exists()
