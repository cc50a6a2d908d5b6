"""What a drift gate can find with so many rows: the distance that chance brings, and the least that it tells apart.

Of n and m rows of one distribution over K values, with f = 8 ln 2 nm / (n + m), f times the Jensen-Shannon divergence
follows the chi-squared distribution with K - 1 degrees of freedom: it is half the likelihood ratio G of homogeneity, to
second order (Lin, IEEE Transactions on Information Theory 37, 1991; Menendez et al., Statistical Papers 34, 1993). So
chance brings (K - 1) / f on average, and a true divergence d makes it non-central by f d. For the L-infinity distance
no such law is known: the shares are drawn.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from weighbridge.components.data_validator.chance import SURE
from weighbridge.components.data_validator.distances import Floats, linf

_DRAWS = 2000
_CELLS = 4_000_000  # of all draws together


@dataclass(frozen=True)
class Findable:
    """What one gate on a distance can find.

    Attributes:
        measure: `linf` or `jensen_shannon`.
        limit: most that is allowed.
        shares: of each value, shape [values]; equal ones where only their number is known.
        rows: values that each of the two sides has.
    """

    measure: str
    limit: float
    shares: Floats
    rows: tuple[float, float]

    @property
    def expected(self) -> float:
        """The distance that chance alone brings, on average."""
        if self.measure == "linf":
            return float(self._by_chance.mean())
        return min((len(self.shares) - 1) / self._factor, 1.0)

    @property
    def beyond_chance(self) -> float:
        """The distance that chance alone reaches in as many cases as the gate's own test allows."""
        if self.measure == "linf":
            return float(np.quantile(self._by_chance, 1 - SURE))
        from scipy.stats import chi2

        return float(chi2.isf(SURE, max(len(self.shares) - 1, 1)) / self._factor)

    @property
    def drowned(self) -> bool:
        """Whether chance alone brings more than half of what is allowed."""
        return self.expected > self.limit / 2

    @cached_property
    def needed(self) -> float:
        """The distance that is refused: beyond chance, and beyond the limit when what chance brings is taken off."""
        return max(self.beyond_chance, self.limit + self.expected)

    @property
    def false_refusal(self) -> float:
        """How often data are refused that did not drift."""
        if self.measure == "linf":
            return float((self._by_chance > self.needed).mean())
        from scipy.stats import chi2

        return float(chi2.sf(self._factor * self.needed, max(len(self.shares) - 1, 1)))

    @property
    def false_pass(self) -> float:
        """How often data pass that are truly as far apart as is allowed."""
        if self.measure == "linf":
            from scipy.stats import norm

            return float(norm.cdf((self.needed - self.limit) / self._error))
        from scipy.stats import ncx2

        freedom = max(len(self.shares) - 1, 1)
        return float(ncx2.cdf(self._factor * self.needed, freedom, self._factor * self.limit))

    def least(self, found: float = 0.95) -> float:
        """The smallest true distance that is refused so often, more than 1 where none is.

        Args:
            found: in which share of the cases.
        """
        needed = self.needed
        if self.measure == "linf":
            from scipy.stats import norm

            return needed + float(norm.ppf(found)) * self._error
        from scipy.optimize import brentq
        from scipy.stats import ncx2

        freedom = max(len(self.shares) - 1, 1)

        def missed(distance: float) -> float:
            return float(ncx2.sf(self._factor * needed, freedom, self._factor * distance)) - found

        most = 4 * needed + 40 / self._factor
        return float(brentq(missed, 1e-12, most)) if missed(most) > 0 else math.inf

    @property
    def _factor(self) -> float:
        ours, theirs = self.rows
        return 8 * math.log(2) * ours * theirs / (ours + theirs)

    @property
    def _error(self) -> float:
        """Standard error of the difference of a share, at most."""
        return math.sqrt(sum(1 / rows for rows in self.rows)) / 2

    @cached_property
    def _by_chance(self) -> Floats:
        draws = max(200, min(_DRAWS, _CELLS // len(self.shares)))
        rng = np.random.default_rng(0)
        ours, theirs = (rng.multinomial(round(rows), self.shares, draws) / round(rows) for rows in self.rows)
        return linf(ours, theirs)


def equal_shares(values: int) -> Floats:
    """Shares of so many values that are equally frequent."""
    return np.full(values, 1 / values)
