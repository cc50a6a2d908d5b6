"""Evidently's default test of a column, restated: which one it takes, and when it calls a column drifted.

Evidently 0.7.23 (`evidently.legacy.calculations.stattests`), in our own words: by the rows of the reference and the
distinct values of both, a p-value below 0.05, or a distance of at least 0.1. `recorded/evidently.json` holds what the
original answered to samples that `recorded/ask_evidently.py` draws.
"""

import numpy as np
import numpy.typing as npt

from benchmarks.gates.columns import Kind, Values

Floats = npt.NDArray[np.float64]

_FEW_ROWS = 1000  # of the reference: a test up to so many, a distance beyond
_FEW_VALUES = 5  # numbers with at most so many are taken for categories
_LEVEL, _DISTANCE = 0.05, 0.1


def drifted(reference: Values, current: Values, kind: Kind) -> tuple[str, float, bool]:
    """The test that is taken, what it finds, and whether that is drift.

    Args:
        reference: [rows].
        current: [rows].
        kind: of the column.
    """
    values = np.unique(np.concatenate([reference, current]))
    as_numbers = kind == "numeric" and len(values) > _FEW_VALUES
    if len(reference) > _FEW_ROWS:
        found = _wasserstein(reference, current) if as_numbers else _jensen_shannon(reference, current, values)
        return ("wasserstein" if as_numbers else "jensenshannon"), found, found >= _DISTANCE
    if as_numbers:
        p_value = _kolmogorov_smirnov(reference, current)
        return "ks", p_value, p_value <= _LEVEL
    if len(values) > 2:
        p_value = _chi_square(reference, current, values)
        return "chisquare", p_value, p_value < _LEVEL
    p_value = _proportions(reference, current, values)
    return "z", p_value, p_value < _LEVEL


def _counts(column: Values, values: Values) -> Floats:
    return np.bincount(np.searchsorted(values, column), minlength=len(values)).astype(np.float64)


def _kolmogorov_smirnov(reference: Values, current: Values) -> float:
    from scipy.stats import ks_2samp

    return float(ks_2samp(reference, current).pvalue)


def _chi_square(reference: Values, current: Values, values: Values) -> float:
    """The reference is taken for the truth: what it lacks and the current sample has is expected never."""
    from scipy.stats import chi2

    expected = _counts(reference, values) * len(current) / len(reference)
    observed = _counts(current, values)
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(chi2.sf(((observed - expected) ** 2 / expected).sum(), len(values) - 1))


def _proportions(reference: Values, current: Values, values: Values) -> float:
    from scipy.stats import norm

    if len(values) == 1:
        return 1.0
    shares = [float((column != values[0]).mean()) for column in (reference, current)]
    n, m = len(reference), len(current)
    pooled = (shares[0] * n + shares[1] * m) / (n + m)
    return float(2 * norm.sf(abs(shares[0] - shares[1]) / np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))))


def _wasserstein(reference: Values, current: Values) -> float:
    """In standard deviations of the reference."""
    from scipy.stats import wasserstein_distance

    return float(wasserstein_distance(reference, current)) / max(float(np.std(reference.astype(np.float64))), 0.001)


def _jensen_shannon(reference: Values, current: Values, values: Values) -> float:
    """The distance: the root of the divergence, which is taken in nats."""
    from scipy.spatial.distance import jensenshannon

    return float(jensenshannon(_counts(reference, values), _counts(current, values)))
