"""How far apart two distributions of one feature are, told from their TFDV statistics alone.

Text and categories: from the values' counts, as TFDV computes it. Numbers: TFDV spreads the rows of a wide bucket
evenly over its width, so that one outlier decides: for two random halves of the same rows it finds a
Jensen-Shannon divergence of 0.7. Here numbers are compared in ten buckets that hold equally many rows of both
sides, cut where the percentiles of both are known; random halves then give less than 0.001.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from weighbridge.components.data_validator.summary import feature_common, feature_name
from weighbridge.verdict.gate import format_value

Floats = npt.NDArray[np.float64]

MEASURES = ("linf", "jensen_shannon")

_BUCKETS = 10
_LARGEST = 1e300  # differences of finite boundaries stay finite


class NotComparableError(Exception):
    """Two features cannot be compared; the message says why, as a sentence."""


@dataclass(frozen=True)
class Compared:
    """Two distributions of one feature over the same outcomes.

    Attributes:
        measure: `linf` or `jensen_shannon`.
        ours: share of each outcome now, shape [outcomes], sums to 1.
        theirs: the same of what it is compared with.
        rows: values that each of the two was told from.
    """

    measure: str
    ours: Floats
    theirs: Floats
    rows: tuple[float, float]

    def distance(self) -> float:
        """Between 0 (the same distribution) and 1 (nothing in common)."""
        return float(self.measured(self.ours, self.theirs))

    def measured(self, ours: Floats, theirs: Floats) -> Floats:
        """The distances of any distributions over these outcomes, shape [..., outcomes] -> [...]."""
        return linf(ours, theirs) if self.measure == "linf" else jensen_shannon(ours, theirs)


def compare(measure: str, current: Any, reference: Any) -> Compared:
    """Two `FeatureNameStatistics` of the same feature; rows without a value do not count.

    Args:
        measure: `linf` (categorical features only) or `jensen_shannon`.
        current: the feature now.
        reference: the feature it is compared with.

    Raises:
        NotComparableError: the features are of different kinds, have no values, or `measure` is not for them.
    """
    kinds = {_kind(current), _kind(reference)}
    if len(kinds) > 1:
        raise NotComparableError(f"It is {_kind(current)} here, but {_kind(reference)} in what it is compared with.")
    [kind] = kinds
    if kind == "categorical":
        ours, theirs = aligned(*told_by_both(category_shares(current), category_shares(reference)))
    elif kind == "numeric" and measure == "jensen_shannon":
        ours, theirs = number_shares(Distribution.of(current), Distribution.of(reference))
    else:
        raise NotComparableError(f"{measure} is not for {kind} features; numeric ones have jensen_shannon.")
    rows = (feature_common(current).tot_num_values, feature_common(reference).tot_num_values)
    return Compared(measure, ours, theirs, rows)


def describe_change(current: Any, reference: Any) -> str:
    """What changed most between two comparable features, as half a sentence."""
    if _kind(current) == "numeric":
        now, before = current.num_stats, reference.num_stats
        return (
            f"median {format_value(now.median)} against {format_value(before.median)},"
            f" mean {format_value(now.mean)} against {format_value(before.mean)}"
        )
    ours, theirs = category_shares(current), category_shares(reference)
    value = max(sorted({*ours, *theirs}), key=lambda key: abs(ours.get(key, 0.0) - theirs.get(key, 0.0)))
    name = "all rare values" if value == _OTHERS else repr(value)
    return f"{name} in {ours.get(value, 0.0):.1%} of the rows against {theirs.get(value, 0.0):.1%}"


def linf(ours: Floats, theirs: Floats) -> Floats:
    """L-infinity norm of the difference of two distributions over the same outcomes.

    Args:
        ours: shares, shape [..., outcomes], each row sums to 1.
        theirs: likewise.
    """
    return np.clip(np.max(np.abs(ours - theirs), axis=-1, initial=0.0), 0.0, 1.0)


def jensen_shannon(ours: Floats, theirs: Floats) -> Floats:
    """Jensen-Shannon divergence, base 2, of two distributions over the same outcomes; arguments as of `linf`."""
    middle = (ours + theirs) / 2
    return np.clip((_relative_entropy(ours, middle) + _relative_entropy(theirs, middle)) / 2, 0.0, 1.0)


def _relative_entropy(ours: Floats, middle: Floats) -> Floats:
    # The middle of two subnormal numbers can be rounded to 0; such a share weighs nothing.
    there = (ours > 0) & (middle > 0)
    ratio = np.divide(ours, middle, out=np.ones_like(middle), where=there)
    return np.asarray(np.sum(np.where(there, ours * np.log2(ratio), 0.0), axis=-1))


_OTHERS = "\0others"


def category_shares(feature: Any) -> dict[str, float]:
    """Share of each value of a categorical feature, 0 to 1; what its histogram left out is one value more."""
    counts = {bucket.label: bucket.sample_count for bucket in feature.string_stats.rank_histogram.buckets}
    if not counts:
        raise NotComparableError("Its values were not counted; raw bytes cannot be compared.")
    rest = feature_common(feature).tot_num_values - sum(counts.values())
    if rest > 0:
        counts[_OTHERS] = rest
    total = sum(counts.values())
    return {value: count / total for value, count in counts.items()}


def told_by_both(ours: dict[str, float], theirs: dict[str, float]) -> tuple[dict[str, float], dict[str, float]]:
    """Shares of values that both sides tell, where a histogram leaves out the rarest.

    A value that is no more frequent than all that the other side tells may be among the others there, so it counts as
    one of the others here, too. What is more frequent than that is missing there.
    """

    def lumped(shares: dict[str, float], other: dict[str, float]) -> dict[str, float]:
        if _OTHERS not in other:
            return shares
        rarest = min((share for value, share in other.items() if value != _OTHERS), default=0.0)
        kept = {
            value: share for value, share in shares.items() if value != _OTHERS and (value in other or share > rarest)
        }
        return kept | {_OTHERS: max(1 - sum(kept.values()), 0.0)}

    return lumped(ours, theirs), lumped(theirs, ours)


def aligned(ours: Mapping[str, float], theirs: Mapping[str, float]) -> tuple[Floats, Floats]:
    """Two distributions as arrays over all values of either."""
    values = sorted({*ours, *theirs})
    return (
        np.array([ours.get(value, 0.0) for value in values]),
        np.array([theirs.get(value, 0.0) for value in values]),
    )


@dataclass(frozen=True)
class Distribution:
    """A numeric feature's cumulative distribution at its known percentiles.

    Attributes:
        values: ascending and distinct, shape [n].
        below: share of rows below each value, shape [n].
        upto: share of rows of at most each value, shape [n].
    """

    values: Floats
    below: Floats
    upto: Floats

    @classmethod
    def of(cls, feature: Any) -> "Distribution":
        """From the quantiles histogram of a numeric `FeatureNameStatistics`."""
        histograms = feature.num_stats.histograms
        buckets = next((list(found.buckets) for found in histograms if found.type == found.QUANTILES), [])
        counts = np.array([bucket.sample_count for bucket in buckets])
        if not len(counts) or not counts.sum() > 0:
            raise NotComparableError("Its quantiles were not computed, or it has no values.")
        ends = np.array([buckets[0].low_value, *(bucket.high_value for bucket in buckets)])
        return cls.from_quantiles(ends, np.concatenate([[0.0], np.cumsum(counts) / counts.sum()]))

    @classmethod
    def from_quantiles(cls, values: Floats, ranks: Floats) -> "Distribution":
        """From quantiles, shape [n], ascending, and their ranks 0 to 1. A value that repeats has rows of its own."""
        distinct, first, repeats = np.unique(
            np.clip(values, -_LARGEST, _LARGEST), return_index=True, return_counts=True
        )
        return cls(distinct, ranks[first], ranks[first + repeats - 1])

    def share_upto(self, cuts: Floats) -> Floats:
        """Share of rows of at most each cut, linear between known values; same shape as `cuts`."""
        last = np.searchsorted(self.values, cuts, side="right") - 1
        inside = np.clip(last, 0, max(len(self.values) - 2, 0))
        following = np.minimum(inside + 1, len(self.values) - 1)
        width = np.maximum(self.values[following] - self.values[inside], np.finfo(np.float64).tiny)
        part = np.clip(cuts - self.values[inside], 0.0, width) / width
        between = self.upto[inside] + part * (self.below[following] - self.upto[inside])
        known = (last >= 0) & ((self.values[np.maximum(last, 0)] == cuts) | (last == len(self.values) - 1))
        return np.where(last < 0, 0.0, np.where(known, self.upto[np.maximum(last, 0)], between))


def number_shares(ours: Distribution, theirs: Distribution) -> tuple[Floats, Floats]:
    """Shares of both in buckets that hold about equally many rows of the two together."""
    known = np.union1d(ours.values, theirs.values)
    pooled = (ours.share_upto(known) + theirs.share_upto(known)) / 2
    ranks = np.arange(1, _BUCKETS) / _BUCKETS
    # A hair lower, so that rounding does not move a cut to the next value.
    cuts = known[np.unique(np.minimum(np.searchsorted(pooled, ranks - 1e-9), len(known) - 1))]
    return _between(ours.share_upto(cuts)), _between(theirs.share_upto(cuts))


def _between(upto: Floats) -> Floats:
    return np.maximum(np.diff(np.concatenate([[0.0], upto, [1.0]])), 0.0)


def _kind(feature: Any) -> str:
    if not feature_common(feature).tot_num_values:
        raise NotComparableError(f"{feature_name(feature)!r} has no values.")
    stats = feature.WhichOneof("stats")
    return {"num_stats": "numeric", "string_stats": "categorical"}.get(stats, stats.removesuffix("_stats"))
