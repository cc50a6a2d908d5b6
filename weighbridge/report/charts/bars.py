"""Histograms laid over each other: latency of candidate and production."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

from markupsafe import Markup

from weighbridge.report.charts.scale import Axis, horizontal, vertical
from weighbridge.report.charts.svg import Point, area, drawing, filled, legend, line, path, stroke, text, text_width

Steps = tuple[Sequence[float], Sequence[float]]

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 526.0, 292.0, 56.0, 16.0, 78.0, 248.0


def histogram_chart(
    title: str,
    histograms: Mapping[str, Steps],
    labels: Mapping[str, str],
    marks: Mapping[str, Mapping[str, float]],
    *,
    x_label: str,
    unit: str,
) -> Markup:
    """Histograms as outlines over one axis, each scaled to the share of its own rows per unit of x.

    Buckets may differ between series. A long tail is cut off, and how much of it is told below.

    Args:
        title: what is shown.
        histograms: by series, ascending edges [n + 1] and counts [n].
        labels: the series' names as shown.
        marks: by series, values to mark by name, such as p50.
        x_label: what is measured.
        unit: its unit.
    """
    end = _shown_until(histograms, [value for found in marks.values() for value in found.values()])
    x = Axis.of(
        [min(edges[0] for edges, _ in histograms.values()), end], _LEFT, _WIDTH - _RIGHT, ticks=8, round_out=False
    )
    outlines = {name: _density(edges, counts) for name, (edges, counts) in histograms.items()}
    y = Axis.of([0.0, *(height for outline in outlines.values() for _, height in outline)], _BOTTOM, _TOP, ticks=4)
    parts = [text(8, 18, title, font_weight="bold", font_size=13)]
    parts.append(text(_WIDTH - _RIGHT, 18, f"share of calls per {unit}", text_anchor="end", font_size=11))
    description = {name: _describe(marks.get(name, {}), unit) for name in histograms}
    for row, name in enumerate(histograms):
        parts += legend(8, 38 + 17 * row, [(name, f"{labels[name]} {description[name]}".rstrip())])
    parts += vertical(y, _LEFT, _WIDTH - _RIGHT)
    beyond = []
    for name, outline in outlines.items():
        points = [(x(value), y(height)) for value, height in outline if value <= x.high]
        points.append((points[-1][0], y(0.0)))
        parts.append(path(points, **filled(name, 0.2)))
        share = _share_beyond(*histograms[name], x.high)
        if share > 0:
            beyond.append(f"{share:.1%} of {labels[name]}")
    parts += _marks(x, marks)
    label = f"{x_label} ({unit})" + (f" – slower than shown: {', '.join(beyond)}" if beyond else "")
    parts += horizontal(x, _TOP, _BOTTOM, label, grid=False)
    all_told = "; ".join(f"{labels[name]} {found}" for name, found in description.items())
    return drawing(_WIDTH, _HEIGHT, title, f"Histogram of {x_label}: {all_told}.", parts)


def _describe(marks: Mapping[str, float], unit: str) -> str:
    return ", ".join(f"{mark} {value:.3g} {unit}" for mark, value in marks.items())


def _marks(x: Axis, marks: Mapping[str, Mapping[str, float]]) -> list[Markup]:
    """A line per mark. The legend has the numbers; a line's name is left out where it would cover another."""
    parts = []
    taken: list[tuple[float, float]] = []
    for name, found in marks.items():
        colour = {key: value for key, value in area(name).items() if key != "fill_opacity"}
        for mark, value in found.items():
            place = x(value)
            parts.append(line((place, _TOP - 4), (place, _BOTTOM), stroke_width=1.2, **stroke(name)))
            span = (place + 3, place + 6 + text_width(mark, 11))
            if all(span[1] < begin or span[0] > end for begin, end in [*taken, (x.end, x.end + 99)]):
                parts.append(text(span[0], _TOP + 5, mark, font_size=11, **colour))
                taken.append(span)
    return parts


def _density(edges: Sequence[float], counts: Sequence[float]) -> list[Point]:
    """The outline of a histogram whose area is 1, from its first edge to its last."""
    total = sum(counts)
    points = [(edges[0], 0.0)]
    for (low, high), count in zip(pairwise(edges), counts, strict=True):
        height = count / total / (high - low) if total and high > low else 0.0
        points += [(low, height), (high, height)]
    return [*points, (edges[-1], 0.0)]


def _shown_until(histograms: Mapping[str, Steps], marks: Sequence[float]) -> float:
    """Where the axis ends: a single slow call must not squeeze all others into one bucket."""
    last = max(edges[-1] for edges, _ in histograms.values())
    return min(last, 1.4 * max(marks)) if marks and max(marks) > 0 else last


def _share_beyond(edges: Sequence[float], counts: Sequence[float], limit: float) -> float:
    total = sum(counts)
    return sum(count for low, count in zip(edges, counts, strict=False) if low >= limit) / total if total else 0.0
