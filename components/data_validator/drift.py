"""Skew and drift: the distances between two datasets, feature by feature, and the gates that judge them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from weighbridge.common.errors import UsageError
from weighbridge.components.data_validator.baseline import EVAL_SPLIT, TRAIN_SPLIT, Baseline
from weighbridge.components.data_validator.chance import effect, rates
from weighbridge.components.data_validator.distances import (
    MEASURES,
    Compared,
    NotComparableError,
    compare,
    describe_change,
)
from weighbridge.components.data_validator.gates import DataGates, Distances
from weighbridge.components.data_validator.summary import feature_name
from weighbridge.evidence.comparison import Distance, Kind
from weighbridge.verdict import Bounds, Gate
from weighbridge.verdict.gate import Status, format_value

if TYPE_CHECKING:
    from tensorflow_metadata.proto.v0 import statistics_pb2

_ADVICE = "Find out what changed; if it is meant to, raise the threshold in gates.yaml."


@dataclass(frozen=True)
class Comparison:
    """Two datasets to compare, and the thresholds.

    Attributes:
        kind: what is compared.
        room: first parts of the gates' names.
        thresholds: by feature.
        current: what is judged; None where it is not there.
        reference: what it is compared with; None where it is not there.
        titles: what the two are, for people.
        absent: why there is nothing to compare with, as a sentence: the gates are `not_compared`.
        problem: why it cannot be compared, as a sentence: the gates are `unmeasured`, which refuses.
    """

    kind: Kind
    room: str
    thresholds: Mapping[str, Distances]
    current: "statistics_pb2.DatasetFeatureStatistics | None"
    reference: "statistics_pb2.DatasetFeatureStatistics | None"
    titles: tuple[str, str]
    absent: str = ""
    problem: str = ""

    @cached_property
    def _ours(self) -> dict[str, Any]:
        return _features(self.current)

    @cached_property
    def _theirs(self) -> dict[str, Any]:
        return _features(self.reference)

    def gates(self) -> list[Gate]:
        """Gates `<room>.<feature>.<measure>.max`, in the order of the thresholds file."""
        return [
            gate
            for feature, distances in self.thresholds.items()
            for measure, bounds in distances.measures().items()
            for gate in self._judge(feature, measure, bounds)
        ]

    def distances(self) -> list[Distance]:
        """The distances of all features that both datasets have, and of those that a gate judges."""
        named = sorted({*self.thresholds, *(self._ours.keys() & self._theirs.keys())})
        measured = []
        for feature in named:
            judged = self.thresholds[feature].measures() if feature in self.thresholds else {}
            for measure in MEASURES:
                compared, _ = self._compare(feature, measure)
                value = None if compared is None else compared.distance()
                bounds = judged.get(measure)
                if value is not None or (bounds is not None and not self.absent):
                    limit = None if bounds is None else bounds.max
                    measured.append(
                        Distance(feature=feature, kind=self.kind, measure=measure, value=value, threshold=limit)
                    )
        return measured

    def _judge(self, feature: str, measure: str, bounds: Bounds) -> list[Gate]:
        name = f"{self.room}.{feature}.{measure}"
        if self.absent:
            return [_not_refused(name, "not_compared", bounds, None, self.absent)]
        compared, why = self._compare(feature, measure)
        if compared is None:
            return bounds.judge(name, None, advice=why)
        return judge_distance(name, compared, bounds, why)

    def _compare(self, feature: str, measure: str) -> tuple[Compared | None, str]:
        """The two distributions, or None; and what a person needs to know if it is refused."""
        if self.problem:
            return None, self.problem
        for known, title in zip((self._ours, self._theirs), self.titles, strict=True):
            if feature not in known:
                return None, f"There is no feature {feature!r} in {title}, which has: {', '.join(known) or 'none'}."
        ours, theirs = self._ours[feature], self._theirs[feature]
        try:
            compared = compare(measure, ours, theirs)
            change = describe_change(ours, theirs)
        except NotComparableError as error:
            return None, f"{error}"
        title = self.titles[0][:1].upper() + self.titles[0][1:]
        return compared, f"{title} against {self.titles[1]}: {change}. {_ADVICE}"


def judge_distance(name: str, compared: Compared, bounds: Bounds, advice: str = "") -> list[Gate]:
    """Judge how far apart two samples are, beyond what chance brings to it.

    Args:
        name: of the gates, without the rule.
        compared: the two samples.
        bounds: the threshold.
        advice: what to do where they are too far apart.
    """
    found = effect(compared)
    if bounds.max is None:
        return bounds.judge(name, found.size, advice=advice)
    stated = {"rates": rates(compared, found, bounds.max)}
    if found.proven or found.size <= bounds.max:
        return [gate.model_copy(update=stated) for gate in bounds.judge(name, found.size, advice=advice)]
    few, many = (f"{rows:,.0f}" for rows in sorted(compared.rows))
    size = format_value(found.size)
    told = f"{size} (must be at most {bounds.max:g}); of {few} and {many} values, that proves nothing."
    return [_not_refused(name, "passed", bounds, found.size, told).model_copy(update=stated)]


def skew(gates: DataGates, datasets: "Mapping[str, statistics_pb2.DatasetFeatureStatistics]") -> Comparison:
    """The eval split against the train split."""
    missing = [split for split in (TRAIN_SPLIT, EVAL_SPLIT) if split not in datasets]
    return Comparison(
        kind="skew",
        room="data.skew",
        thresholds=gates.skew,
        current=datasets.get(EVAL_SPLIT),
        reference=datasets.get(TRAIN_SPLIT),
        titles=("the eval split", "the train split"),
        problem=f"There is no split {missing[0]!r} to compare." if missing else "",
    )


def drift(
    kind: Literal["production", "previous_span"],
    thresholds: Mapping[str, Distances],
    datasets: "Mapping[str, statistics_pb2.DatasetFeatureStatistics]",
    baseline: Baseline,
) -> Comparison:
    """The train split against that of `baseline`."""
    reference, problem = None, ""
    if TRAIN_SPLIT not in datasets:
        problem = f"There is no split {TRAIN_SPLIT!r} to compare."
    else:
        try:
            reference = baseline.dataset(TRAIN_SPLIT)
        except UsageError as error:
            problem = f"The statistics of {baseline.title} cannot be read: {error.message}."
    return Comparison(
        kind="drift_production" if kind == "production" else "drift_previous",
        room=f"data.drift.{kind}",
        thresholds=thresholds,
        current=datasets.get(TRAIN_SPLIT),
        reference=reference,
        titles=("the train split", baseline.title),
        absent="" if problem else baseline.absent,
        problem=problem,
    )


def _not_refused(name: str, status: Status, bounds: Bounds, observed: float | None, told: str) -> Gate:
    """The gate of a distance that lets the data through without being within its threshold."""
    return Gate(
        name=f"{name}.max",
        status=status,
        severity=bounds.severity,
        observed=observed,
        threshold=bounds.max,
        message=f"{name.partition('.')[2]}: {told}",
    )


def _features(dataset: Any) -> dict[str, Any]:
    return {} if dataset is None else {feature_name(feature): feature for feature in dataset.features}
