"""Exact intervals of the share of rows that a model has right, where rows are independent of each other.

Where nearly all rows are right, the few that are not say little of how much the share varies: an interval that is made
from them is far too wide, or too narrow. How many of n rows are right is binomial, whatever the rows are.
"""

import numpy as np

from weighbridge.components.evaluator.aliases import Bools, Floats
from weighbridge.components.evaluator.jackknife import FEWEST
from weighbridge.verdict import Estimate


def estimate(right: Bools, confidence: float) -> Estimate:
    """Clopper and Pearson's interval (Biometrika 26, 1934).

    Args:
        right: whether each row is [rows].
        confidence: level of the interval.
    """
    low, high = _bounds(int(right.sum()), len(right), (1 - confidence) / 2)
    return Estimate(float(right.mean()), low, high)


def change(ours: Bools, theirs: Bools, confidence: float) -> Estimate | None:
    """The share of the candidate minus that of production on the same rows; None where enough rows changed.

    Rows that only one of the two has right make the change. Of few of them each kind has Clopper and Pearson's bounds,
    at half of what an end may miss each (Bonferroni). From 20 on they tell its spread by themselves.

    Args:
        ours: whether the candidate has each row right [rows].
        theirs: whether production has.
        confidence: level of the interval.
    """
    gained, lost, rows = int((ours & ~theirs).sum()), int((theirs & ~ours).sum()), len(ours)
    if gained + lost >= FEWEST:
        return None
    (least_gain, most_gain), (least_loss, most_loss) = (
        _bounds(each, rows, (1 - confidence) / 4) for each in (gained, lost)
    )
    return Estimate((gained - lost) / rows, least_gain - most_loss, most_gain - least_loss)


def _bounds(successes: int, of: int, miss: float) -> tuple[float, float]:
    from scipy.special import betaincinv

    low = float(betaincinv(successes, of - successes + 1, miss)) if successes else 0.0
    high = float(betaincinv(successes + 1, of - successes, 1 - miss)) if successes < of else 1.0
    return low, high


def each_right(labels: Floats, predictions: Floats) -> Bools | None:
    """Whether each row is right [rows], by the likelier class; None where labels are no classes."""
    if predictions.ndim == 2:
        found: Bools = predictions.argmax(axis=1) == labels
        return found
    if not np.isin(labels, (0, 1)).all():
        return None
    binary: Bools = (predictions > 0.5) == (labels == 1)
    return binary
