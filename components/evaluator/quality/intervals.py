"""Confidence intervals of metrics: which rows are left out together, and which of them tell a metric at all."""

from dataclasses import dataclass

import numpy as np

from weighbridge.components.evaluator import jackknife
from weighbridge.components.evaluator.aliases import Bools, Floats, Index
from weighbridge.components.evaluator.jackknife import Replicated
from weighbridge.components.evaluator.quality.kernels import Kernel, Scale
from weighbridge.verdict import Estimate


@dataclass(frozen=True)
class Groups:
    """Which rows are left out together.

    Attributes:
        of: group of each row, [rows].
        count: of the groups.
        units: number of each row's unit, [rows], from 0; None where each row is one.
    """

    of: Index
    count: int
    units: Index | None = None

    @classmethod
    def rows(cls, rows: int) -> "Groups":
        """Of independent rows that are in random order already."""
        count = jackknife.groups(rows)
        return cls(np.arange(rows) % max(count, 1), count)

    @classmethod
    def whole(cls, units: Index) -> "Groups":
        """Of rows that belong together: a unit's are left out together.

        Groups have equally many units, drawn at random, and so not quite equally many rows: only so are they
        independent of each other and alike, which the interval of their mean takes (Cameron & Miller, A Practitioner's
        Guide to Cluster-Robust Inference, Journal of Human Resources 50, 2015).

        Args:
            units: number of each row's unit, [rows]; numbers say nothing of a unit.
        """
        present, number = np.unique(units, return_inverse=True)
        count = jackknife.groups(len(present))
        return cls(jackknife.shuffled(len(present))[number] % max(count, 1), count, number.astype(np.intp))

    def independent(self, rows: Bools) -> int:
        """How many units some rows, given as a mask [rows], are of."""
        return int(rows.sum()) if self.units is None else int(np.count_nonzero(np.bincount(self.units[rows])))


def replicate(kernel: Kernel, labels: Floats, predictions: Floats, groups: Groups | None = None) -> Replicated:
    """A metric on rows, and without each group of them; without groups on rows in random order that are independent."""
    groups = groups or Groups.rows(len(labels))
    return kernel.compute(labels, predictions, groups.of, groups.count)


def telling(kernel: Kernel, labels: Floats, predictions: Floats, groups: Groups) -> int:
    """How many independent rows or units tell a metric: of those that it is told by the kind with the fewest."""
    if not np.isin(labels, (0, 1)).all() or (kernel.told_by is None and not kernel.classes):
        return groups.independent(np.ones(len(labels), bool))
    if kernel.told_by is not None:
        return min(groups.independent(rows) for rows in kernel.told_by(labels, predictions))
    return min(groups.independent(labels == each) for each in kernel.classes)


def estimate(kernel: Kernel, found: Replicated, confidence: float, units: int) -> Estimate:
    """The value with its interval; with one of NaN where too few rows or units tell it.

    Args:
        kernel: the metric.
        found: its value and replicates.
        confidence: level of the interval.
        units: that tell it.
    """
    value = found[0]
    if units < kernel.fewest:
        return jackknife.unknown(value)
    limits = kernel.least, kernel.most, units if kernel.counts else 0
    scaled = _scaled(kernel.scale, found, confidence) if kernel.scale else None
    if scaled is not None:
        return jackknife.not_too_near(scaled, confidence, *limits)
    return jackknife.estimate(found, confidence, *limits)


def _scaled(scale: Scale, found: Replicated, confidence: float) -> Estimate | None:
    """The interval as it is on a scale, where all values have a place on it and are above 0, or vary at all."""
    values = np.append(found[1], found[0])
    if not (values > 0).all() or (values == found[0]).all():
        return None
    with np.errstate(divide="ignore"):
        places = scale.to(values)
        if not np.isfinite(places).all():
            return None
        there = jackknife.estimate((float(places[-1]), places[:-1]), confidence, farther=scale.farther)
        ends = scale.back(np.array([there.low, there.high], np.float64))
    return Estimate(found[0], float(ends.min()), float(ends.max()))


def change(
    kernel: Kernel, candidate: Replicated, production: Replicated, confidence: float, units: int, *, same: bool
) -> Estimate:
    """Candidate minus production in pairs, with its interval; with one of NaN where too few rows or units tell it.

    Args:
        kernel: the metric.
        candidate: its value and replicates.
        production: the same of the model in production, without the same groups.
        confidence: level of the interval.
        units: that tell it of both.
        same: whether both predict the same.
    """
    if units < kernel.fewest:
        return jackknife.unknown(candidate[0] - production[0])
    # A curve that does not move is no sign of luck: it would have moved, if only a little, by any pair of rows.
    unseen = units if kernel.counts and not kernel.ranks and not same else 0
    return jackknife.change(candidate, production, confidence, kernel.most - kernel.least, unseen)
