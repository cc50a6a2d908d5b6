import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from weighbridge.verdict import Bounds, Estimate, Risk, Sampled

SAMPLED = Sampled(Risk())
finite = st.floats(allow_nan=False, allow_infinity=False, width=32)


def test_passes_on_the_threshold_itself():
    [gate] = Bounds(min=0.8).judge("quality.auc", 0.8)
    assert gate.passed
    assert gate.name == "quality.auc.min"
    assert gate.allowed == "≥ 0.8"


def test_refuses_below_and_says_by_how_much_and_what_to_do():
    [gate] = Bounds(min=0.8).judge("quality.auc", 0.79, advice="Train longer.")
    assert gate.refuses
    assert (gate.observed, gate.threshold) == (0.79, 0.8)
    assert gate.message == "auc is 0.79, but must be at least 0.8. Train longer."


@pytest.mark.parametrize("broken", [None, math.nan, math.inf, -math.inf])
def test_what_cannot_be_measured_is_refused(broken):
    for bounds in (Bounds(min=-1e9), Bounds(max=1e9)):
        [gate] = bounds.judge("quality.auc", broken)
        assert gate.refuses
        assert gate.status == "unmeasured"
        assert "could not be measured" in gate.message


def test_a_relative_rule_passes_where_nothing_is_in_production_and_says_so():
    [gate] = Bounds(min_change=-0.01).judge("quality.auc", 0.9)
    assert gate.passed
    assert (gate.status, gate.weighed) == ("not_compared", False)
    assert "nothing is in production yet" in gate.message


@pytest.mark.parametrize("broken", [None, math.nan])
def test_what_has_no_value_is_refused_also_where_nothing_is_in_production(broken):
    for bounds in (Bounds(min_change=-0.01), Bounds(max_ratio=1.2)):
        [gate] = bounds.judge("quality.auc", broken, advice="Look.")
        assert (gate.status, gate.refuses) == ("unmeasured", True)
        assert gate.message.endswith("Look.")


def test_an_unreadable_baseline_is_refused():
    [gate] = Bounds(min_change=-0.01).judge("quality.auc", 0.9, baseline=math.nan)
    assert (gate.status, gate.refuses) == ("unmeasured", True)


def test_a_ratio_to_zero_is_refused():
    [gate] = Bounds(max_ratio=1.5).judge("latency.p99_ms", 1.0, baseline=0.0)
    assert (gate.status, gate.refuses) == ("unmeasured", True)


def test_each_rule_is_a_gate_of_its_own():
    gates = Bounds(max=20, max_ratio=1.25).judge("latency.batch_1.p99_ms", 15.0, baseline=10.0, unit="ms")
    assert [(gate.name, gate.passed, gate.observed, gate.unit) for gate in gates] == [
        ("latency.batch_1.p99_ms.max", True, 15.0, "ms"),
        ("latency.batch_1.p99_ms.max_ratio", False, 1.5, "x"),
    ]
    assert all(gate.baseline == 10.0 for gate in gates)


def test_measured_ratio_and_change_win_over_the_quotient_of_values():
    [gate] = Bounds(max_ratio=1.25).judge("l.p99", 15.0, baseline=10.0, ratio=Estimate(1.1))
    assert gate.passed
    [gate] = Bounds(min_change=0).judge("q.auc", 0.9, baseline=0.8, change=Estimate(-0.1))
    assert gate.refuses


def test_an_interval_across_the_threshold_is_inconclusive_only_when_asked():
    bounds = Bounds(max=20)
    straddling = Estimate(19, low=18, high=22)
    assert bounds.undecided(straddling) == ["max"]
    assert bounds.judge("l.p99", straddling)[0].passed
    [gate] = bounds.judge("l.p99", straddling, sampled=SAMPLED)
    assert gate.refuses
    assert gate.status == "inconclusive"
    assert "undecided" in gate.message
    assert bounds.judge("l.p99", Estimate(21, low=18, high=22), sampled=SAMPLED)[0].status == "inconclusive"
    assert bounds.judge("l.p99", Estimate(22, low=20.5, high=23), sampled=SAMPLED)[0].status == "refused"
    assert bounds.undecided(Estimate(15, low=14, high=16)) == []


def test_a_warning_is_shown_but_does_not_refuse():
    [gate] = Bounds(min=1, severity="warning").judge("q.auc", 0)
    assert not gate.passed
    assert not gate.refuses


@pytest.mark.parametrize("wrong", [{}, {"severity": "warning"}, {"mim": 1}, {"min": math.nan}, {"min": 2, "max": 1}])
def test_a_threshold_that_could_open_a_gate_is_no_threshold(wrong):
    with pytest.raises(ValidationError):
        Bounds(**wrong)


@given(value=finite, threshold=finite)
def test_min_and_max_agree_with_comparison(value, threshold):
    assert Bounds(min=threshold).judge("q.m", value)[0].passed == (value >= threshold)
    assert Bounds(max=threshold).judge("q.m", value)[0].passed == (value <= threshold)


@given(value=finite, low=finite, high=finite, threshold=finite)
def test_an_interval_never_passes_what_the_estimate_refuses(value, low, high, threshold):
    estimate = Estimate(value, min(low, value), max(high, value))
    [strict] = Bounds(max=threshold).judge("l.m", estimate, sampled=SAMPLED)
    [plain] = Bounds(max=threshold).judge("l.m", estimate)
    assert plain.passed or not strict.passed
