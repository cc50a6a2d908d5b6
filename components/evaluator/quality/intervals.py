"""Confidence intervals of metrics: the delete-a-group jackknife, as TFMA has it."""

from collections.abc import Callable
from functools import cache

import numpy as np

from weighbridge.components.evaluator.aliases import Floats, Index
from weighbridge.components.evaluator.quality.kernels import Kernel
from weighbridge.verdict import Estimate

GROUPS = 20  # TFMA's number of jackknife buckets

Replicated = tuple[float, Floats]  # a value, and the values without each group [groups]


def shuffled(rows: int) -> Index:
    """The same random order of `rows` rows at every call, so that a verdict can be measured again."""
    return np.random.default_rng(rows).permutation(rows)


def replicate(kernel: Kernel, labels: Floats, predictions: Floats) -> Replicated:
    """A metric on rows in random order, and without each of up to `GROUPS` equal groups of them."""
    rows = len(labels)
    count = min(GROUPS, rows)
    return kernel.compute(labels, predictions, np.arange(rows) % max(count, 1), count)


def estimate(replicated: Replicated, confidence: float, cut: Callable[[float], float] = float) -> Estimate:
    """The value with its interval; the interval is NaN where leaving a group out leaves the metric undefined.

    Args:
        replicated: the value and its replicates.
        confidence: level of the interval, e.g. 0.95.
        cut: puts an end of the interval back into the range of possible values.
    """
    value, without = replicated
    groups = len(without)
    if groups < 2 or not np.isfinite(without).all():
        return Estimate(value, float("nan"), float("nan"))
    pseudo = groups * value - (groups - 1) * without
    margin = _quantile(confidence, groups - 1) * float(pseudo.std(ddof=1)) / groups**0.5
    return Estimate(value, cut(value - margin), cut(value + margin))


def change(candidate: Replicated, production: Replicated, confidence: float) -> Estimate:
    """Candidate minus production, in pairs: both were measured without the same groups of the same rows."""
    return estimate((candidate[0] - production[0], candidate[1] - production[1]), confidence)


@cache
def _quantile(confidence: float, freedom: int) -> float:
    from scipy import stats

    return float(stats.t.ppf((1 + confidence) / 2, freedom))
