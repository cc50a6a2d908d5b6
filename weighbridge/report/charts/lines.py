"""Line charts: training curves, ROC, calibration."""

import math
from collections.abc import Mapping, Sequence

from markupsafe import Markup

from weighbridge.report.charts.scale import Axis, horizontal, vertical
from weighbridge.report.charts.svg import Point, area, drawing, element, legend, line, path, stroke, text

Pair = tuple[float | None, float | None]

_LEFT, _RIGHT, _TOP = 52, 16, 52


def line_chart(
    title: str, series: Mapping[str, Sequence[float | None]], labels: Mapping[str, str], *, x_label: str, unit: str = ""
) -> Markup:
    """Values over 1, 2, 3, … such as epochs.

    Args:
        title: what is shown.
        series: values by series; None leaves a gap.
        labels: the series' names as shown.
        x_label: what is counted.
        unit: unit of the values.
    """
    width, height, bottom = 340.0, 240.0, 196.0
    known = [value for values in series.values() for value in values if value is not None]
    last = max((len(values) for values in series.values()), default=1)
    # Epochs are whole numbers: a tick at 1.5 would mean nothing.
    x = Axis.of([1, max(last, 2)], _LEFT, width - _RIGHT, ticks=min(max(last - 1, 1), 6), round_out=False)
    y = Axis.of(known, bottom, _TOP)
    parts = [text(8, 18, title, font_weight="bold", font_size=13)]
    parts += vertical(y, _LEFT, width - _RIGHT) + horizontal(x, _TOP, bottom, x_label, grid=False)
    for name, values in series.items():
        points = [(x(number), y(value)) for number, value in enumerate(values, 1) if value is not None]
        if len(points) > 1:
            parts.append(path(points, **stroke(name)))
        if len(points) <= 30:
            parts += [element("circle", cx=px, cy=py, r=2.5, **area(name, 1)) for px, py in points]
    parts += legend(8, 38, [(name, labels.get(name, name)) for name in series])
    ends = ", ".join(f"{labels.get(name, name)} ends at {_last(values)}{unit}" for name, values in series.items())
    return drawing(width, height, title, f"{title} over {x_label}: {ends}.", parts)


def roc_chart(curves: Mapping[str, Sequence[Pair]], labels: Mapping[str, str]) -> Markup:
    """ROC curves: (false positive rate, true positive rate) by series, each 0 to 1."""
    width, height, bottom = 420.0, 420.0, 376.0
    x, y = _unit_axes(width, bottom)
    parts = _unit_frame(x, y, "ROC", "false positive rate", "true positive rate", labels, curves)
    for name, pairs in curves.items():
        points = thin([(x(fpr), y(tpr)) for fpr, tpr in pairs if fpr is not None and tpr is not None])
        if points:
            parts.append(path(points, **stroke(name)))
    shown = " and ".join(labels[name] for name in curves)
    return drawing(width, height, "ROC", f"True positive rate over false positive rate of {shown}.", parts)


def calibration_chart(
    curves: Mapping[str, Sequence[tuple[float | None, float | None, float | None]]], labels: Mapping[str, str]
) -> Markup:
    """Calibration: (mean prediction, mean label, rows) per bin by series; below, how many rows each bin has."""
    width, height, bottom = 420.0, 420.0, 300.0
    x, y = _unit_axes(width, bottom)
    parts = _unit_frame(x, y, "Calibration", "", "mean label", labels, curves)
    bins = {
        name: [(px, py, rows or 0.0) for px, py, rows in found if px is not None and py is not None]
        for name, found in curves.items()
    }
    top, base = 322.0, 376.0
    most = max((rows for found in bins.values() for *_, rows in found), default=0.0)
    counts = Axis.of([0, most or 1], base, top, ticks=2)
    for name, found in bins.items():
        points = [(x(px), y(py)) for px, py, _ in found]
        if len(points) > 1:
            parts.append(path(points, **stroke(name)))
        parts += [element("circle", cx=px, cy=py, r=3.5, **area(name, 1)) for px, py in points]
        shift = -3.5 if name == "candidate" else 3.5
        for px, _, rows in found:
            height_px = max(base - counts(rows), 0.5 if rows else 0.0)
            where = {"x": x(px) + shift - 3, "y": base - height_px, "width": 6, "height": height_px}
            parts.append(element("rect", **where, **area(name, 0.8)))
    parts += vertical(counts, _LEFT, width - _RIGHT) + horizontal(
        x, top, base, "mean prediction (bars: rows)", grid=False
    )
    shown = " and ".join(labels[name] for name in curves)
    return drawing(width, height, "Calibration", f"Mean label over mean prediction per bin, of {shown}.", parts)


def thin(points: Sequence[Point], pixels: float = 0.7) -> list[Point]:
    """Leave out points that lie within `pixels` of the one kept before: nobody could see them."""
    kept = list(points[:1])
    for point in points[1:]:
        if math.dist(point, kept[-1]) >= pixels:
            kept.append(point)
    if points and kept[-1] != points[-1]:
        kept.append(points[-1])
    return kept


def _unit_axes(width: float, bottom: float) -> tuple[Axis, Axis]:
    return Axis.of([0, 1], _LEFT, width - _RIGHT), Axis.of([0, 1], bottom, 72)


def _unit_frame(
    x: Axis, y: Axis, title: str, x_label: str, y_label: str, labels: Mapping[str, str], series: Mapping[str, object]
) -> list[Markup]:
    parts = [text(8, 18, title, font_weight="bold", font_size=13)]
    parts += legend(8, 38, [(name, labels.get(name, name)) for name in series])
    parts += vertical(y, x.start, x.end, y_label)
    if x_label:
        parts += horizontal(x, y.end, y.start, x_label)
    parts.append(line((x(0), y(0)), (x(1), y(1)), stroke="currentColor", stroke_opacity=0.4, stroke_dasharray="2 4"))
    return parts


def _last(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{known[-1]:.4g}" if known else "no value"
