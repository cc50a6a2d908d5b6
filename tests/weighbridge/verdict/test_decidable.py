"""What a sample can decide: margins and rows, against published figures, scipy, and simulated verdicts."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from weighbridge.verdict import Bounds, Estimate, Risk, Sampled
from weighbridge.verdict.decidable import looser, margin_for, precision, rows_for
from weighbridge.verdict.outcome import Rule

SAMPLED = Sampled(Risk(), rows=4_900)


def of(rule: str, threshold: float, quantity: Estimate | None, sampled: Sampled = SAMPLED, **more: object):
    found = precision(Rule(rule, threshold), quantity, measured=SAMPLED, sampled=sampled, **more)  # type: ignore[arg-type]
    assert found is not None
    return found


def change(error: float, value: float = 0.0) -> Estimate:
    half = float(stats.norm.isf(0.05)) * error
    return Estimate(value, value - half, value + half)


def test_rows_are_those_of_published_sample_sizes() -> None:
    # Julious (Statistics in Medicine 23, 2004): non-inferiority at one-sided 2.5 % with 90 % power, a margin of half a
    # standard deviation, takes 85 in each of two groups: twice the variance of one.
    assert math.ceil(rows_for(0.5, math.sqrt(2), Risk(false_pass=0.025, false_refusal=0.1))) == 85
    z = stats.norm.isf(0.05)
    assert rows_for(0.01, 0.3, Risk()) == pytest.approx((2 * z) ** 2 * 0.3**2 / 0.01**2)


@given(st.floats(1, 1e6), st.floats(1e-3, 10), st.floats(0.001, 0.25), st.floats(0.001, 0.25), st.floats(0, 0.01))
def test_margin_and_rows_are_each_others_inverse(rows: float, sd: float, a: float, b: float, spread: float) -> None:
    risk = Risk(false_pass=a, false_refusal=b)
    assert rows_for(margin_for(rows, sd, risk, spread), sd, risk, spread) == pytest.approx(rows, rel=1e-4)


def test_what_rows_decide_keeps_both_risks_in_simulated_verdicts() -> None:
    rng = np.random.default_rng(0)
    sd, rows, spread = 0.5, 2000, 0.006
    threshold = -margin_for(rows, sd, Risk(), spread)
    bounds = Bounds(min_change=threshold)

    def passes(true: np.ndarray) -> float:
        found = true + rng.normal(0, sd / math.sqrt(rows), len(true))
        judged = (
            bounds.judge("auc", 0.9, baseline=0.9, change=change(sd / math.sqrt(rows), each), sampled=SAMPLED)[0]
            for each in found.tolist()
        )
        return sum(gate.passed for gate in judged) / len(true)

    count = 4000
    tolerance = 4 * math.sqrt(0.05 * 0.95 / count)
    assert passes(rng.normal(0, spread, count)) == pytest.approx(0.95, abs=tolerance)
    assert passes(np.full(count, threshold)) == pytest.approx(0.05, abs=tolerance)


def test_a_threshold_tighter_than_its_rows_decide_says_what_it_needs() -> None:
    found = of("min_change", -0.03, change(0.0137))
    assert found.decides == pytest.approx(-2 * stats.norm.isf(0.05) * 0.0137)
    assert (found.enough, looser(found)) == (False, -0.046)
    assert found.rates.false_refusal == pytest.approx(stats.norm.sf(0.03 / 0.0137 - stats.norm.isf(0.05)), abs=1e-6)
    assert found.rows_needed == pytest.approx(4_900 * (found.decides / 0.03) ** 2)
    assert found.with_rows(math.ceil(found.rows_needed)).enough
    assert found.with_threshold(looser(found)).enough


def test_retraining_that_moves_more_than_the_threshold_needs_more_than_rows() -> None:
    sampled = Sampled(Risk(), rows=4_900, spread=0.02)
    found = of("min_change", -0.03, change(0.001), sampled)
    assert found.rows_needed == math.inf
    assert found.document()["rows_needed"] is None
    assert found.document()["rows_suffice"] is False
    assert of("min_change", looser(found), change(0.001), sampled).enough


def test_ratios_are_decided_by_their_logarithm() -> None:
    ratio = Estimate(1.1, 1.1 / 1.08, 1.1 * 1.08)
    found = of("max_ratio", 1.2, ratio)
    assert found.decides == pytest.approx(1.08**2)
    assert looser(found) == 1.17
    assert found.enough


def test_without_production_the_candidate_alone_bounds_what_will_be_decided() -> None:
    found = of("min_change", -0.01, None, candidate=change(0.004, 0.9))
    assert found.at_worst
    assert found.error == pytest.approx(math.sqrt(2) * 0.004)
    assert precision(Rule("min", 0.9), None, candidate=change(0.1), measured=SAMPLED, sampled=SAMPLED) is None
    assert precision(Rule("min", 0.9), Estimate(0.9), measured=SAMPLED, sampled=SAMPLED) is None
    assert precision(Rule("min", 0.9), Estimate(0.9, math.nan, 1), measured=SAMPLED, sampled=SAMPLED) is None


def test_an_absolute_threshold_is_held_against_production() -> None:
    found = of("min", 0.9, change(0.004, 0.93), production=0.91)
    assert found.room == pytest.approx(0.01)
    assert found.decides == pytest.approx(0.91 - 2 * stats.norm.isf(0.05) * 0.004)
    missed = of("min", 0.9, change(0.004, 0.93), production=0.89)
    assert missed.rows_needed == math.inf


def test_where_only_what_is_proven_refuses_hardly_any_equal_model_is() -> None:
    found = of("min_change", -0.001, change(0.0137), Sampled(Risk(), rows=10, on_undecided="warn"))
    assert found.rates.false_refusal < 0.05
    assert found.rates.false_pass == 0.95
    assert found.enough


@given(st.floats(-1, 1), st.floats(1e-6, 1), st.sampled_from(["min_change", "max_change", "min", "max"]))
def test_a_suggested_threshold_is_round_and_decided(value: float, error: float, rule: str) -> None:
    found = of(rule, 0.0, change(error, value))
    suggested = looser(found)
    assert found.rule.sign * (found.decides - suggested) >= -1e-9
    assert abs(suggested - found.decides) <= 0.11 * abs(found.margin)
