"""Lines over numbers or names, with bands for their intervals: what a metrics provider measured along something."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup

from weighbridge.report.charts.lines import thin
from weighbridge.report.charts.scale import Axis, horizontal, vertical
from weighbridge.report.charts.svg import (
    COLOURS,
    Point,
    area,
    drawing,
    element,
    legend,
    line,
    path,
    stroke,
    text,
    text_width,
)
from weighbridge.report.text import cut

_WIDTH, _PLOT, _LEFT, _RIGHT = 526.0, 210.0, 62.0, 18.0
_LEGEND_ROW = 18.0


@dataclass(frozen=True)
class Curve:
    """One line: (x, y, low, high) by point; the ends of the interval are None where they are not known."""

    name: str
    points: Sequence[tuple[float | str, float, float | None, float | None]]


def series_chart(title: str, curves: Sequence[Curve], *, x_label: str, y_label: str) -> Markup:
    """Lines with their intervals as bands.

    Args:
        title: what is shown.
        curves: one to six; `candidate` and `production` have the colours that they have everywhere. Names as x stand
            side by side, in the order in which they first come up.
        x_label: what the lines run along.
        y_label: what is measured.
    """
    looks = _looks([curve.name for curve in curves])
    rows = _legend_rows([(looks[curve.name], cut(curve.name, 40)) for curve in curves])
    top = 36.0 + _LEGEND_ROW * len(rows) + (18 if y_label else 0)
    bottom = top + _PLOT
    names = list(dict.fromkeys(x for curve in curves for x, *_ in curve.points if isinstance(x, str)))
    places = {name: float(place) for place, name in enumerate(names)}
    drawn = {curve.name: [(_place(x, places), y, low, high) for x, y, low, high in curve.points] for curve in curves}
    x_axis = _x_axis([x for points in drawn.values() for x, *_ in points], named=bool(names))
    ends = [end for points in drawn.values() for _, *values in points for end in values if end is not None]
    y_axis = Axis.of(ends, bottom, top)
    parts = [text(8, 18, cut(title, 70), font_weight="bold", font_size=13)]
    parts += vertical(y_axis, _LEFT, _WIDTH - _RIGHT, cut(y_label, 60))
    if names:
        parts += _named(x_axis, names, bottom, x_label)
    else:
        parts += horizontal(x_axis, top, bottom, cut(x_label, 70), grid=False)
    for name, points in drawn.items():
        parts += _curve([(x_axis(x), y_axis(y)) for x, y, _, _ in points], _band(points, x_axis, y_axis), looks[name])
    for number, row in enumerate(rows):
        parts += legend(8, 40 + _LEGEND_ROW * number, row)
    description = "; ".join(f"{name} ends at {points[-1][1]:.4g}" for name, points in drawn.items() if points)
    return drawing(
        _WIDTH, bottom + 44, title, f"{y_label or title} over {x_label or 'x'}: {description or 'no values'}.", parts
    )


def _looks(names: Sequence[str]) -> dict[str, str]:
    """A colour and dash for each line: its own where it has one, else the next that is free."""
    own = {name: name for name in names if name in ("candidate", "production")}
    free = [look for look in ("train", "eval", "fifth", "sixth", *COLOURS) if look not in own.values()]
    free = list(dict.fromkeys(free))
    return own | dict(zip((name for name in names if name not in own), free, strict=False))


def _legend_rows(entries: Sequence[tuple[str, str]]) -> list[list[tuple[str, str]]]:
    """Entries in as many rows as their names take."""
    rows: list[list[tuple[str, str]]] = [[]]
    used = 0.0
    for look, name in entries:
        width = 46 + text_width(name)
        if rows[-1] and used + width > _WIDTH - 16:
            rows.append([])
            used = 0.0
        rows[-1].append((look, name))
        used += width
    return rows


def _place(x: float | str, places: dict[str, float]) -> float:
    return places[x] if isinstance(x, str) else x


def _x_axis(values: Sequence[float], *, named: bool) -> Axis:
    axis = Axis.of(values, _LEFT, _WIDTH - _RIGHT, ticks=7, round_out=False)
    if not named:
        return axis
    last = max(values, default=0.0)
    return replace(axis, low=-0.5, high=last + 0.5, ticks=())


def _named(axis: Axis, names: Sequence[str], bottom: float, label: str) -> list[Markup]:
    """An x axis of names; where they would cover each other, only every so many."""
    room = (axis.end - axis.start) / len(names)
    shown = [cut(name, 16) for name in names]
    every = max(1, -int(-(max(map(text_width, shown)) + 8) // room))
    parts = [line((axis.start, bottom), (axis.end, bottom), stroke="currentColor", stroke_opacity=0.45)]
    for place in range(0, len(names), every):
        mark = text(axis(place), bottom + 16, shown[place], text_anchor="middle", font_size=11, fill_opacity=0.75)
        parts.append(element("g", element("title", names[place]), mark))
    return [*parts, text((axis.start + axis.end) / 2, bottom + 34, cut(label, 70), text_anchor="middle")]


def _band(points: Sequence[tuple[float, float, float | None, float | None]], x: Axis, y: Axis) -> list[Point]:
    known = [(x(at), y(low), y(high)) for at, _, low, high in points if low is not None and high is not None]
    return [(at, high) for at, _, high in known] + [(at, low) for at, low, _ in reversed(known)]


def _curve(points: Sequence[Point], band: Sequence[Point], look: str) -> list[Markup]:
    parts = []
    if len(band) > 2:
        parts.append(path(band, stroke="none", **area(look, 0.16)))
    if len(points) > 1:
        parts.append(path(thin(points), **stroke(look)))
    if len(points) <= 30:
        parts += [element("circle", cx=px, cy=py, r=2.5, **area(look, 1)) for px, py in points]
    return parts
