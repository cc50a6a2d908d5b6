"""Confidence intervals by resampling users."""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from weighbridge.components.evaluator.aliases import Floats, Index
from weighbridge.components.evaluator.ranking.blocks import blocks
from weighbridge.verdict import Estimate

_SHADES = 1 << 16


def weights(users: int, resamples: int, seed: int) -> Iterator[tuple[slice, Floats]]:
    """How often each user is drawn in each resample, a block of users at a time.

    The Poisson bootstrap: counts are independent with mean 1, which for more than a handful of users is drawing with
    replacement, needs no user's count before another's, and so no memory for all (Hanley & MacGibbon, Computer
    Methods and Programs in Biomedicine 83, 2006; Chamandy et al., Estimating Uncertainty for Massive Data Streams,
    2012). Counts are looked up by 16 random bits: their probabilities are right to 1 in 65,536.

    Yields:
        Which users, and their counts [users of the block, 1 + resamples]; the first column is the sample as it is: 1.
    """
    rng = np.random.default_rng(seed)
    probabilities = [math.exp(-1) / math.factorial(count) for count in range(20)]
    middles = (np.arange(_SHADES) + 0.5) / _SHADES
    table = np.searchsorted(np.cumsum(probabilities), middles).astype(np.float64)
    for block in blocks(users, resamples + 1):
        counts = np.ones((block.stop - block.start, resamples + 1))
        counts[:, 1:] = table[rng.integers(0, _SHADES, (len(counts), resamples), np.uint16)]
        yield block, counts


def sums(columns: Sequence[Floats], members: Index, resamples: int, seed: int) -> list[Floats]:
    """Sums over some users and over resamples of them, the same resamples for all arrays.

    Args:
        columns: arrays [users, columns of its own].
        members: index of the users that are resampled.
        resamples: number of resamples of them.
        seed: of the draws: the same seed gives the same resamples.

    Returns:
        For each array [its columns, 1 + resamples]; the first is the sum over the users as they are.
    """
    totals = [np.zeros((array.shape[1], resamples + 1)) for array in columns]
    for block, counts in weights(len(members), resamples, seed):
        # One product for each array, not one for all: arrays with equal values have equal sums to the last bit.
        for array, total in zip(columns, totals, strict=True):
            total += array[members[block]].T @ counts
    return totals


def interval(
    value: float, resampled: Floats, confidence: float, least: float = -math.inf, most: float = math.inf
) -> Estimate:
    """The percentile interval (Efron & Tibshirani, An Introduction to the Bootstrap, 1993, ch. 13).

    Args:
        value: the metric on the users as they are.
        resampled: value in each resample; NaN where it drew nobody who counts.
        confidence: level of the interval, e.g. 0.95.
        least: smallest possible value; the lower end is cut there.
        most: largest possible value; the upper end is cut there.

    Returns:
        The estimate; with NaN for ends where the value or most of the resamples are undefined.
    """
    finite = resampled[np.isfinite(resampled)]
    if not math.isfinite(value) or 2 * len(finite) <= len(resampled):
        return Estimate(value, math.nan, math.nan)
    tail = (1 - confidence) / 2
    low, high = np.clip(np.quantile(finite, [tail, 1 - tail]), least, most)
    return Estimate(value, float(low), float(high))
