"""Models' recommendations against what users then had: every metric on every slice, with intervals and in pairs."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from weighbridge.components.evaluator import jackknife
from weighbridge.components.evaluator.aliases import Floats, Index, SliceKey
from weighbridge.components.evaluator.jackknife import Replicated
from weighbridge.components.evaluator.ranking.coverage import coverage_without
from weighbridge.components.evaluator.ranking.groups import Groups
from weighbridge.components.evaluator.ranking.interactions import Interactions, Items
from weighbridge.components.evaluator.ranking.lists import check_lists
from weighbridge.components.evaluator.ranking.names import Name
from weighbridge.components.evaluator.ranking.per_user import SHIFTS, Background, Statistics, statistics
from weighbridge.components.evaluator.unmeasurable import Unmeasurable
from weighbridge.verdict import Estimate

_RANGES = {"novelty": (0.0, math.inf), "popularity_lift": (-1.0, math.inf)}  # of the others: 0 to 1
_LESS_IS_BETTER = ("popularity_lift",)


@dataclass(frozen=True)
class Measured:
    """One metric of all models on one slice.

    Attributes:
        name: of the metric.
        key: the slice as (feature, value) pairs; empty for all users.
        users: how many were judged.
        values: of each model, by its name; NaN where undefined.
        without: of each model without each group of the users, [groups], the same groups for all.
        confidence: of the intervals.
        twins: for each model the first that recommends the same to everybody, which may be itself.
    """

    name: Name
    key: SliceKey
    users: int
    values: dict[str, float]
    without: dict[str, Floats]
    confidence: float
    twins: Mapping[str, str] = field(default_factory=dict)

    def estimate(self, model: str) -> Estimate:
        """A model's value with its interval; its ends are NaN where too few users show how they differ."""
        return jackknife.estimate(self._replicated(model), self.confidence, *self._range, self._telling)

    def difference(self, model: str, other: str) -> Estimate:
        """A model's value minus another's, with an interval measured in pairs: on the same users and groups."""
        least, most = self._range
        same = self.twins.get(model, model) == self.twins.get(other, other)
        telling = 0 if same else self._telling
        pair = self._replicated(model), self._replicated(other)
        return jackknife.change(*pair, self.confidence, most - least, telling)

    def best(self, models: Sequence[str]) -> str:
        """The model with the best value, the first of equals; one without a value wins, so that it is noticed.

        More is better, but for `popularity_lift`. The best of several is a little luckier than it is good: who beats
        it beats all of them.
        """
        sign = -1 if self.name.metric in _LESS_IS_BETTER else 1
        return models[int(np.argmax([sign * self.values[model] for model in models]))]

    @property
    def _range(self) -> tuple[float, float]:
        return _RANGES.get(self.name.metric, (0.0, 1.0))

    @property
    def _telling(self) -> int:
        """The users, of a metric that is a mean over them of numbers from 0 to 1."""
        return 0 if self.name.metric in (*_RANGES, "coverage") else self.users

    def _replicated(self, model: str) -> Replicated:
        return self.values[model], self.without[model]


def judged_users(truth: Interactions) -> Index:
    """The users who have anything to be found; the others are not judged."""
    return np.flatnonzero(truth.counts)


def weigh(
    models: Mapping[str, npt.NDArray[Any]],
    truth: Interactions,
    background: Background,
    names: Sequence[Name],
    *,
    slices: Iterable[tuple[SliceKey, Index]] = (),
    confidence: float = 0.95,
) -> Iterator[Measured]:
    """Measure models, baselines among them, on the users who have anything to be found.

    An item that a list repeats counts at its best rank. An item of `truth` that the catalogue lacks (numbered past
    its end) is relevant and never found.

    Args:
        models: recommendations [users, ranks] of each model: item numbers from the best down, `NONE` or `UNKNOWN`.
        truth: relevant items of each user.
        background: popularity of the catalogue's items, and of what each user had.
        names: metrics to measure.
        slices: key and users of each slice; all users come first in any case. Slices without a judged user are left
            out.
        confidence: level of the intervals, e.g. 0.95.

    Returns:
        One by one, each metric on each slice.

    Raises:
        Unmeasurable: nobody is to be judged, or a model's recommendations are not such lists.
        ValueError: the arguments do not fit together.
    """
    items, users = len(background.popularity), truth.users
    if len(background.profile) != users:
        raise ValueError(f"the background knows {len(background.profile)} users, the truth {users}")
    if not 0 < confidence < 1 or not models or not names:
        raise ValueError("needs a model, a metric and a confidence between 0 and 1")
    judged = judged_users(truth)
    if not len(judged):
        raise Unmeasurable("users", "present", f"None of {users:,} users has anything that could be recommended.")
    lists = {model: check_lists(given, users, items, model) for model, given in models.items()}
    place = np.full(users, -1)
    place[judged] = np.arange(len(judged))
    parts: list[tuple[SliceKey, Index]] = [((), np.arange(len(judged)))]
    for key, members in slices:
        if len(members) and not 0 <= members.min() <= members.max() < users:
            raise ValueError(f"slice {key} has users outside 0 to {users - 1}")
        places = place[members]
        parts.append((key, places[places >= 0]))
    truth, _ = truth.distinct()
    means = [name for name in names if name.metric != "coverage"]
    measured = {model: statistics(own, truth, means, background, judged) for model, own in lists.items()}
    twins = _twins(lists, judged)

    def rows() -> Iterator[Measured]:
        for key, members in parts:
            if not len(members):
                continue
            groups = Groups.of(members)
            replicates = _means(measured, means, groups)
            for name in names:
                if name.metric == "coverage":
                    cut = {model: own[:, : name.cutoff] for model, own in lists.items()}
                    found = {model: coverage_without(own, items, judged, groups) for model, own in cut.items()}
                else:
                    found = {model: own[name] for model, own in replicates.items()}
                values = {model: value for model, (value, _) in found.items()}
                without = {model: others for model, (_, others) in found.items()}
                yield Measured(name, key, len(members), values, without, confidence, twins)

    return rows()


def _twins(lists: Mapping[str, Items], users: Index) -> dict[str, str]:
    """For each model the first that recommends the same to these users."""
    twins: dict[str, str] = {}
    for model, own in lists.items():
        firsts = (first for first in dict.fromkeys(twins.values()) if np.array_equal(lists[first][users], own[users]))
        twins[model] = next(firsts, model)
    return twins


def _means(
    measured: Mapping[str, Statistics], names: Sequence[Name], groups: Groups
) -> dict[str, dict[Name, Replicated]]:
    """Value and replicates of each model's metrics that are means over users."""
    result = {}
    for model, own in measured.items():
        sums = groups.sums(own.columns)
        total = sums.sum(axis=0)
        totals = np.concatenate([total[None], total - sums]).T
        with np.errstate(invalid="ignore", divide="ignore"):
            quotients = totals[own.numerators] / totals[own.denominators]
        shifts = [SHIFTS.get(name.metric, 0.0) for name in names]
        result[model] = {
            name: (float(quotient[0] + shift), quotient[1:] + shift)
            for name, quotient, shift in zip(names, quotients, shifts, strict=True)
        }
    return result
