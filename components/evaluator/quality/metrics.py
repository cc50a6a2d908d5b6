"""The built-in metrics provider: one prediction per row against a label, on all rows and on slices."""

import difflib
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from weighbridge.common.errors import UsageError
from weighbridge.components.evaluator import jackknife
from weighbridge.components.evaluator.aliases import Bools, Floats, Index, SliceKey
from weighbridge.components.evaluator.jackknife import FEWEST, Replicated
from weighbridge.components.evaluator.quality import intervals, shares
from weighbridge.components.evaluator.quality.curves import roc
from weighbridge.components.evaluator.quality.intervals import Groups
from weighbridge.components.evaluator.quality.kernels import KERNELS, Kernel
from weighbridge.components.evaluator.quality.metrics_api import MetricRow, MetricsRequest, MetricsResponse, Predictions
from weighbridge.components.evaluator.quality.slices import slices
from weighbridge.components.evaluator.request import COMPUTE
from weighbridge.components.evaluator.unmeasurable import Unmeasurable
from weighbridge.evidence.plots import Bin, Calibration, Rate, Roc
from weighbridge.verdict import Estimate

ALWAYS = ("example_count",)
_ROC_POINTS = 200
_CALIBRATION_BINS = 10


def check_names(names: Iterable[str], source: str) -> None:
    """Refuse names of metrics that the built-in provider does not have.

    Args:
        names: e.g. `auc`: the TFMA or Keras class in snake case.
        source: where the names stand, for the message.

    Raises:
        UsageError: a name is unknown; the message names the nearest and all known ones.
    """
    for name in names:
        if name not in KERNELS:
            near = difflib.get_close_matches(name.lower(), KERNELS, n=1)
            meant = f"Did you mean {near[0]!r}? " if near else ""
            raise UsageError(f"Unknown metric {name!r} in {source}", f"{meant}Metrics are: {', '.join(KERNELS)}.")


def check_label(label: str) -> None:
    """Refuse to weigh predictions against no label.

    Raises:
        UsageError: `label` is empty.
    """
    if not label:
        raise UsageError(
            f"metrics_fn={COMPUTE!r} weighs predictions against a label, but the Evaluator has none",
            "Give it label=<name of a column>, or a metrics_fn of your own that needs no label.",
        )


def compute(request: MetricsRequest) -> MetricsResponse:
    """Weigh the candidate, and the production model where there is one, on the same rows.

    Raises:
        UsageError: a metric is unknown, or there is no label.
        Unmeasurable: there are no rows, or a feature has too many values to slice by.
    """
    check_label(request.label)
    names = tuple(dict.fromkeys((*ALWAYS, *request.metrics)))
    check_names(names, "the quality section of gates.yaml")
    predictions = request.predictions()
    rows = len(predictions.labels)
    if not rows:
        raise Unmeasurable("rows", "present", f"Split {request.split!r} has no rows to weigh on.")
    shuffled = _take(predictions, jackknife.shuffled(rows))
    units = None if request.unit is None else _numbers(shuffled.columns[request.unit])
    everything: tuple[SliceKey, Index] = ((), np.arange(rows))
    metrics = [
        row
        for key, members in chain([everything], slices(shuffled.columns, request.slices))
        for row in _rows(_take(shuffled, members), key, names, request, _groups(units, members))
    ]
    return MetricsResponse(rows, tuple(metrics), _plots(predictions))


def _take(predictions: Predictions, index: Index) -> Predictions:
    production = predictions.production
    return Predictions(
        labels=predictions.labels[index],
        candidate=predictions.candidate[index],
        production=None if production is None else production[index],
        columns={name: column[index] for name, column in predictions.columns.items()},
    )


def _numbers(column: npt.NDArray[np.object_]) -> Index:
    """The number of each row's unit, [rows]; a row without a value is a unit of its own."""
    import pandas as pd

    numbers, known = pd.factorize(column)
    alone = numbers < 0
    numbers[alone] = len(known) + np.arange(alone.sum())
    return numbers.astype(np.intp)


def _groups(units: Index | None, members: Index) -> Groups:
    return Groups.rows(len(members)) if units is None else Groups.whole(units[members])


def _rows(
    part: Predictions, key: SliceKey, names: Iterable[str], request: MetricsRequest, groups: Groups
) -> Iterator[MetricRow]:
    for name in names:
        kernel = KERNELS[name]
        ours, telling = _measured(kernel, part.labels, part.candidate, groups)
        candidate = _interval(kernel, ours, part.labels, part.candidate, groups, request.confidence, telling)
        production = change = None
        if name == "example_count":  # counted, not estimated
            candidate = Estimate(ours[0], ours[0], ours[0])
        elif part.production is not None:
            theirs, telling_theirs = _measured(kernel, part.labels, part.production, groups)
            production = _interval(
                kernel, theirs, part.labels, part.production, groups, request.confidence, telling_theirs
            )
            same = np.array_equal(part.candidate, part.production)
            fewest = min(telling, telling_theirs)
            change = _few_changed(kernel, part, groups, request.confidence, fewest) if not same else None
            change = change or intervals.change(kernel, ours, theirs, request.confidence, fewest, same=same)
        note = _unsure(kernel, candidate, telling, request.unit)
        if not np.isfinite(candidate.value):
            note = _reason(name, kernel, part)
        yield MetricRow(name, len(part.labels), candidate, key, production, change, note)


def _measured(kernel: Kernel, labels: Floats, predictions: Floats, groups: Groups) -> tuple[Replicated, int]:
    """A metric without each group, and how many units tell it."""
    if not _fits(kernel, labels, predictions):
        return (float("nan"), np.empty(0)), 0
    found = intervals.replicate(kernel, labels, predictions, groups)
    return found, intervals.telling(kernel, labels, predictions, groups)


def _interval(
    kernel: Kernel,
    found: Replicated,
    labels: Floats,
    predictions: Floats,
    groups: Groups,
    confidence: float,
    telling: int,
) -> Estimate:
    right = _each_right(kernel, labels, predictions, groups, telling)
    if right is None:
        return intervals.estimate(kernel, found, confidence, telling)
    return shares.estimate(right, confidence)


def _few_changed(kernel: Kernel, part: Predictions, groups: Groups, confidence: float, telling: int) -> Estimate | None:
    """The change of a share of rows of which few changed; None for another metric, or many."""
    ours, theirs = (
        None if each is None else _each_right(kernel, part.labels, each, groups, telling)
        for each in (part.candidate, part.production)
    )
    return None if ours is None or theirs is None else shares.change(ours, theirs, confidence)


def _each_right(kernel: Kernel, labels: Floats, predictions: Floats, groups: Groups, telling: int) -> Bools | None:
    """Whether each row is right, where a metric is the share of such rows and they are independent."""
    if not kernel.share_right or groups.units is not None or telling < kernel.fewest:
        return None
    return shares.each_right(labels, predictions)


def _fits(kernel: Kernel, labels: Floats, predictions: Floats) -> bool:
    if predictions.ndim == 1 or not kernel.takes_classes:
        return predictions.ndim == 1 and not kernel.takes_classes
    return bool(((labels >= 0) & (labels < predictions.shape[1]) & (labels % 1 == 0)).all())


def _unsure(kernel: Kernel, found: Estimate, telling: int, unit: str | None) -> str:
    """Why the interval of a metric of the candidate is not known; empty where it is."""
    needed = max(kernel.fewest, FEWEST if unit else 0)
    if found.known or telling >= needed:
        return ""
    each = "" if kernel.told_by is None and not kernel.classes else "of those of a class that it is told by, "
    return f"Its interval takes {needed} {f'values of {unit}' if unit else 'rows'}: {each}there are {telling}."


def _reason(name: str, kernel: Kernel, part: Predictions) -> str:
    """Why a metric of the candidate is undefined."""
    if kernel.takes_classes != (part.candidate.ndim == 2):
        given = "one number" if part.candidate.ndim == 1 else f"{part.candidate.shape[1]} numbers"
        return f"The model predicts {given} per row, which {name} cannot weigh."
    if not _fits(kernel, part.labels, part.candidate):
        return f"Labels are not classes from 0 to {part.candidate.shape[1] - 1}."
    if len(np.unique(part.labels)) == 1:
        return f"All {len(part.labels):,} labels are {part.labels[0]:g}: there is nothing to tell apart."
    return "It is undefined on these rows."


def _plots(predictions: Predictions) -> dict[str, Any]:
    """ROC and calibration of binary classifiers; empty for others."""
    binary = np.isin(predictions.labels, (0, 1)).all() and len(np.unique(predictions.labels)) == 2
    both = {"candidate": predictions.candidate, "production": predictions.production}
    usable = {
        name: values
        for name, values in both.items()
        if values is not None and values.ndim == 1 and np.isfinite(values).all()
    }
    if not binary or "candidate" not in usable:
        return {}
    labels, candidate, production = predictions.labels, usable["candidate"], usable.get("production")
    curves = Roc(candidate=_roc(labels, candidate), production=None if production is None else _roc(labels, production))
    bins = Calibration(
        candidate=_calibration(labels, candidate),
        production=None if production is None else _calibration(labels, production),
    )
    return {"roc": curves.model_dump(mode="json"), "calibration": bins.model_dump(mode="json")}


def _roc(labels: Floats, predictions: Floats) -> list[Rate]:
    false, true = roc(labels, predictions)
    # Even steps along the curve, not along the thresholds, keep its shape with few points.
    length = false + true
    points = np.unique(np.searchsorted(length, np.linspace(0, length[-1], _ROC_POINTS)))
    return [(x, y) for x, y in np.column_stack([false, true])[points].round(6).tolist()]


def _calibration(labels: Floats, predictions: Floats) -> list[Bin]:
    """Mean prediction, mean label and rows of bins with equally many rows each."""
    order = np.argsort(predictions, kind="stable")
    bins = [part for part in np.array_split(order, _CALIBRATION_BINS) if len(part)]
    return [(float(predictions[part].mean()), float(labels[part].mean()), len(part)) for part in bins]
