"""Amounts as bars from zero, with their intervals: the candidate's, and production's below it where there is one."""

from collections.abc import Sequence

from markupsafe import Markup

from weighbridge.report.charts.intervals import Mark
from weighbridge.report.charts.scale import Axis, horizontal
from weighbridge.report.charts.svg import area, drawing, element, legend, line, text, text_width
from weighbridge.report.text import cut, number_text

_WIDTH, _ROW, _VALUES = 526.0, 26.0, 74.0


def amount_chart(title: str, rows: Sequence[tuple[str, Mark | None, Mark | None]], *, unit: str = "") -> Markup:
    """A row per name.

    Args:
        title: what is shown.
        rows: name, value, production's value.
        unit: of the values.
    """
    compared = any(production for *_, production in rows)
    names = [cut(name, 30) for name, *_ in rows]
    left = min(max((text_width(name) for name in names), default=0.0) + 20, 230.0)
    top = 52.0 if compared else 30.0
    bottom = top + _ROW * len(rows)
    marks = [mark for _, *both in rows for mark in both if mark]
    ends = [end for mark in marks for end in (mark.low, mark.value, mark.high) if end is not None]
    x = Axis.of([0.0, *ends], left, _WIDTH - _VALUES, ticks=5)
    parts = [text(8, 18, cut(title, 70), font_weight="bold", font_size=13)]
    if compared:
        parts += legend(8, 38, [("candidate", "candidate"), ("production", "production")])
    parts += horizontal(x, top, bottom, cut(unit, 60))
    for number, (shown, (name, value, production)) in enumerate(zip(names, rows, strict=True)):
        middle = top + _ROW * (number + 0.5)
        label = text(left - 12, middle + 4, shown, text_anchor="end")
        parts.append(element("g", element("title", name), label) if name != shown else label)
        thick = 9.0 if production else 14.0
        shift = thick / 2 + 0.5 if production else 0.0
        if value:
            parts += _bar(x, middle - shift, thick, value, "candidate")
        if production:
            parts += _bar(x, middle + shift, thick, production, "production")
    description = "; ".join(f"{name}: {value.value:.4g}" for name, value, _ in rows[:5] if value)
    return drawing(_WIDTH, bottom + (44 if unit else 26), title, f"{title}. {description or 'No values'}.", parts)


def _bar(x: Axis, middle: float, thick: float, mark: Mark, series: str) -> list[Markup]:
    amount = text(_WIDTH - 8, middle + 4, number_text(mark.value), text_anchor="end", font_size=10, fill_opacity=0.75)
    start, end = sorted((x(0.0), x(mark.value)))
    where = {"x": start, "y": middle - thick / 2, "width": max(end - start, 0.5), "height": thick}
    parts = [amount, element("rect", **where, **area(series, 0.75))]
    if mark.low is not None and mark.high is not None:
        dark = {"stroke": "currentColor", "stroke_width": 1.4}
        parts.append(line((x(mark.low), middle), (x(mark.high), middle), **dark))
        parts += [line((x(end), middle - 3), (x(end), middle + 3), **dark) for end in (mark.low, mark.high)]
    return parts
