"""The metrics themselves, vectorised: each gives a value on all rows and on all rows but one group's.

Definitions are TFMA's (a test holds them against TFMA on the same predictions). TFMA computes them row by row in
Python, which with confidence intervals costs minutes for a few thousand rows; these cost milliseconds, so that
intervals on every slice come free.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from weighbridge.components.evaluator.aliases import Floats, Index

# (labels [rows], predictions [rows] or [rows, classes], group of each row [rows], groups)
# -> (value, value without each group [groups]); NaN where undefined.
Compute = Callable[[Floats, Floats, Index, int], tuple[float, Floats]]

_EPSILON = 1e-7  # Keras' fuzz factor


@dataclass(frozen=True)
class Kernel:
    """A metric.

    Attributes:
        compute: see `Compute`.
        takes_classes: whether predictions are [rows, classes] with labels the index of the class; else [rows].
        least: smallest and
        most: largest value that there can be.
        of_each_class: whether it is told from the rows of one class, so that of a rare one few rows tell it.
        of_trials: whether it is at its best or worst only where each such row is, as a share of rows is.
    """

    compute: Compute
    takes_classes: bool = False
    of_each_class: bool = False
    of_trials: bool = False
    least: float = -np.inf
    most: float = np.inf


def _additive(statistics: Callable[[Floats, Floats], Sequence[Floats]], finish: Callable[..., Floats]) -> Compute:
    """A metric that is a function of sums over the rows: without a group is the total minus the group's sums."""

    def compute(labels: Floats, predictions: Floats, groups: Index, count: int) -> tuple[float, Floats]:
        columns = statistics(labels, predictions)
        sums = np.stack([np.bincount(groups, weights=column, minlength=count) for column in columns])
        totals = sums.sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            value = finish(*totals[:, None])
            without = finish(*(totals[:, None] - sums))
        return float(_defined(value)[0]), _defined(without)

    return compute


def _defined(values: Floats) -> Floats:
    return np.where(np.isfinite(values), values, np.nan)


def _mean(of: Callable[[Floats, Floats], Floats], finish: Callable[[Floats], Floats] = lambda mean: mean) -> Compute:
    """The mean over the rows of one number per row."""
    return _additive(lambda y, p: (of(y, p), np.ones(len(y))), lambda total, rows: finish(total / rows))


def _confusion(finish: Callable[[Floats, Floats, Floats, Floats], Floats]) -> Compute:
    """A function of true and false positives, true and false negatives at threshold 0.5."""

    def statistics(labels: Floats, predictions: Floats) -> Sequence[Floats]:
        positive = predictions > 0.5
        # Labels may be fractions: a row counts as positive by its label, as negative by the rest.
        return labels * positive, (1 - labels) * positive, (1 - labels) * ~positive, labels * ~positive

    return _additive(statistics, finish)


def _curve(area: Callable[[Floats, Floats], float]) -> Compute:
    """An area under the curve of true and false positives over all thresholds."""

    def compute(labels: Floats, predictions: Floats, groups: Index, count: int) -> tuple[float, Floats]:
        order = np.argsort(-predictions, kind="stable")
        positive, ends = labels[order], _ends(predictions[order])
        sorted_groups = groups[order]

        def of(weights: Floats) -> float:
            return area(*_counts(positive, weights, ends))

        without = np.array([of((sorted_groups != group).astype(np.float64)) for group in range(count)])
        return of(np.ones(len(labels))), without

    return compute


def _ends(descending: Floats) -> Index:
    """Index of the last row of each distinct prediction: rows with the same one are on the same side."""
    return np.append(np.flatnonzero(np.diff(descending)), len(descending) - 1)


def _counts(positive: Floats, weights: Floats, ends: Index) -> tuple[Floats, Floats]:
    """True and false positives as the threshold falls from above all predictions to below all."""
    true = np.cumsum(weights * positive)[ends]
    false = np.cumsum(weights * (1 - positive))[ends]
    return np.append(0.0, true), np.append(0.0, false)


def roc(labels: Floats, predictions: Floats) -> tuple[Floats, Floats]:
    """False and true positive rate at every distinct threshold, from (0, 0) to (1, 1)."""
    order = np.argsort(-predictions, kind="stable")
    true, false = _counts(labels[order], np.ones(len(labels)), _ends(predictions[order]))
    return false / false[-1], true / true[-1]


def _roc_area(true: Floats, false: Floats) -> float:
    if not true[-1] or not false[-1]:
        return float("nan")
    return float(np.sum(np.diff(false) * (true[1:] + true[:-1]) / 2) / (true[-1] * false[-1]))


def _precision_recall_area(true: Floats, false: Floats) -> float:
    """Between thresholds the curve is interpolated in counts (Davis & Goadrich 2006), as Keras and TFMA do."""
    if not true[-1] or not false[-1]:
        return float("nan")
    called = true + false
    gained, added = np.diff(true), np.diff(called)
    slope = np.divide(gained, added, out=np.zeros_like(gained), where=added > 0)
    intercept = true[:-1] - slope * called[:-1]
    both = (called[:-1] > 0) & (called[1:] > 0)
    ratio = np.divide(called[1:], called[:-1], out=np.ones_like(called[1:]), where=both)
    return float(np.sum(slope * (gained + intercept * np.log(ratio))) / true[-1])


def _correlation_statistics(labels: Floats, predictions: Floats) -> Sequence[Floats]:
    y, p = labels - labels.mean(), predictions - predictions.mean()  # else digits cancel in the sums
    return np.ones(len(y)), y, p, y * y, p * p, y * p


def _squared_correlation(n: Floats, y: Floats, p: Floats, yy: Floats, pp: Floats, yp: Floats) -> Floats:
    return (yp - y * p / n) ** 2 / ((yy - y * y / n) * (pp - p * p / n))


def _crossentropy(labels: Floats, predictions: Floats) -> Floats:
    p = np.clip(predictions, _EPSILON, 1 - _EPSILON)
    return -(labels * np.log(p) + (1 - labels) * np.log(1 - p))


def _class_crossentropy(labels: Floats, predictions: Floats) -> Floats:
    p = predictions / predictions.sum(axis=1, keepdims=True)
    return -np.log(np.clip(p[np.arange(len(labels)), labels.astype(int)], _EPSILON, 1 - _EPSILON))


def _logarithmic_error(labels: Floats, predictions: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return (np.log1p(labels) - np.log1p(predictions)) ** 2


def _percentages(labels: Floats, predictions: Floats) -> Sequence[Floats]:
    counted = labels != 0  # a share of nothing is not defined: such rows are left out
    shares = np.divide(100 * np.abs(labels - predictions), np.abs(labels), out=np.zeros(len(labels)), where=counted)
    return shares, counted.astype(np.float64)


def _rate(
    compute: Compute, *, takes_classes: bool = False, of_each_class: bool = False, of_trials: bool = True
) -> Kernel:
    return Kernel(compute, takes_classes, of_each_class, of_trials, least=0.0, most=1.0)


def _error(compute: Compute, *, takes_classes: bool = False) -> Kernel:
    return Kernel(compute, takes_classes=takes_classes, least=0.0)


KERNELS: dict[str, Kernel] = {
    "example_count": _error(_additive(lambda y, _: (np.ones(len(y)),), lambda rows: rows)),
    "auc": _rate(_curve(_roc_area), of_each_class=True),
    "auc_precision_recall": _rate(_curve(_precision_recall_area), of_each_class=True),
    "binary_accuracy": _rate(_confusion(lambda tp, fp, tn, fn: (tp + tn) / (tp + fp + tn + fn))),
    "balanced_accuracy": _rate(
        _confusion(lambda tp, fp, tn, fn: (tp / (tp + fn) + tn / (tn + fp)) / 2), of_each_class=True
    ),
    # How many rows are called positive is not known beforehand: all of three may be right.
    "precision": _rate(_confusion(lambda tp, fp, tn, fn: tp / (tp + fp)), of_each_class=True, of_trials=False),
    "recall": _rate(_confusion(lambda tp, fp, tn, fn: tp / (tp + fn)), of_each_class=True),
    "specificity": _rate(_confusion(lambda tp, fp, tn, fn: tn / (tn + fp)), of_each_class=True),
    "fall_out": _rate(_confusion(lambda tp, fp, tn, fn: fp / (tn + fp)), of_each_class=True),
    "miss_rate": _rate(_confusion(lambda tp, fp, tn, fn: fn / (tp + fn)), of_each_class=True),
    "f1_score": _rate(_confusion(lambda tp, fp, tn, fn: 2 * tp / (2 * tp + fp + fn)), of_each_class=True),
    "prevalence": _rate(_confusion(lambda tp, fp, tn, fn: (tp + fn) / (tp + fp + tn + fn))),
    "predicted_positive_rate": _rate(_confusion(lambda tp, fp, tn, fn: (tp + fp) / (tp + fp + tn + fn))),
    "binary_crossentropy": _error(_mean(_crossentropy)),
    "calibration": Kernel(_additive(lambda y, p: (p, y), lambda predicted, labelled: predicted / labelled)),
    "mean_label": Kernel(_mean(lambda y, _: y)),
    "mean_prediction": Kernel(_mean(lambda _, p: p)),
    "coefficient_of_discrimination": Kernel(
        _additive(lambda y, p: (y * p, y, (1 - y) * p, 1 - y), lambda yp, y, np_, n: yp / y - np_ / n)
    ),
    "mean_absolute_error": _error(_mean(lambda y, p: np.abs(y - p))),
    "mean_squared_error": _error(_mean(lambda y, p: (y - p) ** 2)),
    "root_mean_squared_error": _error(_mean(lambda y, p: (y - p) ** 2, np.sqrt)),
    "mean_squared_logarithmic_error": _error(_mean(_logarithmic_error)),
    "mean_absolute_percentage_error": _error(_additive(_percentages, lambda total, rows: total / rows)),
    "squared_pearson_correlation": _rate(_additive(_correlation_statistics, _squared_correlation), of_trials=False),
    "sparse_categorical_accuracy": _rate(
        _mean(lambda y, p: (p.argmax(axis=1) == y).astype(np.float64)), takes_classes=True
    ),
    "sparse_categorical_crossentropy": _error(_mean(_class_crossentropy), takes_classes=True),
}
