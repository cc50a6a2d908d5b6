"""How far apart two samples of the same distribution are by chance alone.

Two samples of one distribution are never alike: the Jensen-Shannon divergence of n and m rows over K values is about
(K - 1) / (8 ln 2) (1/n + 1/m) without any drift (Miller 1955 for the entropies it is made of), which for many values is
more than most thresholds. So a distance is held against those that a permutation test gives: the rows of both sides are
pooled, and dealt to the two sides anew. Counts suffice for that: how often a value is dealt to one side follows the
multivariate hypergeometric distribution.

What that is worth is stated with each gate: how often data that did not drift are refused, and how often data pass that
drifted exactly as far as allowed.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from weighbridge.components.data_validator.distances import Compared, Floats
from weighbridge.verdict import Rates

_DEALS = 200
SURE = 0.01  # of data that did not drift, so many are taken for drifted at most
_FEW = 1  # deals may be as large as what is proven: a share of (1 + 1) / (200 + 1), which is less than `SURE`
_MANY = 500_000_000  # rows beyond which chance is nothing


@dataclass(frozen=True)
class Effect:
    """A distance without what chance brings to it.

    Attributes:
        size: the distance less its mean without drift, at least 0.
        proven: whether a distance as large comes by chance in at most 1 % of the deals.
        by_chance: mean distance without drift.
        least_proven: what a distance must be more than to be proven; 0 where any is.
    """

    size: float
    proven: bool
    by_chance: float = 0.0
    least_proven: float = 0.0


def effect(compared: Compared, seed: int = 0) -> Effect:
    """The distance of two samples, judged by a permutation test.

    Args:
        compared: what is compared, as shares and rows of both sides.
        seed: of the deals.
    """
    found = compared.distance()
    ours, theirs = (_counts(*side) for side in ((compared.ours, compared.rows[0]), (compared.theirs, compared.rows[1])))
    pooled = ours + theirs
    if not 0 < pooled.sum() <= _MANY or not ours.sum() or not theirs.sum():
        return Effect(found, True)
    rng = np.random.default_rng(seed)
    dealt = rng.multivariate_hypergeometric(pooled, int(ours.sum()), _DEALS, method="marginals")
    by_chance = compared.measured(dealt / ours.sum(), (pooled - dealt) / theirs.sum())
    as_large, mean = int((by_chance >= found - 1e-12).sum()), float(by_chance.mean())
    proven = (as_large + 1) / (_DEALS + 1) <= SURE
    return Effect(max(found - mean, 0.0), proven, mean, float(np.sort(by_chance)[-1 - _FEW]))


def rates(compared: Compared, found: Effect, limit: float) -> Rates | None:
    """How often a gate is wrong that refuses what is proven and whose size is more than `limit`; None without rows.

    The Jensen-Shannon divergence of samples, times 8 ln 2 and the harmonic sum of their rows, follows a chi-squared
    distribution where nothing drifted, and else a noncentral one whose noncentrality is that of the true divergence
    (Menendez, Pardo, Pardo and Pardo, Journal of the Franklin Institute 334, 1997). Its degrees of freedom are told by
    the deals: of many rare values they are fewer than the values. L-infinity is the largest of normal differences.

    Args:
        compared: what is compared.
        found: its effect.
        limit: most that the size may be.
    """
    ours, theirs = compared.rows
    if not 0 < ours + theirs <= _MANY or not ours or not theirs:
        return None
    harmonic = ours * theirs / (ours + theirs)
    allowed = limit + found.by_chance
    law = _linf_law if compared.measure == "linf" else _divergence_law
    refused, _ = law(compared, harmonic, found.by_chance, limit, allowed)
    _, passed = law(compared, harmonic, found.by_chance, limit, max(allowed, found.least_proven))
    return Rates(false_pass=round(passed, 6), false_refusal=round(min(refused, (1 + _FEW) / (1 + _DEALS)), 6))


def _divergence_law(_: Compared, rows: float, by_chance: float, limit: float, passes: float) -> tuple[float, float]:
    """How often a divergence is more than `passes` without drift, and at most that where its true value is `limit`."""
    from scipy.special import chdtrc, chndtr

    scale = 8 * math.log(2) * rows
    freedom = max(scale * by_chance, 1e-9)
    passed = chndtr(scale * passes, freedom, scale * limit) if limit else 1 - chdtrc(freedom, scale * passes)
    return float(chdtrc(freedom, scale * passes)), float(passed)


def _linf_law(compared: Compared, rows: float, _: float, limit: float, passes: float) -> tuple[float, float]:
    """The same of L-infinity: at most what all values together bring, and what the one that moved most does."""
    from scipy.special import ndtr

    pooled = np.average([compared.ours, compared.theirs], axis=0, weights=compared.rows)
    errors = np.sqrt(pooled * (1 - pooled) / rows)
    there = errors > 0
    refused = min(float(2 * ndtr(-passes / errors[there]).sum()), 1.0)
    moved = compared.ours - compared.theirs
    most = int(np.argmax(np.abs(moved)))
    before = float(compared.theirs[most])
    after = before + math.copysign(limit, moved[most])
    if not 0 <= after <= 1:
        after = min(max(2 * before - after, 0.0), 1.0)
    sides = zip((after, before), compared.rows, strict=True)
    error = math.sqrt(sum(share * (1 - share) / count for share, count in sides))
    return refused, float(ndtr((passes - limit) / error)) if error else 1.0


def _counts(shares: Floats, rows: float) -> npt.NDArray[np.int64]:
    return np.rint(shares * rows).astype(np.int64)
