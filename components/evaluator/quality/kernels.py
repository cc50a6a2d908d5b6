"""The metrics themselves, vectorised: each gives a value on all rows and on all rows but one group's.

Definitions are TFMA's (a test holds them against TFMA on the same predictions). TFMA computes them row by row in
Python, which with confidence intervals costs minutes for a few thousand rows; these cost milliseconds, so that
intervals on every slice come free.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from weighbridge.components.evaluator.aliases import Bools, Floats, Index
from weighbridge.components.evaluator.jackknife import FEWEST, Compute, defined
from weighbridge.components.evaluator.quality.curves import curve, precision_recall_area, roc_area

# (labels [rows] of 0 and 1, predictions [rows]) -> masks [rows]
Rows = Callable[[Floats, Floats], tuple[Bools, ...]]

_EPSILON = 1e-7  # Keras' fuzz factor
_EACH, _POSITIVE, _NEGATIVE = (1, 0), (1,), (0,)  # classes
_FEW = 5  # of a class, for what is told by the other as well


@dataclass(frozen=True)
class Scale:
    """Where a metric above 0 varies about equally on both sides, so that its interval is best made there.

    Attributes:
        to: from the metric's own scale; not finite where that has no such place.
        back: from there.
        farther: whether each end is the farther one of two, see `jackknife.estimate`.
    """

    to: Callable[[Floats], Floats]
    back: Callable[[Floats], Floats]
    farther: bool = False


@dataclass(frozen=True)
class Kernel:
    """A metric.

    Attributes:
        compute: see `Compute`.
        takes_classes: whether predictions are [rows, classes] with labels the index of the class; else [rows].
        least: smallest and
        most: largest value that there can be.
        classes: whose rows tell it; with few of one an interval would not hold the truth. Empty for all rows.
        told_by: the rows that tell it, of each kind, where that depends on predictions; None where it does not.
        fewest: rows, or units, of each class or kind that its interval takes.
        counts: whether it is a mean over these rows, or over pairs of both classes, of numbers between the two bounds.
        ranks: whether it sees only which prediction is larger.
        scale: on which its interval is made; None for its own.
        share_right: whether it is the share of rows that are right, whose interval is exact where they are independent.
    """

    compute: Compute
    takes_classes: bool = False
    least: float = -np.inf
    most: float = np.inf
    classes: tuple[int, ...] = ()
    told_by: Rows | None = None
    fewest: int = FEWEST
    counts: bool = False
    ranks: bool = False
    scale: Scale | None = None
    share_right: bool = False


def _additive(statistics: Callable[[Floats, Floats], Sequence[Floats]], finish: Callable[..., Floats]) -> Compute:
    """A metric that is a function of sums over the rows: without a group is the total minus the group's sums."""

    def compute(labels: Floats, predictions: Floats, groups: Index, count: int) -> tuple[float, Floats]:
        columns = statistics(labels, predictions)
        sums = np.stack([np.bincount(groups, weights=column, minlength=count) for column in columns])
        totals = sums.sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            value = finish(*totals[:, None])
            without = finish(*(totals[:, None] - sums))
        return float(defined(value)[0]), defined(without)

    return compute


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


def _each_both_ways(labels: Floats, predictions: Floats) -> tuple[Bools, ...]:
    """Rows of each class; none where the model is always right, or always wrong, on one class and not on both.

    That class would seem to vary by nothing, and yet it has half the weight.
    """
    positive, negative = labels == 1, labels == 0
    right = (predictions > 0.5) == positive
    shares = [right[rows].mean() if rows.any() else 0.0 for rows in (positive, negative)]
    known = shares[0] == shares[1] or all(0 < share < 1 for share in shares)
    return (positive, negative) if known else (np.zeros(len(labels), bool),)


def _called(_: Floats, predictions: Floats) -> tuple[Bools, ...]:
    return (predictions > 0.5,)


def _rate(
    compute: Compute, classes: tuple[int, ...] = (), *, takes_classes: bool = False, counts: bool = True, **further: Any
) -> Kernel:
    return Kernel(compute, takes_classes, least=0.0, most=1.0, classes=classes, counts=counts, **further)


def _error(
    compute: Compute, classes: tuple[int, ...] = (), *, takes_classes: bool = False, fewest: int = FEWEST
) -> Kernel:
    return Kernel(compute, takes_classes, least=0.0, classes=classes, fewest=fewest, scale=_LOGARITHM)


# Of an error that is large in few rows.
_LOGARITHM = Scale(np.log, np.exp, farther=True)
_LOG_ODDS = Scale(lambda share: np.log(share / (1 - share)), lambda odds: 1 / (1 + np.exp(-odds)))
# Labels vary, and predictions hardly do: predicted / labelled is skewed, labelled / predicted is not.
_RECIPROCAL = Scale(lambda ratio: np.asarray(1.0 / ratio), lambda inverse: np.asarray(1.0 / inverse.clip(min=0.0)))
# Fisher, Metron 1, 1921.
_FISHERS = Scale(lambda square: np.arctanh(np.sqrt(square)), lambda z: np.tanh(z.clip(min=0.0)) ** 2, farther=True)

KERNELS: dict[str, Kernel] = {
    "example_count": _error(_additive(lambda y, _: (np.ones(len(y)),), lambda rows: rows)),
    "auc": _rate(curve(roc_area), _EACH, ranks=True),
    "auc_precision_recall": _rate(curve(precision_recall_area), _EACH, ranks=True, scale=_LOG_ODDS),
    "binary_accuracy": _rate(_confusion(lambda tp, fp, tn, fn: (tp + tn) / (tp + fp + tn + fn)), share_right=True),
    "balanced_accuracy": _rate(
        _confusion(lambda tp, fp, tn, fn: (tp / (tp + fn) + tn / (tn + fp)) / 2), _EACH, told_by=_each_both_ways
    ),
    "precision": _rate(_confusion(lambda tp, fp, tn, fn: tp / (tp + fp)), told_by=_called),
    "recall": _rate(_confusion(lambda tp, fp, tn, fn: tp / (tp + fn)), _POSITIVE),
    "specificity": _rate(_confusion(lambda tp, fp, tn, fn: tn / (tn + fp)), _NEGATIVE),
    "fall_out": _rate(_confusion(lambda tp, fp, tn, fn: fp / (tn + fp)), _NEGATIVE),
    "miss_rate": _rate(_confusion(lambda tp, fp, tn, fn: fn / (tp + fn)), _POSITIVE),
    "f1_score": _rate(_confusion(lambda tp, fp, tn, fn: 2 * tp / (2 * tp + fp + fn)), _POSITIVE, counts=False),
    "prevalence": _rate(_confusion(lambda tp, fp, tn, fn: (tp + fn) / (tp + fp + tn + fn))),
    "predicted_positive_rate": _rate(_confusion(lambda tp, fp, tn, fn: (tp + fp) / (tp + fp + tn + fn))),
    "binary_crossentropy": _error(_mean(_crossentropy), _EACH, fewest=_FEW),
    "calibration": Kernel(
        _additive(lambda y, p: (p, y), lambda predicted, labelled: predicted / labelled),
        classes=_POSITIVE,
        fewest=2 * _FEW,
        scale=_RECIPROCAL,
    ),
    "mean_label": Kernel(_mean(lambda y, _: y), classes=_EACH, fewest=_FEW),
    "mean_prediction": Kernel(_mean(lambda _, p: p)),
    "coefficient_of_discrimination": Kernel(
        _additive(lambda y, p: (y * p, y, (1 - y) * p, 1 - y), lambda yp, y, np_, n: yp / y - np_ / n),
        classes=_EACH,
    ),
    "mean_absolute_error": _error(_mean(lambda y, p: np.abs(y - p))),
    "mean_squared_error": _error(_mean(lambda y, p: (y - p) ** 2)),
    "root_mean_squared_error": _error(_mean(lambda y, p: (y - p) ** 2, np.sqrt)),
    "mean_squared_logarithmic_error": _error(_mean(_logarithmic_error)),
    "mean_absolute_percentage_error": _error(_additive(_percentages, lambda total, rows: total / rows)),
    "squared_pearson_correlation": _rate(
        _additive(_correlation_statistics, _squared_correlation), _EACH, counts=False, scale=_FISHERS
    ),
    "sparse_categorical_accuracy": _rate(
        _mean(lambda y, p: (p.argmax(axis=1) == y).astype(np.float64)), takes_classes=True, share_right=True
    ),
    "sparse_categorical_crossentropy": _error(_mean(_class_crossentropy), takes_classes=True),
}
