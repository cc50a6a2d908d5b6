"""Values with their confidence intervals: a row per slice, candidate above production; or one against its threshold."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from weighbridge.report.charts.scale import Axis, horizontal
from weighbridge.report.charts.svg import COLOURS, STATES, drawing, element, legend, line, stroke, text, text_width
from weighbridge.report.text import cut

_WIDTH, _TOP, _ROW = 526.0, 56.0, 26.0
_BAR_WIDTH, _BAR_HEIGHT, _EDGE = 132.0, 22.0, 12.0


@dataclass(frozen=True)
class Mark:
    """A value, and the ends of its confidence interval where they are known."""

    value: float
    low: float | None = None
    high: float | None = None


def interval_chart(
    title: str, rows: Sequence[tuple[str, Mark | None, Mark | None]], *, x_label: str, labels: dict[str, str]
) -> Markup:
    """One row per slice: a filled dot for the candidate, a hollow square for production, a bar for the interval.

    Args:
        title: what is shown.
        rows: name of the slice, candidate, production.
        x_label: the metric, and how sure the intervals are.
        labels: the series' names as shown.
    """
    names = [cut(name, 30) for name, _, _ in rows]
    left = min(max((text_width(name) for name in names), default=0.0) + 20, 230.0)
    bottom = _TOP + _ROW * len(rows)
    marks = [mark for _, *pair in rows for mark in pair if mark]
    ends = [end for mark in marks for end in (mark.low, mark.value, mark.high) if end is not None]
    x = Axis.of(ends, left, _WIDTH - 20, ticks=6)
    parts = [text(8, 18, title, font_weight="bold", font_size=13)]
    series = [("candidate", 1), ("production", 2)]
    parts += legend(8, 38, [(name, labels[name]) for name, place in series if any(row[place] for row in rows)])
    for number, (shown, (name, candidate, production)) in enumerate(zip(names, rows, strict=True)):
        middle = _TOP + _ROW * (number + 0.5)
        if number % 2 == 0:
            where = {"x": 0, "y": middle - _ROW / 2, "width": _WIDTH, "height": _ROW}
            parts.append(element("rect", **where, fill="currentColor", fill_opacity=0.045))
        parts.append(text(left - 12, middle + 4, shown, text_anchor="end"))
        if name != shown:
            parts[-1] = element("g", element("title", name), parts[-1])
        shift = 4.5 if candidate and production else 0.0
        if candidate:
            parts += _interval(x, middle - shift, candidate, "candidate")
        if production:
            parts += _interval(x, middle + shift, production, "production")
    parts += horizontal(x, _TOP, bottom, x_label)
    description = "; ".join(f"{name}: {mark.value:.4g}" for name, mark, _ in rows[:5] if mark)
    return drawing(_WIDTH, bottom + 44, title, f"{x_label} per slice. {description}.", parts)


def _interval(x: Axis, y: float, mark: Mark, series: str) -> list[Markup]:
    parts = []
    if mark.low is not None and mark.high is not None:
        bar = stroke(series) | {"stroke_dasharray": None}
        parts.append(line((x(mark.low), y), (x(mark.high), y), stroke_width=2, **bar))
        for end in (mark.low, mark.high):
            parts.append(line((x(end), y - 3), (x(end), y + 3), stroke_width=2, **bar))
    if series == "candidate":
        parts.append(element("circle", cx=x(mark.value), cy=y, r=4, class_=f"area-{series}", fill=COLOURS[series]))
    else:
        hollow = {"class_": f"hollow-{series}", "fill": "#ffffff", "stroke": COLOURS[series], "stroke_width": 2}
        parts.append(element("rect", x=x(mark.value) - 3.5, y=y - 3.5, width=7, height=7, **hollow))
    return parts


def threshold_bar(title: str, mark: Mark, threshold: float, *, least: bool, state: str, told: str) -> Markup:
    """An interval on a line of its own, small enough for a cell: what is allowed is tinted from the threshold on.

    Args:
        title: what was measured.
        mark: value and interval; an end that is not known reaches to the edge, and has no cap.
        threshold: the least, or the most, that is allowed.
        least: which of the two it is.
        state: `passed`, `refused` or `warning`: colours the interval.
        told: the numbers, for a screen reader.
    """
    known = [number for number in (mark.low, mark.value, mark.high, threshold) if number is not None]
    start, end, middle = _EDGE, _BAR_WIDTH - _EDGE, _BAR_HEIGHT / 2
    x = Axis.of(known, start, end, round_out=False)
    at = x(threshold)
    begin, stop = (at, _BAR_WIDTH) if least else (0.0, at)
    tint = {"x": begin, "y": 1, "width": stop - begin, "height": _BAR_HEIGHT - 2}
    parts = [element("rect", **tint, class_="fill-passed", fill=STATES["passed"], fill_opacity=0.16)]
    parts.append(line((at, 1), (at, _BAR_HEIGHT - 1), stroke="currentColor", stroke_width=1.4, stroke_dasharray="3 2"))
    low, high = (edge if value is None else x(value) for value, edge in ((mark.low, 0.0), (mark.high, _BAR_WIDTH)))
    colour, kind = STATES[state], f"line-{state}"
    parts.append(line((low, middle), (high, middle), class_=kind, stroke=colour, stroke_width=2))
    for value, place in ((mark.low, low), (mark.high, high)):
        if value is not None:
            parts.append(line((place, middle - 4), (place, middle + 4), class_=kind, stroke=colour, stroke_width=2))
    parts.append(element("circle", cx=x(mark.value), cy=middle, r=3.5, class_=f"fill-{state}", fill=colour))
    return drawing(_BAR_WIDTH, _BAR_HEIGHT, title, told, parts)
