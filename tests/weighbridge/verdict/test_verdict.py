import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.common.errors import UsageError
from weighbridge.verdict import Gate, Verdict, read_gates, write_gates

PASSED = Gate(name="quality.auc.min", passed=True, observed=0.9, threshold=0.8, message="fine")
REFUSED = Gate(name="data.rows.train.min", passed=False, observed=1, threshold=10, unit="rows", message="too few")
WARNING = Gate(name="data.drift.x.linf.max", passed=False, severity="warning", message="drifts")

SUBJECT = {"data": "sha256:1", "model": "sha256:2"}
gates = st.lists(
    st.builds(
        Gate,
        name=st.text(min_size=1),
        passed=st.booleans(),
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


def test_nothing_weighed_is_not_passed():
    assert not weigh().passed


def test_the_file_has_exactly_the_agreed_keys(tmp_path):
    content = json.loads(weigh(PASSED).write(tmp_path / "verdict.json").read_text())
    assert set(content) == {"passed", "pipeline", "run_id", "subject", "gates"}
    assert set(content["gates"][0]) == {
        "name",
        "passed",
        "severity",
        "observed",
        "threshold",
        "baseline",
        "unit",
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


def test_numbers_that_are_not_finite_are_told_in_words():
    assert Gate(name="q", passed=False, observed=float("nan"), message="m").observed == "nan"
