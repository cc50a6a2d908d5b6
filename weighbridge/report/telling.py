"""The charts of a run that tell most, as files of their own: for a comment, which has room for two."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from markupsafe import Markup

from weighbridge.evidence.comparison import Distance
from weighbridge.report import figures
from weighbridge.report.charts.svg import standalone
from weighbridge.report.evidence import Evidence
from weighbridge.report.gate_groups import group_of
from weighbridge.report.rollout import rollout_picture
from weighbridge.verdict import Gate

MOST_PICTURES = 2
# A comment is looked at, not studied.
_MOST_SLICES = 12

Subject = tuple[str, str]


@dataclass(frozen=True)
class Picture:
    """A chart as an SVG document: `name` is that of its file, without the ending."""

    name: str
    svg: str


def telling_pictures(evidence: Evidence, most: int = MOST_PICTURES) -> list[Picture]:
    """The charts that tell most about a run, the most telling first.

    Those of what refuses come first, in the order of the gates: the refused metric with its slices, the latency of the
    refused batch size, the feature whose data are refused, the training. Then quality beside production, latency, and
    the feature whose distributions are furthest apart. What cannot be drawn is left out.
    """
    found: list[Picture] = []
    for subject in dict.fromkeys(_subjects(evidence)):
        if len(found) == most:
            break
        kind, name = subject
        chart = _DRAW[kind](evidence, name)
        if chart is not None:
            found.append(Picture(f"{len(found) + 1}-{kind}", str(standalone(chart))))
    return found


def telling_features(evidence: Evidence, most: int) -> set[str]:
    """Names of the features to show where there are too many: those that refuse, then those furthest apart."""
    known = _features(evidence)
    subjects = (name for kind, name in _subjects(evidence) if kind == "data" and name in known)
    return set(itertools.islice(dict.fromkeys([*subjects, *sorted(known)]), most))


def _features(evidence: Evidence) -> set[str]:
    return {feature.name for listed in evidence.statistics.values() for feature in listed}


def _subjects(evidence: Evidence) -> Iterator[Subject]:
    """What could be drawn, the most telling first; a subject may come more than once."""
    features = _features(evidence)
    if evidence.rollout:
        yield "rollout", ""
    for gate in evidence.verdict.refusals:
        yield from _behind(gate, evidence, features)
    judged = [gate for gate in evidence.verdict.gates if group_of(gate) == "quality"]
    quality = [subject for gate in judged for subject in _behind(gate, evidence, features)]
    quality += [("quality", metric.name) for metric in (evidence.metrics.overall() if evidence.metrics else [])]
    yield from quality[:1]
    yield from (("latency", str(batch.batch_size)) for batch in (evidence.latency.batches if evidence.latency else []))
    yield from quality[1:]
    distances = evidence.comparison.distances if evidence.comparison else []
    yield from (("data", distance.feature) for distance in sorted(distances, key=_nearness))


def _behind(gate: Gate, evidence: Evidence, features: set[str]) -> Iterator[Subject]:
    """What a chart shows of what a gate weighed."""
    group, subject = group_of(gate), gate.name.rpartition(".")[0]
    if group == "quality" and evidence.metrics:
        metrics = evidence.metrics.metrics
        yield from (("quality", one.name) for one in metrics if subject == _subject(one.name, one.slice))
    elif group == "latency" and evidence.latency:
        batches = evidence.latency.batches
        yield from (("latency", str(one.batch_size)) for one in batches if f".batch_{one.batch_size}." in gate.name)
    elif group == "data":
        parts = gate.name.split(".")
        named = (".".join(parts[start:end]) for start, end in itertools.combinations(range(1, len(parts) + 1), 2))
        # A feature's name may hold another's: the longest is meant.
        found = sorted((name for name in named if name in features), key=len, reverse=True)
        yield from (("data", name) for name in found[:1])
    elif group == "training" and evidence.history:
        yield "training", ""


def _subject(metric: str, slice_: str) -> str:
    return ".".join(part for part in ("quality", slice_, metric) if part)


def _nearness(distance: Distance) -> float:
    """Smaller for what is further apart, measured by what is allowed where a gate judges it."""
    if distance.value is None:
        return 0.0
    return -distance.value / distance.threshold if distance.threshold else -distance.value


def _quality(evidence: Evidence, name: str) -> Markup | None:
    if evidence.metrics is None:
        return None
    found = [metric for metric in evidence.metrics.metrics if metric.name == name and metric.value is not None]
    refused = {gate.name.rpartition(".")[0] for gate in evidence.verdict.refusals}
    slices = {metric.slice for metric in found if _subject(name, metric.slice) in refused}
    if not found:
        return None
    return figures.slice_chart(name, found, evidence.metrics.confidence, refused=slices, most=_MOST_SLICES)


def _latency(evidence: Evidence, size: str) -> Markup | None:
    batches = evidence.latency.batches if evidence.latency else []
    return next((figures.latency_chart(batch) for batch in batches if str(batch.batch_size) == size), None)


def _data(evidence: Evidence, name: str) -> Markup | None:
    one = {
        split: [feature for feature in listed if feature.name == name] for split, listed in evidence.statistics.items()
    }
    distances = evidence.comparison.distances if evidence.comparison else []
    return next(iter(figures.feature_charts(one, distances, alone=True)), None)


def _training(evidence: Evidence, _: str) -> Markup | None:
    return next(iter(figures.training_charts(evidence.history)), None) if evidence.history else None


def _rollout(evidence: Evidence, _: str) -> Markup | None:
    return Markup(picture) if (picture := rollout_picture(evidence.rollout)) else None  # noqa: S704, it is markup


_DRAW: dict[str, Callable[[Evidence, str], Markup | None]] = {
    "quality": _quality,
    "latency": _latency,
    "data": _data,
    "training": _training,
    "rollout": _rollout,
}
