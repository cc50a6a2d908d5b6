"""Kayenta's rule, restated: what its NetflixACAJudge makes of the time series of a metric.

`MannWhitneyClassifier` and `MannWhitney` of spinnaker/kayenta (commit a69573b, Apache-2.0), in our own words: a metric
of the canary is High where the 98 % confidence interval of its shift against the baseline's (Mann-Whitney, with the
normal approximation, ties and continuity corrected, as R's `wilcox.test`) lies above a quarter of the estimated shift
itself, and the ratio of the means is at least the allowed increase. That is 1 by default: then any shift counts.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Label = Literal["Pass", "High", "Low", "Nodata"]

_ROOT = 1e-4  # how near Kayenta's own solver comes, in the metric's unit


@dataclass(frozen=True)
class Classifier:
    """How a metric is classified; the values are those of NetflixACAJudge.

    Attributes:
        tolerance: share of the estimated shift that its interval must lie beyond.
        confidence: of the interval.
        allowed: ratio of the means (decrease, increase) that must be reached, too.
    """

    tolerance: float = 0.25
    confidence: float = 0.98
    allowed: tuple[float, float] = (1.0, 1.0)

    def label(self, control: Floats, experiment: Floats) -> Label:
        """Classify the points of a metric, [points] each."""
        if not len(control) or not len(experiment):
            return "Nodata"
        if np.array_equal(np.sort(control), np.sort(experiment)):
            return "Pass"
        low, high, shift = shift_interval(experiment, control, self.confidence)
        critical = self.tolerance * abs(shift)
        means = experiment.mean(), control.mean()
        ratio = float("nan") if 0 in means else means[0] / means[1]
        if low > critical and not ratio < self.allowed[1]:
            return "High"
        if high < -critical and not ratio > self.allowed[0]:
            return "Low"
        return "Pass"


def shift_interval(x: Floats, y: Floats, confidence: float) -> tuple[float, float, float]:
    """Confidence interval and estimate of how far x lies above y, by inverting the Mann-Whitney test.

    Returns:
        Lower and upper end, and the estimate (Hodges and Lehmann's, by the same approximation).
    """
    from scipy.optimize import brentq
    from scipy.stats import norm

    least, most = float(x.min() - y.max()), float(x.max() - y.min())

    def root(quantile: float) -> float:
        if statistic(least, x, y) <= quantile:
            return least
        if statistic(most, x, y) >= quantile:
            return most
        return float(brentq(lambda shift: statistic(shift, x, y) - quantile, least, most, xtol=_ROOT / 2))

    quantile = float(norm.ppf((1 - confidence) / 2))
    return root(-quantile), root(quantile), root(0.0)


def statistic(shift: float, x: Floats, y: Floats) -> float:
    """The standardised Mann-Whitney statistic of x less a shift, against y."""
    from scipy.stats import rankdata

    n, m = len(x), len(y)
    ranks = rankdata(np.concatenate([x - shift, y]))
    above = float(ranks[:n].sum()) - n * (n + 1) / 2 - n * m / 2
    _, ties = np.unique(ranks, return_counts=True)
    tied = float((ties.astype(np.float64) ** 3 - ties).sum()) / ((n + m) * (n + m - 1))
    deviation = np.sqrt(n * m / 12 * (n + m + 1 - tied))
    if not deviation:
        raise ValueError("all observations are tied")
    return float((above - 0.5 * np.sign(above)) / deviation)
