"""Rollbacks where keys are trusted, ages limited and thresholds tightened: what counts at night, what is only told."""

import sys
from pathlib import Path

import pytest
import yaml

from tests.command_line import gates_of
from tests.components.pusher.helpers import make_model, make_verdict
from tests.keys import make_key
from tests.weighbridge.delivery.conftest import GATES, PIPELINE
from weighbridge.common.environment import SIGNING_KEY_VARIABLE, VERIFY_KEY_VARIABLE
from weighbridge.components.production_model.standing import read_record
from weighbridge.components.pusher import push

NIGHT = "night.pipeline"


@pytest.fixture
def production(tmp_path: Path, workdir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Production of a pipeline whose policy a test may change."""
    package = tmp_path / "night"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "pipeline.py").write_text(PIPELINE)
    (package / "gates.yaml").write_text(GATES)
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("night", "night.pipeline"):  # of the test before
        monkeypatch.delitem(sys.modules, name, raising=False)
    return workdir / "night" / "production"


def put(folder: Path, production: Path, name: str) -> None:
    """A model of that name, of pipeline `night`."""
    model = make_model(folder / f"model-{name}", name)
    verdict = make_verdict(model, run_id=f"run-{name}").model_copy(update={"pipeline": "night"})
    evaluation = folder / f"evaluation-{name}"
    verdict.write(evaluation / "verdict.json")
    pushed = push(model, evaluation, production)
    assert pushed.record is not None, pushed.gates


def test_what_a_trusted_key_signed_goes_back_and_nothing_else(weighbridge, production, tmp_path, workdir, monkeypatch):
    put(tmp_path, production, "unsigned")
    (private, public), (_, other) = make_key(tmp_path / "trusted"), make_key(tmp_path / "other")
    monkeypatch.setenv(SIGNING_KEY_VARIABLE, str(private))
    for name in ("signed", "bad"):
        put(tmp_path, production, name)
    monkeypatch.setenv(VERIFY_KEY_VARIABLE, str(other))
    assert weighbridge("rollback", NIGHT).code == 1
    assert "nobody" not in gates_of(workdir)["rollback.signature.valid"]["message"]
    monkeypatch.setenv(VERIFY_KEY_VARIABLE, str(public))
    done = weighbridge("rollback", NIGHT)
    assert done.code == 0, done.out + done.err
    record = read_record(production)
    assert (record.rollback.restores, bool(record.signed_by)) == (2, True)
    assert (production / ".weighbridge/4/model.sig").exists()
    assert weighbridge("verify", f"{production}/4", "--key", str(public)).code == 0
    assert weighbridge("rollback", NIGHT, "--to", "1").code == 1  # nobody signed that
    monkeypatch.delenv(VERIFY_KEY_VARIABLE)
    assert weighbridge("rollback", NIGHT, "--to", "1").code == 1  # and what is in production is signed
    assert gates_of(workdir)["rollback.signature.equal"]["status"] == "refused"
    assert read_record(production).version == 4


def test_what_is_too_old_today_goes_back_with_a_warning(weighbridge, production, tmp_path, workdir):
    for name in ("good", "bad"):
        put(tmp_path, production, name)
    gates = tmp_path / "night/gates.yaml"
    policy = yaml.safe_load(gates.read_text())
    policy["delivery"][-1] |= {"max_age_days": 1e-9}
    gates.write_text(yaml.safe_dump(policy, sort_keys=False))
    done = weighbridge("rollback", NIGHT)
    assert done.code == 0, done.out + done.err
    gate = gates_of(workdir)["rollback.age.max"]
    assert (gate["status"], gate["severity"]) == ("refused", "warning")
    assert "It goes back all the same" in gate["message"]
