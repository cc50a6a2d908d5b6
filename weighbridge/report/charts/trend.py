"""Charts over the runs of a pipeline: they stand side by side, whatever time lies between them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from markupsafe import Markup

from weighbridge.report.charts.scale import Axis, vertical
from weighbridge.report.charts.svg import (
    STATES,
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

WIDTH = 526.0
_LEFT, _RIGHT, _PLOT = 62.0, 18.0, 150.0
_CELL, _ROW = 22.0, 48
_LIMIT = {"stroke": "currentColor", "stroke_opacity": 0.65, "stroke_dasharray": "2 3", "stroke_width": 1.4}
_SIGNS = {"passed": "M6 11.5 9.5 15 16 7.5", "refused": "M7 7 15 15M15 7 7 15", "failed": "M11 5.5V12.5M11 15V16.2"}
# A limit so far from what was measured, in ranges of that, would squeeze it into a line.
_FAR = 2.5

Values = Sequence[float | None]


@dataclass(frozen=True)
class Cell:
    """A run in a strip: how it ended, what a pointer over it says, and where it leads; nowhere if empty."""

    outcome: str
    words: str
    address: str = ""


def strip_chart(title: str, cells: Sequence[Cell]) -> Markup:
    """A cell for each run, coloured and signed by how it ended; they lead to the runs' reports."""
    parts = []
    for number, cell in enumerate(cells):
        left, top = _CELL * (number % _ROW), (_CELL + 4) * (number // _ROW)
        drawn = [
            element("title", cell.words),
            element("rect", x=1, y=1, width=_CELL - 2, height=_CELL - 2, rx=3, **_fill(cell.outcome)),
            element("path", d=_SIGNS[cell.outcome], stroke="#ffffff", stroke_width=2, fill="none"),
        ]
        where = {"transform": f"translate({left:g} {top:g})"}
        parts.append(
            element("a", *drawn, href=cell.address, **where) if cell.address else element("g", *drawn, **where)
        )
    rows = -(-len(cells) // _ROW)
    told = ", ".join(f"{len([*found])} {name}" for name, found in groupby(sorted(cell.outcome for cell in cells)))
    return drawing(_CELL * min(max(len(cells), 1), _ROW), (_CELL + 4) * max(rows, 1), title, f"{title}: {told}.", parts)


def run_chart(
    title: str,
    days: Sequence[str],
    lines: Mapping[str, tuple[str, Values]],
    limits: Mapping[str, Values],
    refused: Sequence[bool],
    *,
    unit: str,
) -> Markup:
    """Quantities over runs, with what was allowed.

    Args:
        title: what is shown.
        days: of each run.
        lines: by series the label and a value for each run; the first is what is judged.
        limits: by label what was allowed in each run.
        refused: for each run whether the first line was.
        unit: of all values.
    """
    known = [value for _, values in lines.values() for value in values if value is not None]
    near = {label: [value for value in values if value is not None] for label, values in limits.items()}
    shown = {label: values for label, values in near.items() if values and _near(values[-1], known)}
    top = 76.0
    bottom = top + _PLOT
    y = Axis.of([*known, *(value for values in shown.values() for value in values)], bottom, top)
    x = Axis(-0.5, max(len(days), 1) - 0.5, _LEFT, WIDTH - _RIGHT, ())
    parts = [text(8, 18, cut(title, 60), font_weight="bold", font_size=13)]
    parts.append(text(WIDTH - _RIGHT, 18, unit, text_anchor="end", font_size=11))
    parts += _legend([(series, label) for series, (label, _) in lines.items()], near, shown)
    parts += vertical(y, _LEFT, WIDTH - _RIGHT) + _days(x, days, bottom)
    for label in shown:
        parts += _limit(x, y, limits[label])
    for series, (_, values) in reversed([*lines.items()]):
        parts += _line(x, y, values, series)
    judged = next(iter(lines.values()))[1]
    for number, (value, bad) in enumerate(zip(judged, refused, strict=True)):
        if bad and value is not None:
            parts.append(_cross(x(number), y(value)))
    ends = "; ".join(
        f"{label} ends at {found[-1]:.4g}" for label, values in lines.values() if (found := _known(values))
    )
    return drawing(WIDTH, bottom + 26, title, f"{title} over {len(days)} runs: {ends or 'no values'}.", parts)


def duration_chart(title: str, days: Sequence[str], seconds: Values, outcomes: Sequence[str]) -> Markup:
    """How long each run took, as bars."""
    most = max(_known(seconds), default=1.0)
    size, unit = next(((size, unit) for size, unit in ((3600.0, "h"), (60.0, "min")) if most >= 2 * size), (1.0, "s"))
    top, bottom = 44.0, 44.0 + _PLOT
    y = Axis.of([0.0, most / size], bottom, top)
    x = Axis(-0.5, max(len(days), 1) - 0.5, _LEFT, WIDTH - _RIGHT, ())
    parts = [text(8, 18, title, font_weight="bold", font_size=13)]
    parts.append(text(WIDTH - _RIGHT, 18, unit, text_anchor="end", font_size=11))
    parts += vertical(y, _LEFT, WIDTH - _RIGHT) + _days(x, days, bottom)
    wide = min((x.end - x.start) / max(len(days), 1) * 0.7, 26.0)
    for number, (value, outcome) in enumerate(zip(seconds, outcomes, strict=True)):
        if value is not None:
            high = y(value / size)
            where = {"x": x(number) - wide / 2, "y": high, "width": wide, "height": max(bottom - high, 0.5)}
            parts.append(element("rect", **where, **_fill(outcome), fill_opacity=0.8))
    return drawing(WIDTH, bottom + 26, title, f"{title} of {len(days)} runs, at most {most / size:.3g} {unit}.", parts)


def count_chart(title: str, rows: Sequence[tuple[str, int, str]]) -> Markup:
    """Counts as bars: name, count, and a note that stands behind the bar."""
    row, top, left = 36.0, 30.0, 8.0
    most = max((count for _, count, _ in rows), default=1)
    notes = max((text_width(note, 11) for *_, note in rows), default=0.0)
    parts = [text(left, 18, title, font_weight="bold", font_size=13)]
    for number, (name, count, note) in enumerate(rows):
        middle = top + row * number + 8
        label = text(left, middle, cut(name, 70))
        parts.append(element("g", element("title", name), label) if len(name) > 70 else label)
        long = (WIDTH - _RIGHT - left - notes - 12) * count / most
        where = {"x": left, "y": middle + 6, "width": long, "height": 10, "rx": 2}
        parts.append(element("rect", **where, **_fill("refused"), fill_opacity=0.8))
        parts.append(text(left + long + 8, middle + 15, note, font_size=11, fill_opacity=0.8))
    described = "; ".join(f"{name}: {note}" for name, _, note in rows[:5])
    bottom = max(top + row * len(rows), 70 + _PLOT)  # as high as a chart beside it
    return drawing(WIDTH, bottom, title, f"{title}: {described or 'none'}.", parts)


def _fill(outcome: str) -> dict[str, object]:
    return {"class_": f"fill-{outcome}", "fill": STATES[outcome]}


def _known(values: Values) -> list[float]:
    return [value for value in values if value is not None]


def _near(limit: float, known: Sequence[float]) -> bool:
    """Whether a limit lies where it can be shown without hiding how the values differ."""
    if not known:
        return True
    low, high = min(known), max(known)
    span = max(high - low, 0.05 * max(abs(low), abs(high)))
    return low - _FAR * span <= limit <= high + _FAR * span


def _legend(
    lines: Sequence[tuple[str, str]], near: Mapping[str, Sequence[float]], shown: Mapping[str, object]
) -> list[Markup]:
    """The lines in one row, what is allowed in the next."""
    parts = legend(8, 38, lines)
    left = 8.0
    for label, values in near.items():
        if not values:
            continue
        words = f"allowed {label} {values[-1]:.4g}" + ("" if label in shown else " (outside of what is shown)")
        if label in shown:
            parts.append(line((left, 52), (left + 22, 52), **_LIMIT))
            left += 28
        parts.append(text(left, 56, words))
        left += text_width(words) + 18
    return parts


def _days(x: Axis, days: Sequence[str], bottom: float) -> list[Markup]:
    """The day of as many runs as there is room for, the last one always."""
    parts = [line((x.start, bottom), (x.end, bottom), stroke="currentColor", stroke_opacity=0.45)]
    room = (x.end - x.start) / max(len(days), 1)
    every = max(1, -int(-(max(map(text_width, days), default=0.0) + 10) // room))
    for number in range(len(days) - 1, -1, -every):
        parts.append(text(x(number), bottom + 16, days[number], text_anchor="middle", font_size=11, fill_opacity=0.75))
    return parts


def _pieces(values: Values) -> Iterator[list[tuple[int, float]]]:
    """Runs of values without a gap: number and value."""
    for known, found in groupby(enumerate(values), key=lambda pair: pair[1] is not None):
        if known:
            yield [(number, value) for number, value in found if value is not None]


def _limit(x: Axis, y: Axis, values: Values) -> list[Markup]:
    """Steps: a threshold holds for its run, and changes between two."""
    parts = []
    for piece in _pieces(values):
        points: list[Point] = []
        for number, value in piece:
            points += [(x(number - 0.5), y(value)), (x(number + 0.5), y(value))]
        parts.append(path(points, **_LIMIT))
    return parts


def _line(x: Axis, y: Axis, values: Values, series: str) -> list[Markup]:
    parts = []
    for piece in _pieces(values):
        points = [(x(number), y(value)) for number, value in piece]
        if len(points) > 1:
            parts.append(path(points, **stroke(series)))
        parts += [element("circle", cx=px, cy=py, r=2.5, **area(series, 1)) for px, py in points]
    return parts


def _cross(px: float, py: float) -> Markup:
    shape = f"M{px - 5:.2f} {py - 5:.2f}L{px + 5:.2f} {py + 5:.2f}M{px + 5:.2f} {py - 5:.2f}L{px - 5:.2f} {py + 5:.2f}"
    return element("path", d=shape, stroke=STATES["refused"], stroke_width=2.4, class_="line-refused", fill="none")
