"""Areas under curves over all thresholds, with all rows and without each group of them."""

from collections.abc import Callable

import numpy as np

from weighbridge.components.evaluator.aliases import Floats, Index
from weighbridge.components.evaluator.jackknife import Compute, defined

_STEPS = 500  # of a curve that is drawn without each group


def curve(area: Callable[[Floats, Floats], Floats]) -> Compute:
    """An area under the curve of true and false positives over all thresholds."""

    def compute(labels: Floats, predictions: Floats, groups: Index, count: int) -> tuple[float, Floats]:
        order = np.argsort(-predictions, kind="stable")
        positive, ends = labels[order], _ends(predictions[order])
        true, false = _counts(positive, ends)
        value = _area(area, true[:, None], false[:, None])
        kept = _steps(true[1:], false[1:])
        cell = np.repeat(np.arange(len(kept)), np.diff(ends[kept], prepend=-1)) * count + groups[order]
        each = [
            np.bincount(cell, weights, len(kept) * count).reshape(len(kept), count).cumsum(axis=0)
            for weights in (positive, 1 - positive)
        ]
        without_true, without_false = (
            np.concatenate([np.zeros((1, count)), part.sum(axis=1, keepdims=True) - part]) for part in each
        )
        drawn = _area(area, *(np.append(0.0, counts[1:][kept])[:, None] for counts in (true, false)))
        # What the curve of fewer thresholds lacks, it lacks without each group as well.
        return float(value[0]), _area(area, without_true, without_false) + (value - drawn)

    return compute


def _area(area: Callable[[Floats, Floats], Floats], true: Floats, false: Floats) -> Floats:
    """Of each curve, [curves], given counts [thresholds, curves]; NaN where there are no positives or no negatives."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return defined(area(true, false))


def _steps(true: Floats, false: Floats) -> Index:
    """Thresholds, of all [thresholds], that draw the curve well enough: all, or about `_STEPS` of them.

    They are evenly spaced in true positives, in false positives, and in the logarithm of these, since among the first
    few a single one matters to precision.
    """
    if len(true) <= _STEPS:
        return np.arange(len(true))
    with np.errstate(invalid="ignore"):
        parts = [of / of[-1] for of in (true, false, np.log1p(false))]
    place = np.nan_to_num(sum(parts)) * (_STEPS / len(parts))
    return np.unique(np.append(np.flatnonzero(np.diff(np.floor(place))), len(true) - 1))


def _ends(descending: Floats) -> Index:
    """Index of the last row of each distinct prediction: rows with the same one are on the same side."""
    return np.append(np.flatnonzero(np.diff(descending)), len(descending) - 1)


def _counts(positive: Floats, ends: Index) -> tuple[Floats, Floats]:
    """True and false positives as the threshold falls from above all predictions to below all."""
    true = np.cumsum(positive)[ends]
    false = np.cumsum(1 - positive)[ends]
    return np.append(0.0, true), np.append(0.0, false)


def roc(labels: Floats, predictions: Floats) -> tuple[Floats, Floats]:
    """False and true positive rate at every distinct threshold, from (0, 0) to (1, 1)."""
    order = np.argsort(-predictions, kind="stable")
    true, false = _counts(labels[order], _ends(predictions[order]))
    return false / false[-1], true / true[-1]


def roc_area(true: Floats, false: Floats) -> Floats:
    """By trapezoids, so that a tie counts half."""
    return np.asarray(np.sum(np.diff(false, axis=0) * (true[1:] + true[:-1]) / 2, axis=0) / (true[-1] * false[-1]))


def precision_recall_area(true: Floats, false: Floats) -> Floats:
    """Between thresholds the curve is interpolated in counts (Davis & Goadrich 2006), as Keras and TFMA do."""
    called = true + false
    gained, added = np.diff(true, axis=0), np.diff(called, axis=0)
    slope = np.divide(gained, added, out=np.zeros_like(gained), where=added > 0)
    intercept = true[:-1] - slope * called[:-1]
    both = (called[:-1] > 0) & (called[1:] > 0)
    ratio = np.divide(called[1:], called[:-1], out=np.ones_like(added), where=both)
    area = np.sum(slope * (gained + intercept * np.log(ratio)), axis=0) / true[-1]
    return np.where(false[-1] > 0, area, np.nan)
