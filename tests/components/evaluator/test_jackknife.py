"""Intervals of means of few, skewed, mostly equal numbers: as often right as they say."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from tests.components.evaluator.coverage import CHANGES, CONFIDENCES, USERS, Case, Users, misses, named
from weighbridge.components.evaluator import jackknife


def halls(values: np.ndarray, confidence: float) -> tuple[float, float]:
    """Hall's interval by solving his cubic numerically, for values of kurtosis 3 at most."""
    n = len(values)
    error = values.std(ddof=1) / math.sqrt(n)
    a = stats.skew(values, bias=False) / math.sqrt(n)
    freedom = min(2 * n / (stats.kurtosis(values, fisher=False) - 1), n - 1)

    def turned(t: float) -> float:
        roots = np.roots([a**2 / 27, a / 3, 1, a / 6 - t])
        return float(roots[np.abs(roots.imag) < 1e-7].real[0])

    quantile = stats.t.ppf((1 + confidence) / 2, freedom)
    return values.mean() - turned(quantile) * error, values.mean() - turned(-quantile) * error


def test_a_skewed_mean_has_halls_interval() -> None:
    values = np.random.default_rng(1).beta(1, 2, 60)  # flatter than a normal distribution, and skewed
    assert stats.kurtosis(values) < 0
    found = jackknife.mean(values, 0.9)
    low, high = halls(values, 0.9)
    assert (found.value, found.low, found.high) == pytest.approx((values.mean(), low, high))


def test_without_skewness_it_is_students() -> None:
    values = np.tile([1.0, 2.0, 4.0, 5.0], 8)
    wanted = stats.t.interval(0.95, 31, values.mean(), stats.sem(values))
    found = jackknife.mean(values, 0.95)
    assert (found.low, found.high) == pytest.approx(wanted)


@pytest.mark.parametrize("size", [1e-160, 1e-30, 1e30, 1e200])
def test_values_of_any_size_have_an_interval(size: float) -> None:
    values = np.random.default_rng(1).lognormal(0, 1, 50)
    plain, sized = jackknife.mean(values, 0.9), jackknife.mean(values * size, 0.9)
    assert (sized.low, sized.high) == pytest.approx((plain.low * size, plain.high * size))  # type: ignore[operator]


@pytest.mark.parametrize("units", [20, 100, 1000])
def test_where_nobody_was_served_the_end_is_clopper_and_pearsons(units: int) -> None:
    found = jackknife.mean(np.zeros(units), 0.95, 0.0, 1.0)
    assert (found.low, found.high) == pytest.approx(tuple(stats.binomtest(0, units).proportion_ci(0.95)))
    one = jackknife.mean(np.append(np.zeros(units - 1), 1e-6), 0.95, 0.0, 1.0)
    assert one.high == pytest.approx(found.high, abs=1e-5)  # one who was served next to nothing is no surer sign


def test_what_cannot_be_known_is_not_told() -> None:
    for values in (np.ones(19), np.append(np.ones(30), np.nan), np.empty(0)):
        assert not jackknife.mean(values, 0.95).known
    assert not jackknife.mean(np.zeros(30), 0.95, 0.0).known  # errors of nothing in all rows, and no upper limit
    assert not jackknife.change((0.5, np.ones(30)), (0.4, np.ones(20)), 0.95).known


@settings(max_examples=200, deadline=None)
@given(
    hnp.arrays(float, st.integers(20, 400), elements=st.sampled_from([0.0, 0.1, 0.5, 1.0])),
    st.floats(0.55, 0.99),
)
def test_more_confidence_is_a_wider_interval_within_what_is_possible(values: np.ndarray, confidence: float) -> None:
    narrow, wide = (jackknife.mean(values, each, 0.0, 1.0) for each in (confidence, (1 + confidence) / 2))
    for found in (narrow, wide):
        assert 0 <= found.low <= found.value + 1e-12  # type: ignore[operator]
        assert found.value - 1e-12 <= found.high <= 1  # type: ignore[operator]
    assert wide.low <= narrow.low  # type: ignore[operator]
    assert wide.high >= narrow.high  # type: ignore[operator]


@settings(max_examples=100, deadline=None)
@given(hnp.arrays(float, 60, elements=st.sampled_from([-1.0, -0.25, 0.0, 0.5, 1.0])))
def test_a_change_the_other_way_round_is_the_negative(values: np.ndarray) -> None:
    without = (values.sum() - values) / 59
    there, zero = (float(values.mean()), without), (0.0, np.zeros(60))
    one = jackknife.change(there, zero, 0.9, 1.0, 60)
    other = jackknife.change(zero, there, 0.9, 1.0, 60)
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low))  # type: ignore[operator]


def held(case: Case | Users, rounds: int) -> list[str]:
    """What intervals of 95 % and of 90 % missed more often than is allowed, and chance explains.

    Of those of 95 % at most 7 % may miss, of those of 90 % at most 12 %, and at most 8.5 % at the lower end.
    """
    complaints = []
    for name, found in misses(case, rounds, seed=7).items():
        for confidence, missed, both, lower in zip(CONFIDENCES, found, (0.07, 0.12), (0.06, 0.085), strict=True):
            too_many, too_high = (stats.binom.ppf(0.999, rounds, share) / rounds for share in (both, lower))
            if missed.below + missed.above > too_many or missed.below > too_high:
                complaints.append(f"{confidence:.0%} of {name}: {missed}")
    return complaints


@pytest.mark.parametrize("users", USERS, ids=named)
def test_means_over_users_hold_the_truth_as_often_as_they_say(users: Users) -> None:
    assert held(users, 400) == []


@pytest.mark.parametrize("case", [case for case in CHANGES if case.rows <= 100], ids=named)
def test_changes_hold_the_truth_as_often_as_they_say(case: Case) -> None:
    assert held(case, 120) == []


@pytest.mark.slow
@pytest.mark.parametrize("case", [case for case in CHANGES if case.rows > 100], ids=named)
def test_changes_on_many_rows_do_so_too(case: Case) -> None:
    assert held(case, 150) == []


def test_the_percentile_bootstrap_would_not() -> None:
    (case,) = (users for users in USERS if (users.name, users.rows) == ("mrr, found for 10 %", 30))
    rng = np.random.default_rng(7)
    truth, drawn = case.truth(rng)["mean"], rng.integers(0, 30, (500, 30))
    percentiles = [np.quantile(case.draw(rng, 30)[drawn].mean(axis=1), [0.025, 0.975]) for _ in range(400)]
    assert np.mean([low <= truth <= high for low, high in percentiles]) < 0.85
