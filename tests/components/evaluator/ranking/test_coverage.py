"""What of the catalogue is recommended at all."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.components.evaluator.ranking.helpers import ITEMS, cases
from weighbridge.components.evaluator import jackknife
from weighbridge.components.evaluator.ranking.coverage import (
    concentration,
    coverage,
    coverage_by_cutoff,
    coverage_without,
    exposure,
)
from weighbridge.components.evaluator.ranking.groups import Groups
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
def test_without_a_group_is_coverage_of_the_others(seed: int) -> None:
    rng = np.random.default_rng(seed)
    lists = without_repeats(np.minimum(rng.geometric(0.05, (300, 3)), 59).astype(np.int32))
    users = np.flatnonzero(rng.random(300) < 0.8)
    groups = Groups.of(np.flatnonzero(rng.random(len(users)) < 0.95))
    value, without = coverage_without(lists, 60, users, groups)
    counted = users[groups.users]
    assert value == coverage(lists, 60, counted)
    assert len(without) == 200
    assert without.tolist() == [coverage(lists, 60, counted[groups.each != group]) for group in range(200)]


@pytest.mark.parametrize(("users", "items", "share"), [(30, 500, 0.02), (200, 500, 0.02), (400, 2000, 0.004)])
def test_intervals_hold_what_so_many_users_see(users: int, items: int, share: float) -> None:
    rng = np.random.default_rng(1)

    def drawn() -> np.ndarray:
        return without_repeats((np.minimum(rng.geometric(share, (users, 10)), items) - 1).astype(np.int32))

    everybody, groups = np.arange(users), Groups.of(np.arange(users))
    seen = np.mean([coverage(drawn(), items) for _ in range(200)])
    found = [jackknife.estimate(coverage_without(drawn(), items, everybody, groups), 0.95, 0, 1) for _ in range(300)]
    held = np.mean([each.low <= seen <= each.high for each in found])  # type: ignore[operator]
    assert held >= 0.93
