"""What gates state of their error rates, against scipy, published examples and drawn verdicts."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from weighbridge.verdict import Bounds, Estimate, Gate, Rates, Risk, Sampled
from weighbridge.verdict.estimate import change_of, ratio_of
from weighbridge.verdict.holm import holm, only_proven
from weighbridge.verdict.risk import margin_needed, not_passing, quantile, rows_needed

DRAWS = 20_000


def drawn(true: float, error: float, risk: Risk, seed: int = 0, spread: float = 0.0) -> list[Estimate]:
    """Measured changes with their intervals, of models whose true change is `true`, but for the spread of trainings."""
    rng = np.random.default_rng(seed)
    values = true + spread * rng.standard_normal(DRAWS) + error * rng.standard_normal(DRAWS)
    half = quantile(risk.false_pass) * error
    return [Estimate(value, value - half, value + half) for value in values]


def judged(bounds: Bounds, change: Estimate, sampled: Sampled) -> Gate:
    [gate] = bounds.judge("q.auc", 0.9, baseline=0.9, change=change, sampled=sampled)
    return gate


@pytest.mark.parametrize("false_pass", [0.05, 0.025])
@pytest.mark.parametrize("spread", [0.0, 0.004])
def test_a_gate_is_as_often_wrong_as_it_says(false_pass: float, spread: float) -> None:
    risk = Risk(false_pass=false_pass)
    bounds, sampled = Bounds(min_change=-0.02), Sampled(risk, spread=spread)
    tolerance = 4 * math.sqrt(0.25 / DRAWS)
    at_margin = [judged(bounds, each, sampled) for each in drawn(-0.02, 0.006, risk)]
    equal = [judged(bounds, each, sampled) for each in drawn(0.0, 0.006, risk, spread=spread)]
    rates = equal[0].rates
    assert rates is not None
    assert np.mean([gate.passed for gate in at_margin]) == pytest.approx(rates.false_pass, abs=tolerance)
    assert np.mean([not gate.passed for gate in equal]) == pytest.approx(rates.false_refusal, abs=tolerance)
    # What refuses is proven: a model at the margin is called worse than it as rarely as one that passes.
    assert np.mean([gate.status == "refused" for gate in at_margin]) == pytest.approx(false_pass, abs=tolerance)


def test_what_lets_the_undecided_through_says_how_often_that_is_wrong() -> None:
    bounds, sampled = Bounds(min_change=-0.02), Sampled(Risk(), on_undecided="warn")
    tolerance = 4 * math.sqrt(0.25 / DRAWS)
    at_margin = [judged(bounds, each, sampled) for each in drawn(-0.02, 0.006, Risk())]
    equal = [judged(bounds, each, sampled) for each in drawn(0.0, 0.006, Risk())]
    rates = equal[0].rates
    assert rates is not None
    assert np.mean([not gate.refuses for gate in at_margin]) == pytest.approx(rates.false_pass, abs=tolerance)
    assert np.mean([gate.refuses for gate in equal]) == pytest.approx(rates.false_refusal, abs=tolerance)


def test_a_ratio_varies_by_its_logarithm() -> None:
    bounds, sampled = Bounds(max_ratio=1.5), Sampled(Risk(false_pass=0.025))
    half = 1.96 * 0.1
    [gate] = bounds.judge(
        "l.p50", 1.0, baseline=1.0, ratio=Estimate(1.0, math.exp(-half), math.exp(half)), sampled=sampled
    )
    assert gate.rates is not None
    expected = stats.norm.cdf((1.96 * 0.1 - math.log(1.5)) / 0.1)
    assert gate.rates.false_refusal == pytest.approx(expected, abs=1e-3)


def test_what_was_counted_or_is_unknown_states_nothing() -> None:
    [gate] = Bounds(min=1).judge("d.rows", 5, sampled=Sampled(Risk()))
    assert (gate.rates, gate.interval) == (None, None)
    [gate] = Bounds(max=1).judge("l.p99", Estimate(0.5, -math.inf, math.inf), sampled=Sampled(Risk()))
    assert (gate.status, gate.rates, gate.interval) == ("inconclusive", None, (None, None))
    assert gate.message == "p99 is undecided: 0.5 (interval unknown), but must be at most 1. Measure more."


def test_the_interval_is_that_of_what_is_judged_and_survives_the_file() -> None:
    gate = judged(Bounds(min_change=-0.02), Estimate(-0.001, -0.01, 0.008), Sampled(Risk()))
    assert gate.interval == (-0.01, 0.008)
    assert Gate.model_validate_json(gate.model_dump_json()) == gate


def test_looks_share_the_risk() -> None:
    """An interval of one of several looks leaves out less, and its standard error is told accordingly."""
    error, risk = 0.01, Risk(false_pass=0.05)
    half = quantile(0.05 / 5) * error
    gate = judged(Bounds(min_change=-0.03), Estimate(0.0, -half, half), Sampled(risk, looks=5))
    assert gate.rates == Rates(false_pass=0.05, false_refusal=round(not_passing(0.03, error, 0.01), 6))


def test_the_sample_size_of_a_non_inferiority_trial() -> None:
    """n per arm = (z_a + z_b)^2 * 2 sd^2 / d^2 (Julious, Statistics in Medicine 23, 2004, section 6)."""
    risk = Risk(false_pass=0.025, false_refusal=0.1)
    error = math.sqrt(2 / 10)  # of 10 rows an arm, sd 1
    published = 2 * (stats.norm.isf(0.025) + stats.norm.isf(0.1)) ** 2 / 0.5**2
    assert rows_needed(10, error, 0.5, risk) == pytest.approx(published)
    assert math.ceil(published) == 85


@given(
    error=st.floats(1e-3, 1.0),
    room=st.floats(1e-3, 5.0),
    spread=st.floats(0, 0.5),
    false_pass=st.floats(0.001, 0.25),
    false_refusal=st.floats(0.001, 0.25),
)
def test_margin_and_rows_are_each_others_inverse(
    error: float, room: float, spread: float, false_pass: float, false_refusal: float
) -> None:
    risk = Risk(false_pass=false_pass, false_refusal=false_refusal)
    rows = rows_needed(1000, error, room, risk, spread)
    if math.isinf(rows):
        assert room <= quantile(false_refusal) * spread
        return
    least = error * math.sqrt(1000 / rows)
    assert margin_needed(least, risk, spread) == pytest.approx(room, rel=1e-6)
    assert not_passing(room, least, false_pass, spread) == pytest.approx(false_refusal, rel=1e-6)


def test_rows_that_would_decide_are_told() -> None:
    change = Estimate(0.001, -0.025, 0.027)
    gate = judged(Bounds(min_change=-0.02), change, Sampled(Risk(), rows=1000))
    assert gate.status == "inconclusive"
    needed = rows_needed(1000, 0.026 / 1.6449, 0.021, Risk())
    assert f"About {float(f'{needed:.2g}'):,.0f} rows would tell" in gate.message


def test_values_measured_apart_are_compared_with_both_of_their_errors() -> None:
    """Newcombe, Statistics in Medicine 17 (1998), table II, method 10: 56/70 less 48/80 is 0.0524 to 0.3339."""

    def share(hits: int, of: int) -> Estimate:
        ends = stats.binomtest(hits, of).proportion_ci(method="wilson")
        return Estimate(hits / of, ends.low, ends.high)

    found = change_of(share(56, 70), share(48, 80))
    assert (found.value, found.low, found.high) == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)
    ratio = ratio_of(Estimate(2.0, 1.6, 2.5), Estimate(1.0, 0.8, 1.25))
    assert ratio.value == 2.0
    assert (ratio.low, ratio.high) == pytest.approx((2 * 0.8 ** math.sqrt(2), 2 / 0.8 ** math.sqrt(2)))
    assert change_of(Estimate(2.0), Estimate(1.0)) == Estimate(1.0)
    assert math.isnan(change_of(Estimate(2.0, math.nan, math.nan), Estimate(1.0, 0.9, 1.1)).low)  # type: ignore[arg-type]


@given(st.lists(st.floats(0, 1) | st.just(math.nan), max_size=6), st.floats(0.01, 0.5))
def test_holm_is_the_closure_of_bonferroni(p_values: list[float], alpha: float) -> None:
    """A hypothesis is rejected where every set of hypotheses with it is (Marcus, Peritz and Gabriel, 1976)."""
    places = range(len(p_values))
    sets = [each for size in range(1, len(p_values) + 1) for each in itertools.combinations(places, size)]

    def rejected(together: tuple[int, ...]) -> bool:
        return any(p_values[each] <= alpha / len(together) for each in together)

    expected = [all(rejected(each) for each in sets if place in each) for place in places]
    assert holm(p_values, alpha) == expected


def test_many_slices_refuse_no_more_often_than_one() -> None:
    """Twenty slices exactly at their thresholds: one of them is called worse in 5 % of the verdicts, not in 64 %."""
    rng = np.random.default_rng(1)
    sampled, half, verdicts = Sampled(Risk(), on_undecided="warn"), quantile(0.05), 2_000
    above_zero = Bounds(min=0.0)
    alone = together = 0
    for values in rng.standard_normal((verdicts, 20)):
        gates = [
            gate
            for place, value in enumerate(values)
            for gate in above_zero.judge(f"q.s{place}", Estimate(value, value - half, value + half), sampled=sampled)
        ]
        alone += any(gate.refuses for gate in gates)
        together += any(gate.refuses for gate in only_proven(gates, sampled))
    assert alone / verdicts > 0.5
    assert together / verdicts < 0.05 + 4 * math.sqrt(0.05 * 0.95 / verdicts)
    assert together > 0


def test_what_is_far_worse_is_refused_among_any_number() -> None:
    sampled = Sampled(Risk(), on_undecided="warn")
    gates = [
        gate
        for place, value in enumerate([0.0] * 40 + [-5.0])
        for gate in Bounds(min=0.0).judge(f"q.s{place}", Estimate(value, value - 1.64, value + 1.64), sampled=sampled)
    ]
    assert [gate.name for gate in only_proven(gates, sampled) if gate.refuses] == ["q.s40.min"]


def test_how_often_an_equal_model_is_refused_does_not_depend_on_how_bad_this_one_is() -> None:
    """A model that learned nothing varies far more, and has little in common with production."""
    production, sampled = Estimate(0.955, 0.9491, 0.9609), Sampled(Risk(), rows=5000)
    bounds = Bounds(min=0.94, min_change=-0.03)
    good = bounds.judge(
        "q.auc", Estimate(0.954, 0.948, 0.96), baseline=production, change=Estimate(0, -0.002, 0.002), sampled=sampled
    )
    bad = bounds.judge(
        "q.auc", Estimate(0.56, 0.54, 0.58), baseline=production, change=Estimate(-0.4, -0.42, -0.38), sampled=sampled
    )
    assert bad[0].rates == good[0].rates
    assert bad[0].interval == (0.54, 0.58)
    error = 0.0059 / quantile(0.05)
    assert good[0].rates == Rates(false_pass=0.05, false_refusal=round(not_passing(0.015, error, 0.05), 6))
    # At most as unsure as the difference of two models that have nothing in common.
    assert bad[1].rates is not None
    assert bad[1].rates.false_refusal == pytest.approx(not_passing(0.03, math.sqrt(2) * error, 0.05), abs=1e-6)
    assert good[1].rates is not None
    assert good[1].rates.false_refusal < 1e-6


def test_a_ratio_is_at_most_as_unsure_as_that_of_two_models_that_have_nothing_in_common() -> None:
    production, sampled = Estimate(1.0, 0.9, 1.1), Sampled(Risk(false_pass=0.025))
    [wide] = Bounds(max_ratio=1.5).judge(
        "l.p50", 9.0, baseline=production, ratio=Estimate(9.0, 4.0, 20.0), sampled=sampled
    )
    [apart] = Bounds(max_ratio=1.5).judge(
        "l.p50", 1.0, baseline=production, ratio=ratio_of(production, production), sampled=sampled
    )
    assert wide.rates == apart.rates
    assert wide.interval == (4.0, 20.0)
