"""Models' recommendations against what users then had: every metric on every slice, with intervals and in pairs."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from weighbridge.components.evaluator.aliases import Floats, Index, SliceKey
from weighbridge.components.evaluator.ranking import bootstrap
from weighbridge.components.evaluator.ranking.coverage import presence, resampled_coverage
from weighbridge.components.evaluator.ranking.interactions import Interactions
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
        resampled: of each model in the same resamples of the users, [resamples].
        confidence: of the intervals.
    """

    name: Name
    key: SliceKey
    users: int
    values: dict[str, float]
    resampled: dict[str, Floats]
    confidence: float

    def estimate(self, model: str) -> Estimate:
        """A model's value with its interval; its ends are NaN for a single user, who shows no spread."""
        least, most = _RANGES.get(self.name.metric, (0.0, 1.0))
        return self._interval(self.values[model], self.resampled[model], least, most)

    def difference(self, model: str, other: str) -> Estimate:
        """A model's value minus another's, with an interval measured in pairs: on the same users and resamples."""
        resampled = self.resampled[model] - self.resampled[other]
        return self._interval(self.values[model] - self.values[other], resampled, -math.inf, math.inf)

    def best(self, models: Sequence[str]) -> str:
        """The model with the best value, the first of equals; one without a value wins, so that it is noticed.

        More is better, but for `popularity_lift`. The best of several is a little luckier than it is good: who beats
        it beats all of them.
        """
        sign = -1 if self.name.metric in _LESS_IS_BETTER else 1
        return models[int(np.argmax([sign * self.values[model] for model in models]))]

    def _interval(self, value: float, resampled: Floats, least: float, most: float) -> Estimate:
        if self.users < 2:
            return Estimate(value, math.nan, math.nan)
        return bootstrap.interval(value, resampled, self.confidence, least, most)


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
    resamples: int = 1000,
    seed: int = 0,
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
        resamples: number of bootstrap resamples of the users; coverage takes fewer.
        seed: of the resamples; the same gives the same intervals.

    Returns:
        One by one, each metric on each slice; memory holds one slice's resamples at a time.

    Raises:
        Unmeasurable: nobody is to be judged, or a model's recommendations are not such lists.
        ValueError: the arguments do not fit together.
    """
    items, users = len(background.popularity), truth.users
    if len(background.profile) != users:
        raise ValueError(f"the background knows {len(background.profile)} users, the truth {users}")
    if not 0 < confidence < 1 or resamples < 1 or not models or not names:
        raise ValueError("needs a model, a metric, a confidence between 0 and 1 and at least one resample")
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
    present = presence(len(judged), seed) if len(means) < len(names) else np.empty((0, 0), np.uint8)

    def rows() -> Iterator[Measured]:
        for key, members in parts:
            if not len(members):
                continue
            replicates = _means(measured, means, members, resamples, seed)
            for name in names:
                if name.metric == "coverage":
                    cut = {model: own[:, : name.cutoff] for model, own in lists.items()}
                    found = {
                        model: resampled_coverage(own, items, judged[members], present) for model, own in cut.items()
                    }
                else:
                    found = {model: own[name] for model, own in replicates.items()}
                values = {model: value for model, (value, _) in found.items()}
                resampled = {model: others for model, (_, others) in found.items()}
                yield Measured(name, key, len(members), values, resampled, confidence)

    return rows()


def _means(
    measured: Mapping[str, Statistics], names: Sequence[Name], members: Index, resamples: int, seed: int
) -> dict[str, dict[Name, tuple[float, Floats]]]:
    """Value and resamples of each model's metrics that are means over users."""
    totals = bootstrap.sums([own.columns for own in measured.values()], members, resamples, seed)
    result = {}
    for (model, own), total in zip(measured.items(), totals, strict=True):
        with np.errstate(invalid="ignore", divide="ignore"):
            quotients = total[own.numerators] / total[own.denominators]
        shifts = [SHIFTS.get(name.metric, 0.0) for name in names]
        result[model] = {
            name: (float(quotient[0] + shift), quotient[1:] + shift)
            for name, quotient, shift in zip(names, quotients, shifts, strict=True)
        }
    return result
