"""Quantiles of bucketed times, compared without believing more than buckets tell.

That the canary's quantile lies at most at y is that at least a share p of its requests lies there: a comparison of
shares, whose bounds hold at all looks (Howard & Ramdas, Bernoulli 28, 2022). Production's own quantile x has a share p
of production's requests below it, in the same windows with the same weights, so what is compared is the canary's share
below y with production's below x.

Between the edges of a bucket, shares are taken to grow evenly with the logarithm of time. What that may be wrong by is
taken off: nothing at an edge, and in the middle of a bucket half of what the shares of neighbouring buckets differ by,
at most. That is four times the bound of linear interpolation by the second derivative, so a bucket that holds
everything tells no more than its edges.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Place:
    """A point among buckets.

    Attributes:
        bucket: that it lies in.
        part: of the bucket that lies below it, 0 to 1.
    """

    bucket: int
    part: float


def place_of(edges: Floats, value: float) -> Place:
    """Where a time lies among buckets with these upper edges; in the last, which has no end, at its beginning."""
    bucket = min(int(np.searchsorted(edges, value, side="left")), len(edges) - 1)
    low, high = (edges[bucket - 1] if bucket else 0.0), edges[bucket]
    if not math.isfinite(high) or value <= low:
        return Place(bucket, 0.0)
    part = math.log(value / low) / math.log(high / low) if low > 0 else (value - low) / (high - low)
    return Place(bucket, min(max(part, 0.0), 1.0))


def value_at(edges: Floats, place: Place) -> float:
    """The time at a place; infinite in the last bucket."""
    low, high = (float(edges[place.bucket - 1]) if place.bucket else 0.0), float(edges[place.bucket])
    if not math.isfinite(high):
        return math.inf
    return low * (high / low) ** place.part if low > 0 else low + place.part * (high - low)


def below(counts: Floats, place: Place) -> Floats:
    """Counts below a place, shape [..., buckets] -> [...]."""
    return np.asarray(counts[..., : place.bucket].sum(axis=-1) + place.part * counts[..., place.bucket])


def unknown(shares: Floats, place: Place) -> float:
    """Share that may lie on the other side of a place, which the buckets do not tell.

    Args:
        shares: of the buckets, shape [buckets].
        place: among them.
    """
    own = float(shares[place.bucket])
    if place.bucket == len(shares) - 1:
        return own
    others = [float(shares[near]) for near in (place.bucket - 1, place.bucket + 1) if 0 <= near < len(shares)]
    return 2 * place.part * (1 - place.part) * min(own, max(abs(own - other) for other in others))


def quantile_of(shares: Floats, p: float) -> Place:
    """Where a share p lies below.

    Args:
        shares: of the buckets, shape [buckets], summing to 1.
        p: the share.
    """
    upto = np.cumsum(shares)
    bucket = min(int(np.searchsorted(upto, p - 1e-12, side="left")), len(shares) - 1)
    before = float(upto[bucket - 1]) if bucket else 0.0
    own = float(shares[bucket])
    return Place(bucket, min(max((p - before) / own, 0.0), 1.0) if own > 0 else 0.0)
