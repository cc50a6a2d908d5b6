"""How far apart two samples of the same distribution are by chance alone.

Two samples of one distribution are never alike: the Jensen-Shannon divergence of n and m rows over K values is about
(K - 1) / (8 ln 2) (1/n + 1/m) without any drift (Miller 1955 for the entropies it is made of), which for many values is
more than most thresholds. So a distance is held against those that a permutation test gives: the rows of both sides are
pooled, and dealt to the two sides anew. Counts suffice for that: how often a value is dealt to one side follows the
multivariate hypergeometric distribution.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from weighbridge.components.data_validator.distances import Compared, Floats

_DEALS = 200
SURE = 0.01  # of data that did not drift, so many are taken for drifted at most
_MANY = 500_000_000  # rows beyond which chance is nothing


@dataclass(frozen=True)
class Effect:
    """A distance without what chance brings to it.

    Attributes:
        size: the distance less its mean without drift, at least 0.
        proven: whether a distance as large comes by chance in at most 1 % of the deals.
    """

    size: float
    proven: bool


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
    as_large = int((by_chance >= found - 1e-12).sum())
    return Effect(max(found - float(by_chance.mean()), 0.0), (as_large + 1) / (_DEALS + 1) <= SURE)


def _counts(shares: Floats, rows: float) -> npt.NDArray[np.int64]:
    return np.rint(shares * rows).astype(np.int64)
