"""What of the catalogue is recommended at all."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.components.evaluator.ranking.helpers import ITEMS, cases
from weighbridge.components.evaluator.ranking.coverage import (
    RESAMPLES,
    concentration,
    coverage,
    coverage_by_cutoff,
    exposure,
    presence,
    resampled_coverage,
)
from weighbridge.components.evaluator.ranking.lists import NONE, UNKNOWN, without_repeats

LISTS = np.array([[0, 1, NONE], [0, 2, UNKNOWN], [0, 1, 3]])


def test_exposure_and_coverage_by_hand() -> None:
    assert exposure(LISTS, 5).tolist() == [3, 2, 1, 1, 0]
    assert exposure(LISTS, 5, np.array([0, 1])).tolist() == [2, 1, 1, 0, 0]
    assert coverage(LISTS, 5) == 0.8
    assert coverage(LISTS[:, :1], 5) == 0.2
    assert coverage(LISTS, 5, np.array([0])) == 0.4


@given(cases())
def test_the_curve_over_cutoffs_is_coverage_at_each(
    case: tuple[list[list[int]], list[list[int]], list[list[int]]],
) -> None:
    lists = np.array(case[0])
    curve = coverage_by_cutoff(lists, ITEMS)
    assert curve.tolist() == pytest.approx([coverage(lists[:, :k], ITEMS) for k in range(1, lists.shape[1] + 1)])


def test_concentration_by_hand() -> None:
    """Five items get 3, 2, 1, 1 and 0 of 7 recommendations."""
    at, shares = concentration(LISTS, 5, points=6)
    assert at.tolist() == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1])
    assert shares.tolist() == pytest.approx([0, 3 / 7, 5 / 7, 6 / 7, 1, 1])
    assert concentration(np.array([[0], [1]]), 2, points=3)[1].tolist() == [0, 0.5, 1]
    assert np.isnan(concentration(np.array([[NONE]]), 2)[1]).all()


@given(cases())
def test_concentration_rises_from_0_to_1_above_the_diagonal(
    case: tuple[list[list[int]], list[list[int]], list[list[int]]],
) -> None:
    lists = without_repeats(np.array(case[0]))
    at, shares = concentration(lists, ITEMS)
    if (lists < 0).all():
        assert np.isnan(shares).all()
        return
    assert (shares[0], shares[-1]) == (0, 1)
    assert (np.diff(shares) >= 0).all()
    assert (shares >= at - 1e-12).all()


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 10_000))
def test_resamples_are_coverage_of_the_users_drawn_moved_to_the_value(seed: int) -> None:
    """With items that many users get, which the count takes for always there."""
    rng = np.random.default_rng(seed)
    lists = without_repeats(np.minimum(rng.geometric(0.05, (200, 3)), 59).astype(np.int32))
    users = np.flatnonzero(rng.random(200) < 0.7)
    present = presence(200, seed)
    value, resampled = resampled_coverage(lists, 60, users, present)
    slow = np.array([coverage(lists, 60, users[present[: len(users), draw] > 0]) for draw in range(RESAMPLES)])
    assert value == coverage(lists, 60, users)
    np.testing.assert_allclose(resampled, slow - slow.mean() + value, atol=1e-3)


def test_two_thirds_of_the_users_are_present_and_always_the_same() -> None:
    present = presence(20_000, 1)
    assert present.mean() == pytest.approx(1 - np.exp(-1), abs=0.002)
    assert (presence(20_000, 1) == present).all()
    assert (presence(20_000, 2) != present).any()
