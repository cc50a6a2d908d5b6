"""How often data that did not drift are taken for drifted, and how often those that did are found."""

from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from weighbridge.components.data_validator.chance import effect
from weighbridge.components.data_validator.distances import Compared, Distribution, number_shares

ROUNDS = 150


def categories(rng: np.random.Generator, values: int, rows: int, moved: float = 0.0) -> Compared:
    """Two samples of a skewed distribution; of the first, `moved` of the rows got the first value."""
    weights = 1 / np.arange(1, values + 1)
    base = weights / weights.sum()
    shifted = (1 - moved) * base + moved * np.eye(values)[0]
    ours, theirs = rng.multinomial(rows, shifted), rng.multinomial(rows, base)
    return Compared("jensen_shannon", ours / rows, theirs / rows, (rows, rows))


def numbers(rng: np.random.Generator, rows: int, shift: float = 0.0) -> Compared:
    """Two normal samples, the first shifted by so many standard deviations."""
    sides = []
    for by in (shift, 0.0):
        ranks = np.linspace(0, 1, 101)
        sides.append(Distribution.from_quantiles(np.quantile(rng.normal(by, 1, rows), ranks), ranks))
    return Compared("jensen_shannon", *number_shares(*sides), (rows, rows))


def fires(compared: Compared, limit: float) -> bool:
    found = effect(compared)
    return found.proven and found.size > limit


@pytest.mark.parametrize(("values", "rows"), [(30, 500), (1000, 5000), (5, 500)])
def test_categories_that_did_not_drift_hardly_ever_fire(values: int, rows: int) -> None:
    rng = np.random.default_rng(0)
    drawn = [categories(rng, values, rows) for _ in range(ROUNDS)]
    # Even where any distance at all is more than the threshold.
    assert sum(fires(each, 0.0) for each in drawn) <= binom.ppf(0.999, ROUNDS, 0.01)
    assert not any(fires(each, 0.02) for each in drawn)


@pytest.mark.parametrize("rows", [500, 5000])
def test_numbers_that_did_not_drift_hardly_ever_fire(rows: int) -> None:
    rng = np.random.default_rng(1)
    drawn = [numbers(rng, rows) for _ in range(ROUNDS)]
    assert sum(fires(each, 0.0) for each in drawn) <= binom.ppf(0.999, ROUNDS, 0.01)
    assert not any(fires(each, 0.01) for each in drawn)


@pytest.mark.parametrize(("rows", "share"), [(1000, 0.7), (5000, 0.98)])
def test_a_shift_of_a_third_of_a_standard_deviation_is_found(rows: int, share: float) -> None:
    rng = np.random.default_rng(2)
    assert np.mean([fires(numbers(rng, rows, shift=0.3), 0.01) for _ in range(ROUNDS)]) >= share


def test_a_category_that_took_over_is_found_among_many() -> None:
    rng = np.random.default_rng(3)
    assert all(fires(categories(rng, 1000, 5000, moved=0.2), 0.02) for _ in range(20))


def test_without_drift_the_size_is_nothing_where_the_distance_is_not() -> None:
    compared = categories(np.random.default_rng(4), 1000, 5000)
    assert compared.distance() > 0.02
    assert effect(compared).size < 0.005
    assert effect(compared) == effect(compared)


@pytest.mark.parametrize("rows", [(0.0, 0.0), (0.0, 100.0), (10.0**9, 10.0**9)])
def test_without_rows_or_with_very_many_a_distance_is_what_it_is(rows: Any) -> None:
    shares = np.array([0.5, 0.5]), np.array([0.9, 0.1])
    found = effect(Compared("linf", *shares, rows))
    assert (found.size, found.proven) == (pytest.approx(0.4), True)
