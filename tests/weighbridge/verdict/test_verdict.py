import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.common.digests import bytes_digest
from weighbridge.common.errors import ExitCode, UsageError
from weighbridge.verdict import Gate, Verdict, read_gates, write_gates
from weighbridge.verdict.gate import STATUSES

PASSED = Gate(name="quality.auc.min", status="passed", observed=0.9, threshold=0.8, message="fine")
REFUSED = Gate(name="data.rows.train.min", status="refused", observed=1, threshold=10, unit="rows", message="too few")
WARNING = Gate(name="data.drift.x.linf.max", status="refused", severity="warning", message="drifts")

NOT_COMPARED = Gate(name="quality.auc.min_change", status="not_compared", threshold=-0.01, message="nothing yet")
UNMEASURED = Gate(name="training.loss.finite", status="unmeasured", severity="warning", message="no record")

SUBJECT = {"data": "sha256:1", "model": "sha256:2"}
gates = st.lists(
    st.builds(
        Gate,
        name=st.text(min_size=1),
        status=st.sampled_from(STATUSES),
        severity=st.sampled_from(["blocking", "warning"]),
        observed=st.none() | st.floats() | st.integers() | st.text(),
        threshold=st.none() | st.floats() | st.text(),
        message=st.text(),
    )
)


def weigh(*found: Gate) -> Verdict:
    return Verdict.of(found, pipeline="taxi", run_id="r1", subject=SUBJECT)


def test_passes_when_all_blocking_gates_pass():
    verdict = weigh(PASSED, WARNING)
    assert verdict.passed
    assert verdict.warnings == [WARNING]


def test_refuses_when_one_blocking_gate_refuses():
    verdict = weigh(PASSED, REFUSED)
    assert not verdict.passed
    assert verdict.refusals == [REFUSED]


@pytest.mark.parametrize("status", ["refused", "inconclusive", "unmeasured"])
def test_whatever_does_not_pass_refuses(status):
    verdict = weigh(PASSED, PASSED.model_copy(update={"status": status}))
    assert (verdict.passed, verdict.outcome, verdict.exit_code) == (False, "refused", ExitCode.REFUSED)


def test_what_compared_nothing_lets_through_but_is_not_counted_as_weighed():
    verdict = weigh(PASSED, NOT_COMPARED, UNMEASURED)
    assert (verdict.passed, verdict.outcome, verdict.exit_code) == (True, "passed", ExitCode.PASSED)
    assert (verdict.weighed, verdict.not_compared) == ([PASSED], [NOT_COMPARED])
    assert verdict.warnings == [UNMEASURED]


@pytest.mark.parametrize("found", [(), (NOT_COMPARED,), (UNMEASURED,), (NOT_COMPARED, UNMEASURED)])
def test_nothing_weighed_is_not_passed(found):
    verdict = weigh(*found)
    assert not verdict.passed
    assert verdict.exit_code == ExitCode.REFUSED
    of_run = Verdict.of_run(found, pipeline="taxi", run_id="r1", subject=SUBJECT)
    assert [gate.name for gate in of_run.refusals] == ["run.gates.present"]


def test_a_run_that_weighed_something_gets_no_gate_more():
    assert Verdict.of_run([PASSED, NOT_COMPARED], pipeline="taxi", run_id="r1", subject=SUBJECT).gates == (
        PASSED,
        NOT_COMPARED,
    )


@given(gates)
def test_a_verdict_passes_exactly_if_something_was_weighed_and_nothing_refuses(found):
    verdict = weigh(*found)
    assert verdict.passed == (bool(verdict.weighed) and not verdict.refusals)
    assert len(found) == len(verdict.refusals) + len(verdict.warnings) + sum(gate.passed for gate in found)


def test_the_file_has_exactly_the_agreed_keys(tmp_path):
    content = json.loads(weigh(PASSED).write(tmp_path / "verdict.json").read_text())
    assert set(content) == {"passed", "pipeline", "run_id", "subject", "gates"}
    assert set(content["gates"][0]) == {
        "name",
        "status",
        "severity",
        "observed",
        "threshold",
        "baseline",
        "unit",
        "interval",
        "rates",
        "message",
    }


@given(gates)
def test_canonical_bytes_survive_a_round_trip(found):
    verdict = weigh(*found)
    again = Verdict.model_validate_json(verdict.canonical())
    assert again.canonical() == verdict.canonical()
    assert again.digest == verdict.digest


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'{"passed": true}',
        weigh(REFUSED).canonical().replace(b'"passed": false,\n  "pipeline"', b'"passed": true,\n  "pipeline"'),
    ],
    ids=["empty", "torn", "list", "partial", "contradiction"],
)
def test_a_broken_or_contradicting_file_is_refused(tmp_path, content):
    path = tmp_path / "verdict.json"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"verdict\.json is not a verdict"):
        Verdict.read(path)


def test_gates_of_a_step_survive_and_missing_ones_are_an_error(tmp_path):
    write_gates(tmp_path, [PASSED, REFUSED])
    assert read_gates(tmp_path) == [PASSED, REFUSED]
    with pytest.raises(UsageError, match="No list of gates"):
        read_gates(tmp_path / "elsewhere")


# As versions wrote it that knew only passed and not passed; records in production name the digest of these bytes.
EARLIER = b"""{
  "gates": [
    {
      "baseline": null,
      "message": "auc is 0.9.",
      "name": "quality.auc.min",
      "observed": 0.9,
      "passed": true,
      "severity": "blocking",
      "threshold": 0.8,
      "unit": ""
    },
    {
      "baseline": null,
      "message": "drifts",
      "name": "data.drift.x.linf.max",
      "observed": 0.3,
      "passed": false,
      "severity": "warning",
      "threshold": 0.1,
      "unit": ""
    }
  ],
  "passed": true,
  "pipeline": "taxi",
  "run_id": "r1",
  "subject": {
    "model": "sha256:2"
  }
}
"""


def test_a_verdict_of_an_earlier_version_is_read_and_keeps_its_digest(tmp_path):
    path = tmp_path / "verdict.json"
    path.write_bytes(EARLIER)
    verdict = Verdict.read(path)
    assert [gate.status for gate in verdict.gates] == ["passed", "refused"]
    assert verdict.passed
    assert verdict.digest == bytes_digest(EARLIER)
    assert verdict.write(tmp_path / "copy.json").read_bytes() == EARLIER


def test_gates_of_an_earlier_version_are_read(tmp_path):
    gates = json.dumps({"gates": json.loads(EARLIER)["gates"]})
    (tmp_path / "gates.json").write_text(gates)
    assert [gate.status for gate in read_gates(tmp_path)] == ["passed", "refused"]


@pytest.mark.parametrize("passed", ["yes", 1, None, "passed", []])
def test_what_is_neither_true_nor_false_is_not_a_status(tmp_path, passed):
    (tmp_path / "gates.json").write_text(json.dumps({"gates": [{"name": "a", "message": "m", "passed": passed}]}))
    with pytest.raises(UsageError, match="is not a list of gates"):
        read_gates(tmp_path)


def test_the_digest_of_a_verdict_that_was_read_is_that_of_its_file(tmp_path):
    verdict = weigh(PASSED)
    path = verdict.write(tmp_path / "verdict.json")
    assert Verdict.read(path) == verdict
    assert Verdict.read(path).digest == verdict.digest
    path.write_bytes(path.read_bytes().replace(b"\n", b""))  # the same words, other bytes
    assert Verdict.read(path).digest == bytes_digest(path.read_bytes()) != verdict.digest


def test_numbers_that_are_not_finite_are_told_in_words():
    assert Gate(name="q", status="refused", observed=float("nan"), message="m").observed == "nan"
