"""The report's charts, made from evidence: which numbers go into which chart."""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import TypeVar

from markupsafe import Markup

from weighbridge.evidence.base import Interval
from weighbridge.evidence.comparison import Distance
from weighbridge.evidence.history import TrainingHistory
from weighbridge.evidence.latency import Batch, Latency
from weighbridge.evidence.metrics import Metric, Metrics
from weighbridge.evidence.plots import Bars, Calibration, Ends, Lines, OfModels, Roc, Series
from weighbridge.report.charts.amounts import amount_chart
from weighbridge.report.charts.bars import Steps, histogram_chart
from weighbridge.report.charts.features import feature_chart
from weighbridge.report.charts.intervals import Mark, interval_chart, threshold_bar
from weighbridge.report.charts.lines import calibration_chart, line_chart, roc_chart
from weighbridge.report.charts.series import Curve, series_chart
from weighbridge.report.charts.svg import drawing, element, legend
from weighbridge.report.features import Feature
from weighbridge.report.gate_groups import MARKS, Line
from weighbridge.report.plots import MOST_ROWS, Plot
from weighbridge.report.text import number_text

Points = TypeVar("Points")

MODELS = {"candidate": "candidate", "production": "production"}

# A chart of hundreds of slices shows nothing; the table beside it has them all.
MOST_SLICES = 30

_ICONS = {
    "passed": ("#1a7f37", "M4.5 8.5 7 11 11.5 5.5"),
    "refused": ("#b3261e", "M5.2 5.2 10.8 10.8M10.8 5.2 5.2 10.8"),
    "undecided": ("#b3261e", "M5.8 6.4a2.2 2.2 0 1 1 3.4 1.8C8.3 8.8 8 9.1 8 9.9M8 12.1V12.3"),
    "warning": ("#9a6700", "M8 4.2V9M8 11.2V12"),
    "not_compared": ("#6e7781", "M4.8 8H11.2"),
}


def icon(state: str, size: int = 16) -> Markup:
    """A round mark for a state; the word stands beside it, so it says nothing to a screen reader."""
    colour, shape = _ICONS[state]
    disc = element("circle", cx=8, cy=8, r=8, fill=colour)
    sign = element("path", d=shape, stroke="#ffffff", stroke_width=2, stroke_linecap="round", fill="none")
    return element("svg", disc, sign, viewBox="0 0 16 16", width=size, height=size, aria_hidden="true", class_="icon")


def gate_bar(line: Line) -> Markup | str:
    """The interval of a gate against its threshold; empty where it has none of the two, and for several gates."""
    gate = line.gates[0]
    numbers = [value for value in (gate.observed, gate.threshold) if isinstance(value, int | float)]
    if len(line.gates) > 1 or gate.interval is None or len(numbers) < 2:
        return ""
    value, threshold = map(float, numbers)
    told = f"Observed {line.observed}, interval {line.interval}, allowed {line.allowed}."
    mark = Mark(value, *gate.interval)
    least = gate.rule.startswith("min")
    return threshold_bar(gate.name, mark, threshold, least=least, state=line.state, told=told)


def slice_charts(metrics: Metrics) -> list[Markup]:
    """A chart per metric that was measured on more than one slice: candidate and production with intervals."""
    grouped: dict[str, list[Metric]] = {}
    for metric in metrics.metrics:
        grouped.setdefault(metric.name, []).append(metric)
    # What has no interval and nothing to compare with is a count: the table tells it better.
    estimated = {
        name: found
        for name, found in grouped.items()
        if len(found) > 1 and any(metric.low is not None or metric.production for metric in found)
    }
    return [slice_chart(name, found, metrics.confidence) for name, found in estimated.items()]


def slice_chart(
    name: str,
    found: Sequence[Metric],
    confidence: float | None,
    *,
    refused: Collection[str] = (),
    most: int = MOST_SLICES,
) -> Markup:
    """One metric on all rows and on slices: candidate and production with their intervals.

    Args:
        name: of the metric.
        found: the metric on each slice.
        confidence: of the intervals.
        refused: slices that a gate refuses: they are marked, and shown before larger ones.
        most: how many rows there may be.
    """
    kept = sorted(found, key=lambda one: (one.slice not in refused, one.slice != "", -(one.rows or 0)))[:most]
    # All rows first, then slices of one feature together.
    rows = [
        (
            f"{MARKS['refused']} " * (metric.slice in refused) + (metric.slice or "all rows"),
            _mark(metric),
            _mark(metric.production),
        )
        for metric in sorted(kept, key=lambda metric: _natural(metric.slice))
    ]
    chosen = f"{most} of {len(found)} slices" if refused else f"the {most} largest slices"
    left_out = f", {chosen}" if len(found) > most else ""
    sure = f" with {confidence:.0%} intervals" if confidence else ""
    return interval_chart(f"{name}{left_out}", rows, x_label=f"{name}{sure}", labels=MODELS)


def plot_charts(metrics: Metrics, plots: Mapping[str, Plot]) -> list[Markup]:
    """A chart per plot that is one: ROC and calibration first, then the lines and bars of other metrics providers."""
    charts = []
    areas = {metric.name.lower(): metric for metric in metrics.metrics if metric.slice == ""}
    roc, calibration = plots.get("roc"), plots.get("calibration")
    if isinstance(roc, Roc) and (curves := _series(roc)):
        auc = areas.get("auc")
        values = {"candidate": auc, "production": auc.production if auc else None}
        known = {name: value.value for name, value in values.items() if value and value.value is not None}
        labels = {name: f"{name} (AUC {known[name]:.3f})" if name in known else name for name in MODELS}
        charts.append(roc_chart(curves, labels))
    if isinstance(calibration, Calibration) and (bins := _series(calibration)):
        charts.append(calibration_chart(bins, MODELS))
    for plot in plots.values():
        if isinstance(plot, Lines):
            curves_of = [Curve(series.name, _points(series)) for series in plot.series]
            charts.append(series_chart(plot.title, curves_of, x_label=plot.x_title, y_label=plot.y_title))
        elif isinstance(plot, Bars):
            charts.append(_amounts(plot))
    return charts


def _points(series: Series) -> list[tuple[float | str, float, float | None, float | None]]:
    nothing = [None] * len(series.x)
    points = zip(series.x, series.y, series.low or nothing, series.high or nothing, strict=True)
    return [(x, y, low, high) for x, y, low, high in points if x is not None and y is not None]


def _amounts(plot: Bars) -> Markup:
    rows = [(row.name, _mark(row), _mark(row.production)) for row in plot.rows[:MOST_ROWS]]
    left_out = f", the first {MOST_ROWS} of {len(plot.rows):,}" if len(plot.rows) > MOST_ROWS else ""
    return amount_chart(f"{plot.title}{left_out}", rows, unit=plot.unit)


def training_charts(history: TrainingHistory) -> list[Markup]:
    """A chart per metric: train and, where it was measured, validation."""
    names = [name for name in history.metrics if not name.startswith("val_")]
    names += [name for name in history.metrics if name.startswith("val_") and name.removeprefix("val_") not in names]
    charts = []
    for name in names:
        both = {"train": history.metrics.get(name), "eval": history.metrics.get(f"val_{name}")}
        if name.startswith("val_"):
            both = {"eval": history.metrics[name]}
        series = {key: values for key, values in both.items() if values}
        if series:
            charts.append(line_chart(name, series, {"train": "train", "eval": "validation"}, x_label="epoch"))
    return charts


def latency_charts(batches: Sequence[Batch]) -> list[Markup]:
    """A chart per batch size: histograms of both models with their p50 and p99."""
    return [chart for batch in batches if (chart := latency_chart(batch)) is not None]


def latency_chart(batch: Batch) -> Markup | None:
    """Histograms of both models with their p50 and p99; None where there is nothing to draw."""
    models = {"candidate": batch.candidate, "production": batch.production}
    found = {name: (model, steps) for name, model in models.items() if model and (steps := _steps(model))}
    if not found:
        return None
    histograms = {name: steps for name, (_, steps) in found.items()}
    marks = {name: _percentiles(model) for name, (model, _) in found.items()}
    title = f"Latency of a batch of {number_text(batch.batch_size)}"
    return histogram_chart(title, histograms, MODELS, marks, x_label="latency", unit="ms")


def _steps(model: Latency) -> Steps | None:
    """A histogram that can be drawn: ascending edges, one more than counts, and something counted."""
    histogram = model.histogram
    if len(histogram.edges_ms) != len(histogram.counts) + 1 or not sum(histogram.counts) > 0:
        return None
    edges = histogram.edges_ms
    return (edges, histogram.counts) if edges == sorted(edges) and edges[-1] > edges[0] else None


def _percentiles(model: Latency) -> dict[str, float]:
    both = {"p50": model.p50_ms.value, "p99": model.p99_ms.value}
    return {name: value for name, value in both.items() if value is not None}


def feature_charts(
    statistics: Mapping[str, Sequence[Feature]], distances: Sequence[Distance], *, alone: bool = False
) -> list[Markup]:
    """Small multiples: every feature in the train and eval splits, with its distances and what is missing.

    Args:
        statistics: features by split.
        distances: between the splits, and to production.
        alone: give each a legend of its own.
    """
    charts = []
    apart: dict[str, list[Distance]] = {}
    for distance in distances:
        apart.setdefault(distance.feature, []).append(distance)
    for name, splits in by_feature(statistics).items():
        missing = " / ".join(f"{feature.missing:.0%}" for feature in splits.values())
        some = any(feature.missing >= 0.005 for feature in splits.values())
        notes = [distance_text(name, apart.get(name, [])), f"missing {missing}" if some else ""]
        charts.append(feature_chart(name, splits, " · ".join(note for note in notes if note), alone=alone))
    return charts


def by_feature(statistics: Mapping[str, Sequence[Feature]]) -> dict[str, dict[str, Feature]]:
    """Splits by feature instead of features by split; features sorted by name."""
    found: dict[str, dict[str, Feature]] = {}
    for split, features in statistics.items():
        for feature in features:
            found.setdefault(feature.name, {})[split] = feature
    return dict(sorted(found.items()))


def distance_text(name: str, distances: Sequence[Distance]) -> str:
    """How far a feature's distributions are apart, by the larger of several measures: `skew 0.002 · drift 0.01`."""
    words = {"skew": "skew", "drift_production": "drift", "drift_previous": "since last span"}
    largest: dict[str, float] = {}
    for distance in distances:
        if distance.feature == name and distance.value is not None:
            largest[distance.kind] = max(distance.value, largest.get(distance.kind, 0.0))
    return " · ".join(f"{words.get(kind, kind)} {value:.2g}" for kind, value in largest.items())


def split_legend() -> Markup:
    """The legend of all small multiples."""
    parts = legend(0, 16, [("train", "train"), ("eval", "eval")])
    return drawing(200, 22, "Legend", "Train is green and solid, eval is purple and dashed.", parts)


def _natural(name: str) -> list[tuple[int, str]]:
    """A key that sorts `hour=3` before `hour=12`."""
    parts = re.split(r"(\d{1,18})", name)
    return [(int(part), "") if place % 2 else (0, part) for place, part in enumerate(parts)]


def _series(plot: OfModels[list[Points]]) -> dict[str, list[Points]]:
    return {name: points for name in MODELS if (points := getattr(plot, name))}


def _mark(value: Interval | Ends | None) -> Mark | None:
    return Mark(value.value, value.low, value.high) if value and value.value is not None else None
