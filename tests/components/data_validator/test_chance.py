"""How often data that did not drift are taken for drifted, and how often those that did are found."""

from typing import Any

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import binom

from weighbridge.components.data_validator.chance import effect, rates
from weighbridge.components.data_validator.distances import (
    Compared,
    Distribution,
    jensen_shannon,
    linf,
    number_shares,
)

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


def shares(values: int, moved: float) -> np.ndarray:
    """As of `categories`: what is common is more so by `moved` of the rows."""
    weights = 1 / np.arange(1, values + 1)
    return (1 - moved) * weights / weights.sum() + moved * np.eye(values)[0]


def drawn(rng: np.random.Generator, measure: str, rows: tuple[int, int], ours: np.ndarray) -> Compared:
    """Samples of so many rows: of `ours`, and of what did not move."""
    theirs = shares(len(ours), 0.0)
    sides = [rng.multinomial(count, side) / count for count, side in zip(rows, (ours, theirs), strict=True)]
    return Compared(measure, *sides, rows)


@pytest.mark.parametrize("measure", ["jensen_shannon", "linf"])
@pytest.mark.parametrize(
    ("values", "rows", "limit"),
    [
        (5, (500, 500), 0.02),
        (30, (500, 500), 0.005),
        (30, (5000, 2500), 0.05),
        pytest.param(1000, (5000, 5000), 0.02, marks=pytest.mark.slow),
    ],
)
def test_a_gate_on_a_distance_is_as_often_wrong_as_it_says(
    measure: str, values: int, rows: tuple[int, int], limit: float
) -> None:
    rng = np.random.default_rng(5)
    distance = jensen_shannon if measure == "jensen_shannon" else linf
    same = shares(values, 0.0)
    moved = brentq(lambda share: float(distance(shares(values, share), same)) - limit, 0.0, 0.95)
    refused, passed, stated = [], [], []
    for _ in range(ROUNDS):
        for ours, outcomes in ((same, refused), (shares(values, moved), passed)):
            compared = drawn(rng, measure, rows, ours)
            found = effect(compared)
            fired = found.proven and found.size > limit
            outcomes.append(fired if outcomes is refused else not fired)
        told = rates(compared, found, limit)
        assert told is not None
        stated.append(told)
    assert max(each.false_refusal for each in stated) <= 0.01
    most = max(each.false_refusal for each in stated)
    assert sum(refused) <= binom.ppf(0.999, ROUNDS, max(most, 1e-9))
    # Three standard errors of so many draws, and what the approximation leaves out.
    assert np.mean(passed) == pytest.approx(np.mean([each.false_pass for each in stated]), abs=0.15)


def test_numbers_at_their_limit_pass_about_as_often_as_is_said() -> None:
    rng = np.random.default_rng(6)
    limit = 0.02
    far = brentq(lambda shift: numbers(rng, 400_000, shift=shift).distance() - limit, 0.1, 0.8, xtol=1e-3)
    sampled = [numbers(rng, 3000, shift=far) for _ in range(ROUNDS)]
    stated = [rates(each, effect(each), limit) for each in sampled]
    passed = np.mean([not fires(each, limit) for each in sampled])
    assert passed == pytest.approx(np.mean([each.false_pass for each in stated if each]), abs=0.15)


@pytest.mark.parametrize("rows", [(0.0, 0.0), (0.0, 100.0), (10.0**9, 10.0**9)])
def test_without_rows_or_with_very_many_nothing_is_said(rows: Any) -> None:
    compared = Compared("linf", np.array([0.5, 0.5]), np.array([0.9, 0.1]), rows)
    assert rates(compared, effect(compared), 0.1) is None


@pytest.mark.parametrize("measure", ["jensen_shannon", "linf"])
@pytest.mark.parametrize("sides", [([1.0], [1.0]), ([1.0, 0.0], [0.0, 1.0]), ([0.5, 0.5], [0.5, 0.5])])
@pytest.mark.parametrize("limit", [0.0, 0.02, 1.0])
def test_whatever_is_compared_both_are_probabilities(measure: str, sides: Any, limit: float) -> None:
    compared = Compared(measure, *map(np.array, sides), (50.0, 3.0))
    told = rates(compared, effect(compared), limit)
    assert told is not None
    assert 0 <= told.false_refusal <= 0.01
    assert 0 <= told.false_pass <= 1
