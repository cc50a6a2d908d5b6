"""How often something happened in trials, and how sure that is."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

_UPPER = 0.95


@dataclass(frozen=True)
class Rate:
    """A share of trials.

    Attributes:
        share: of the trials in which it happened; NaN where there was no trial.
        trials: how many independent ones they are worth.
        least_upper: what its upper bound is at least.
    """

    share: float
    trials: float
    least_upper: float = 0.0

    @classmethod
    def of(cls, happened: int, trials: int) -> "Rate":
        """Of independent trials."""
        return cls(happened / trials if trials else math.nan, trials)

    @property
    def standard_error(self) -> float:
        """Binomial."""
        return math.sqrt(self.share * (1 - self.share) / self.trials) if self.trials else math.nan

    @property
    def upper(self) -> float:
        """One-sided upper bound of 95 % (Clopper and Pearson, Biometrika 26, 1934)."""
        from scipy.stats import beta

        if not self.trials:
            return 1.0
        happened = self.share * self.trials
        if happened >= self.trials:
            return 1.0
        return max(self.least_upper, float(beta.ppf(_UPPER, happened + 1, self.trials - happened)))

    def document(self) -> dict[str, float | None]:
        """For machines; null where there was no trial."""
        if not self.trials:
            return {"rate": None, "standard_error": None, "upper_95": 1.0, "trials": 0}
        return {
            "rate": self.share,
            "standard_error": self.standard_error,
            "upper_95": self.upper,
            "trials": round(self.trials, 1),
        }


def of_pairs(happened: Bools) -> Rate:
    """How often it happened among all ordered pairs of models, which are not independent: each is in many of them.

    The variance is the jackknife's that leaves one model out at a time (Arvesen, Annals of Mathematical Statistics 40,
    1969, for statistics of pairs), up to twice too large where the models do not matter. The trials are as many as
    would give it, and no more than there are pairs (Korn and Graubard, Survey Methodology 24, 1998).

    Args:
        happened: [models, models]; the diagonal does not count.
    """
    models = len(happened)
    counts = happened & ~np.eye(models, dtype=bool)
    pairs, total = models * (models - 1), int(counts.sum())
    share = total / pairs
    if models < 3 or not 0 < share < 1:
        return Rate(share, pairs)
    without = (total - counts.sum(axis=0) - counts.sum(axis=1)) / ((models - 1) * (models - 2))
    variance = (models - 1) / models * float(((without - without.mean()) ** 2).sum())
    return Rate(share, min(pairs, share * (1 - share) / variance) if variance else pairs)


def any_of(rates: Sequence[Rate]) -> Rate:
    """How often at least one of several independent things happens.

    Where none of one kind was seen, half a trial in which it happened is added for its variance: so a kind that was
    tried seldom widens what is said of all. Of all no less is feared than of each.
    """
    tried = [rate for rate in rates if rate.trials]
    if not tried:
        return Rate(math.nan, 0)
    if len(tried) == 1:
        return tried[0]
    smoothed = [(rate.share * rate.trials + 0.5) / (rate.trials + 1) for rate in tried]
    none = math.prod(1 - p for p in smoothed)
    # That of a product, whose factors vary by themselves: each by its own variance, times all others squared.
    variance = sum(p * (1 - p) / rate.trials * (none / (1 - p)) ** 2 for p, rate in zip(smoothed, tried, strict=True))
    share = 1 - math.prod(1 - rate.share for rate in tried)
    trials = min(max(rate.trials for rate in tried), none * (1 - none) / variance)
    return Rate(share, trials, least_upper=max(rate.upper for rate in tried))
