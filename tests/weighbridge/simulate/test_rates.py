"""Rates and what is said of their error: held against scipy, and against models whose dependence is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from weighbridge.simulate.rates import Rate, any_of, of_pairs


@given(st.integers(0, 60), st.integers(1, 60))
def test_the_upper_bound_is_clopper_and_pearsons(happened, trials):
    happened = min(happened, trials)
    expected = binomtest(happened, trials).proportion_ci(0.9, "exact").high
    assert Rate.of(happened, trials).upper == pytest.approx(expected)


def test_few_trials_say_little_and_none_nothing():
    assert Rate.of(0, 2).upper == pytest.approx(0.776, abs=1e-3)
    assert Rate.of(0, 3).upper > 0.6
    assert Rate.of(0, 870).upper < 0.004
    assert Rate.of(0, 0).upper == 1.0
    assert Rate.of(0, 0).document() == {"rate": None, "standard_error": None, "upper_95": 1.0, "trials": 0}
    assert Rate.of(1, 4).document()["standard_error"] == pytest.approx((0.25 * 0.75 / 4) ** 0.5)


def test_one_bad_model_among_thirty_is_worth_thirty_trials_and_not_870():
    happened = np.zeros((30, 30), bool)
    happened[4] = True
    rate = of_pairs(happened)
    assert rate.share == pytest.approx(1 / 30)
    assert 20 < rate.trials < 40
    assert rate.upper > 0.1


def test_pairs_that_have_nothing_to_do_with_their_models_are_worth_half_of_themselves_and_more():
    rng = np.random.default_rng(0)
    found = [of_pairs(rng.random((20, 20)) < 0.3).trials for _ in range(40)]
    assert 0.4 * 380 < np.median(found) < 380


@pytest.mark.parametrize("models", [2, 3, 10])
def test_the_fewer_models_the_wider(models):
    rate = of_pairs(np.zeros((models, models), bool))
    assert rate.trials == models * (models - 1)
    assert rate.upper == pytest.approx(1 - 0.05 ** (1 / rate.trials))


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(10, 400)), min_size=1, max_size=4))
def test_of_several_things_any_happens_more_often_and_is_not_surer_than_all(given_rates):
    rates = [Rate.of(happened, trials) for happened, trials in given_rates]
    both = any_of(rates)
    assert both.share >= max(rate.share for rate in rates) - 1e-12
    assert both.share <= sum(rate.share for rate in rates) + 1e-12
    assert both.trials <= max(rate.trials for rate in rates)
    assert both.upper >= max(rate.upper for rate in rates)


def test_what_was_never_tried_does_not_count():
    assert any_of([Rate.of(1, 10), Rate.of(0, 0)]) == Rate.of(1, 10)
    assert any_of([]).trials == 0
