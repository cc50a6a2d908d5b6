"""How many standard errors prove something that may be looked at again and again."""

import math

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def spread(alpha: float) -> float:
    """Where a boundary is tightest: the variance of its mixture, as a share of that at the planned end.

    Howard, Ramdas, McAuliffe & Sekhon (Annals of Statistics 49, 2021, section 3.5): -W(-alpha²/e) - 1 of the lower
    branch of Lambert's W, here by its usual approximation for the one-sided boundary.
    """
    doubled = 2 * math.log(1 / (2 * alpha))
    return 1 / (doubled + math.log1p(doubled))


def evidence(alpha: float, progress: Floats | float) -> Floats:
    """Logarithm that the boundary grows by: log(1/alpha) and what looking at all times costs, shape of `progress`.

    Args:
        alpha: how often, at most, the boundary is ever crossed by chance.
        progress: information so far by that at the planned end of the step, more than 0.
    """
    mixed = spread(alpha)
    return np.asarray(np.log1p(np.sqrt((np.asarray(progress) + mixed) / mixed) / (2 * alpha)))


def standard_errors(alpha: float, progress: Floats | float) -> Floats:
    """Standard errors between an estimate and what it disproves: the normal mixture boundary, one-sided.

    P(there is a look at which the sum S of variance V exceeds it) <= alpha, with
    sqrt(2 (V + rho) log(1 + sqrt((V + rho) / rho) / (2 alpha))): Howard et al. 2021, proposition 5 and equation 3.7,
    after Robbins (Annals of Mathematical Statistics 41, 1970). With an estimated variance it is the asymptotic
    confidence sequence of Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas (Annals of Statistics 52, 2024).

    Args:
        alpha: see `evidence`.
        progress: likewise.
    """
    progress = np.asarray(progress, dtype=np.float64)
    return np.sqrt(2 * (progress + spread(alpha)) / progress * evidence(alpha, progress))
