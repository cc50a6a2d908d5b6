"""Resamples and the intervals that come of them."""

import math

import numpy as np
import pytest

from weighbridge.components.evaluator.ranking import bootstrap


def test_counts_are_poisson_and_the_first_column_is_the_sample() -> None:
    counts = np.concatenate([part for _, part in bootstrap.weights(3000, 200, seed=1)])
    assert (counts[:, 0] == 1).all()
    drawn = counts[:, 1:]
    for count in range(5):
        wanted = math.exp(-1) / math.factorial(count)
        assert (drawn == count).mean() == pytest.approx(wanted, abs=0.003)
    assert drawn.var() == pytest.approx(1, abs=0.01)
    assert abs(np.corrcoef(drawn[:, 0], drawn[:, 1])[0, 1]) < 0.1


def test_blocks_cover_all_users_once_and_the_seed_decides() -> None:
    blocks = [block for block, _ in bootstrap.weights(5000, 999, seed=1)]
    assert len(blocks) > 1
    assert np.concatenate([np.arange(5000)[block] for block in blocks]).tolist() == list(range(5000))
    one, again, other = (next(bootstrap.weights(50, 10, seed))[1] for seed in (1, 1, 2))
    assert (one == again).all()
    assert (one != other).any()


def test_sums_are_those_of_the_weighted_members() -> None:
    rng = np.random.default_rng(0)
    columns = [rng.random((3000, 2)), rng.random((3000, 3))]
    members = np.flatnonzero(rng.random(3000) < 0.5)
    counts = np.concatenate([part for _, part in bootstrap.weights(len(members), 400, seed=3)])
    totals = bootstrap.sums(columns, members, 400, seed=3)
    for array, total in zip(columns, totals, strict=True):
        np.testing.assert_allclose(total, array[members].T @ counts)
        np.testing.assert_allclose(total[:, 0], array[members].sum(axis=0))


def test_the_interval_is_between_percentiles_and_cut_to_what_is_possible() -> None:
    resampled = np.linspace(-0.5, 1.5, 1001)
    found = bootstrap.interval(0.5, resampled, 0.9)
    assert (found.value, found.low, found.high) == pytest.approx((0.5, -0.4, 1.4))
    cut = bootstrap.interval(0.5, resampled, 0.9, 0.0, 1.0)
    assert (cut.low, cut.high) == (0, 1)


@pytest.mark.parametrize(
    ("value", "resampled"),
    [(math.nan, [0.1, 0.2, 0.3]), (0.2, [math.nan, math.nan, 0.2]), (0.2, [math.nan, 0.2]), (0.2, [math.inf] * 3)],
)
def test_what_is_mostly_undefined_has_no_interval(value: float, resampled: list[float]) -> None:
    found = bootstrap.interval(value, np.array(resampled), 0.95)
    assert found.low is not None
    assert math.isnan(found.low)
    assert found.value == value or math.isnan(value)


def test_a_few_resamples_that_drew_nobody_are_left_out() -> None:
    found = bootstrap.interval(0.2, np.array([math.nan, 0.1, 0.2, 0.3]), 0.95)
    assert found.low == pytest.approx(0.105)
