"""Confidence intervals of metrics: the delete-a-group jackknife, as TFMA has it."""

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


def estimate(
    replicated: Replicated,
    confidence: float,
    least: float = -np.inf,
    most: float = np.inf,
    rows: int = 0,
    trials: int = 0,
) -> Estimate:
    """The value with its interval.

    Of a metric between two bounds, as a share is, the interval is made on the scale of log odds: near a bound the
    metric varies less on one side than on the other, and an interval that does not is too optimistic (Agresti,
    Categorical Data Analysis, 3rd edition, section 1.4; Pepe 2003, section 5.2, for the AUC).

    Args:
        replicated: the value and its replicates.
        confidence: level of the interval, e.g. 0.95.
        least: smallest and
        most: largest value that there can be.
        rows: that it was measured on; half a row is as near to a bound as odds can tell.
        trials: rows each of which might have taken a share away from the bound that it lies at; 0 where that is not
            known.

    Returns:
        With an interval of NaN where leaving a group out leaves the metric undefined, or where all rows lie at a bound
        and it is not known how many might not have.
    """
    value, without = replicated
    groups = len(without)
    if groups < 2 or not np.isfinite(without).all():
        return Estimate(value, float("nan"), float("nan"))
    if value in (least, most) and (without == value).all():
        return _at_a_bound(value, confidence, least, most, trials)
    if not np.isfinite([least, most]).all():
        low, high = _jackknife(value, without, confidence)
        return Estimate(value, max(low, least), min(high, most))
    nearest = 0.5 / max(rows, groups)

    def odds(values: Floats) -> Floats:
        share = np.clip((values - least) / (most - least), nearest, 1 - nearest)
        return np.asarray(np.log(share / (1 - share)))

    ends = np.array(_jackknife(float(odds(np.array(value))), odds(without), confidence))
    low, high = least + (most - least) / (1 + np.exp(-ends))
    return Estimate(value, min(float(low), value), max(float(high), value))


def _at_a_bound(value: float, confidence: float, least: float, most: float, trials: int) -> Estimate:
    """Clopper and Pearson's interval (Biometrika 26, 1934) where none, or all, of the trials succeeded."""
    if not trials or not np.isfinite([least, most]).all():
        return Estimate(value, float("nan"), float("nan"))
    away = (most - least) * (1 - ((1 - confidence) / 2) ** (1 / trials))
    return Estimate(value, value - away, value) if value == most else Estimate(value, value, value + away)


def _jackknife(value: float, without: Floats, confidence: float) -> tuple[float, float]:
    groups = len(without)
    pseudo = groups * value - (groups - 1) * without
    margin = _quantile(confidence, groups - 1) * float(pseudo.std(ddof=1)) / groups**0.5
    return value - margin, value + margin


def change(candidate: Replicated, production: Replicated, confidence: float) -> Estimate:
    """Candidate minus production, in pairs: both were measured without the same groups of the same rows."""
    return estimate((candidate[0] - production[0], candidate[1] - production[1]), confidence)


@cache
def _quantile(confidence: float, freedom: int) -> float:
    from scipy import stats

    return float(stats.t.ppf((1 + confidence) / 2, freedom))
