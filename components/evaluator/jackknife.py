"""Confidence intervals from what a metric is without each of many groups of rows: the delete-a-group jackknife.

Each group's pseudo-value, by how much it moves the metric, is treated as one of so many independent numbers whose mean
the metric is (Tukey, Annals of Mathematical Statistics 29, 1958; Efron & Tibshirani, An Introduction to the Bootstrap,
1993, ch. 11). Two things make the interval of such a mean hold the truth as often as it says when numbers are few,
skewed, or nearly all the same, as recall is nothing for most users:

- Skewness is taken out by Hall's cubic (On the Removal of Skewness by Transformation, JRSS B 54, 1992), which comes as
  near as bootstrap-t does and resamples nothing.
- The degrees of freedom of t are those that the pseudo-values' kurtosis leaves (Satterthwaite, Biometrics Bulletin 2,
  1946): where few groups move the metric, few groups tell how much it varies.

How often they hold the truth is measured in docs/explanation/intervals.md.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from weighbridge.components.evaluator.aliases import Floats, Index
from weighbridge.verdict import Estimate

GROUPS = 200
"""Of the rows at most. With fewer rows each is a group of its own."""
FEWEST = 20
"""Rows or units that an interval takes: with fewer it would hold the truth less often than it says."""

Replicated = tuple[float, Floats]  # a value, and the values without each group [groups]
# (labels [rows], predictions [rows] or [rows, classes], group of each row [rows], groups) -> NaN where undefined
Compute = Callable[[Floats, Floats, Index, int], Replicated]


def groups(units: int) -> int:
    """How many groups so many units are divided into."""
    return min(GROUPS, units)


def shuffled(units: int) -> Index:
    """The same random order of `units` units at every call, so that a verdict can be measured again."""
    return np.random.default_rng(units).permutation(units)


def defined(values: Floats) -> Floats:
    """NaN in place of what is infinite."""
    return np.where(np.isfinite(values), values, np.nan)


def mean(values: Floats, confidence: float, least: float = -math.inf, most: float = math.inf) -> Estimate:
    """The mean of independent values [units] with its interval; see `estimate`."""
    if not len(values):
        return unknown(math.nan)
    count = groups(len(values))
    group = shuffled(len(values)) % count
    sizes, sums = np.bincount(group, minlength=count), np.bincount(group, values, count)
    with np.errstate(invalid="ignore"):
        without = (sums.sum() - sums) / (len(values) - sizes)
    return estimate((float(np.mean(values)), without), confidence, least, most, len(values))


def estimate(
    replicated: Replicated,
    confidence: float,
    least: float = -math.inf,
    most: float = math.inf,
    units: int = 0,
    *,
    farther: bool = False,
) -> Estimate:
    """The value with its interval.

    Args:
        replicated: the value and its replicates.
        confidence: level of the interval, e.g. 0.95.
        least: smallest and
        most: largest value that there can be.
        units: independent rows that have a part in it, where it is a mean over them of numbers from `least` to `most`:
            if all of them lie at one of the two, these many say how far from it the truth may be, and it is no nearer
            where some lie a little off. 0 where it is no such mean.
        farther: whether each end is the farther one of Hall's and of Student's interval. Needed where few rows that
            lie far out may all lie on one side by luck, which looks like skewness and is none.

    Returns:
        With an interval of NaN where there are fewer than `FEWEST` groups, where leaving a group out leaves the metric
        undefined, or where all rows lie at a bound and `units` is not given.
    """
    value, without = replicated
    spread = _spread(value, without)
    if spread is None:
        return unknown(value)
    if not spread.error and value in (least, most) and not units:
        return unknown(value)
    low, high = _ends(value, spread, confidence, farther=farther)
    return not_too_near(Estimate(value, max(low, least), min(high, most)), confidence, least, most, units)


def not_too_near(found: Estimate, confidence: float, least: float, most: float, units: int) -> Estimate:
    """An interval that goes as far from each bound as if all rows lay there; for its arguments see `estimate`."""
    if not units or found.low is None or found.high is None or not found.known:
        return found
    margin = (most - least) * never_seen(units, confidence)
    return Estimate(found.value, min(found.low, most - margin), max(found.high, least + margin))


def change(
    candidate: Replicated, production: Replicated, confidence: float, width: float = math.inf, units: int = 0
) -> Estimate:
    """Candidate minus production, in pairs: both were measured without the same groups of the same rows.

    Args:
        candidate: its value and replicates.
        production: the same of the model in production.
        confidence: level of the interval, e.g. 0.95.
        width: most that the metric can change by.
        units: as of `estimate`, for two models that differ: that no row moved then does not say that none ever will. 0
            where they are the same, or the metric is no such mean.

    Returns:
        With an interval of NaN where `estimate` has one.
    """
    value = candidate[0] - production[0]
    if len(candidate[1]) != len(production[1]):
        return unknown(value)
    found = estimate((value, candidate[1] - production[1]), confidence, farther=True)
    if found.low is None or found.high is None or not found.known:
        return found
    margin = width * never_seen(units, confidence) if units and found.low == found.high else 0.0
    return Estimate(value, max(found.low - margin, -width), min(found.high + margin, width))


def unknown(value: float) -> Estimate:
    """A value of which nobody knows how far the truth may be."""
    return Estimate(value, math.nan, math.nan)


@dataclass(frozen=True)
class _Spread:
    """How pseudo-values vary: the standard error of their mean, its skewness, degrees of freedom of the former."""

    error: float
    skewness: float
    freedom: float


def _spread(value: float, without: Floats) -> _Spread | None:
    """Of the pseudo-values; None where there are too few, or some are undefined."""
    count = len(without)
    if count < FEWEST or not math.isfinite(value) or not np.isfinite(without).all():
        return None
    pseudo = (count - 1) * (without.mean() - without)  # less their mean
    largest = float(np.abs(pseudo).max())
    if not largest:
        return _Spread(0.0, 0.0, count - 1.0)
    pseudo /= largest  # else powers of what is very small or large would be nothing, or infinite
    square = float(np.mean(pseudo**2))
    cube, fourth = float(np.mean(pseudo**3)), float(np.mean(pseudo**4))
    kurtosis = fourth / square**2
    # As many of normal ones would tell the spread as well. Moments of so few are too small on average: these
    # corrections are those of the sample's standard deviation and skewness (Joanes & Gill, The Statistician 47, 1998).
    telling = min(3 * count / kurtosis, count)
    error = largest * math.sqrt(square / count * telling / (telling - 1))
    skewness = cube / square**1.5 * math.sqrt(telling * (telling - 1)) / (telling - 2) / math.sqrt(count)
    return _Spread(error, skewness, min(max(2 * count / max(kurtosis - 1, 1e-9), 1.0), count - 1.0))


def _ends(value: float, spread: _Spread, confidence: float, *, farther: bool) -> tuple[float, float]:
    """Both ends by Hall's cubic g(t) = t + a t²/3 + a² t³/27 + a/6, a the skewness of the mean, turned around."""
    from scipy.special import stdtrit

    a, quantile = spread.skewness, float(stdtrit(spread.freedom, (1 + confidence) / 2))
    below = above = quantile
    if abs(a) > 1e-9:
        below, above = (abs(3 / a * (math.cbrt(1 + a * (t - a / 6)) - 1)) for t in (quantile, -quantile))
    if farther:
        below, above = max(below, quantile), max(above, quantile)
    return value - below * spread.error, value + above * spread.error


def never_seen(units: int, confidence: float) -> float:
    """How often something may happen that happened to none of so many (Hanley & Lippman-Hand, JAMA 249, 1983).

    It holds for the mean of any numbers between 0 and 1 of which all that were seen are 0: a number with the mean p is
    more than 0 at least as often as p.
    """
    return 1 - ((1 - confidence) / 2) ** (1 / units)
