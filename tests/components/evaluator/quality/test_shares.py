"""Shares of rows that are right, of few rows and nearly all right: exact, and no wider than that takes."""

import numpy as np
import pytest
from scipy.stats import binom, binomtest

from weighbridge.components.evaluator.quality import shares

ROUNDS = 2_000


@pytest.mark.parametrize(("right", "rows"), [(71, 75), (75, 75), (0, 40), (4_500, 5_000)])
def test_it_is_scipys_exact_interval(right: int, rows: int) -> None:
    found = shares.estimate(np.arange(rows) < right, 0.9)
    exact = binomtest(right, rows).proportion_ci(0.9, method="exact")
    assert (found.value, found.low, found.high) == pytest.approx((right / rows, exact.low, exact.high))


@pytest.mark.parametrize(
    ("rows", "gained", "lost"), [(75, 0.0, 0.04), (75, 0.02, 0.1), (200, 0.03, 0.03), (1_000, 0, 0)]
)
def test_a_change_of_few_rows_is_no_surer_than_it_says(rows: int, gained: float, lost: float) -> None:
    rng = np.random.default_rng(7)
    missed = [0, 0]
    for _ in range(ROUNDS):
        kinds = rng.choice(3, rows, p=[gained, lost, 1 - gained - lost])
        found = shares.change(kinds != 1, kinds != 0, 0.9)
        if found is None:
            continue
        assert found.low is not None and found.high is not None  # noqa: PT018
        missed[0] += found.low > gained - lost
        missed[1] += found.high < gained - lost
    assert max(missed) <= binom.ppf(0.999, ROUNDS, 0.05)


def test_many_rows_that_changed_tell_their_spread_themselves() -> None:
    right = np.ones(1_000, bool)
    assert shares.change(np.arange(1_000) >= 20, right, 0.9) is None
    assert shares.change(np.arange(1_000) >= 19, right, 0.9) is not None


@pytest.mark.parametrize("labels", [[0.0, 1.0, 0.5], [0.0, 2.0, 1.0]])
def test_labels_that_are_no_classes_are_not_counted(labels: list[float]) -> None:
    assert shares.each_right(np.array(labels), np.array([0.2, 0.9, 0.4])) is None
