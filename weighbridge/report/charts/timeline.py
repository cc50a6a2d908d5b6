"""Panels below each other over one axis of time, with marks that run through all of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

from weighbridge.report.charts.lines import thin
from weighbridge.report.charts.scale import Axis, horizontal, vertical
from weighbridge.report.charts.svg import STATES, area, drawing, element, legend, line, path, stroke, text

_WIDTH, _LEFT, _RIGHT = 760.0, 62.0, 18.0
_PLOT, _GAP, _HEAD = 96.0, 34.0, 94.0
_DISC = 60.0  # where the numbers of what happened stand

Band = Sequence[tuple[float, float, float]]  # x, low, high


@dataclass(frozen=True)
class Trace:
    """One line of a panel.

    Attributes:
        series: its look, `candidate` or `production`.
        points: (x, y), ascending.
        band: (x, low, high) of its interval.
        filled: whether what is below it is filled.
    """

    series: str
    points: Sequence[tuple[float, float]]
    band: Band = ()
    filled: bool = False


@dataclass(frozen=True)
class Panel:
    """One panel: its label with the unit, its lines, what is allowed, and spans of time with a name each."""

    label: str
    traces: Sequence[Trace]
    limit: float | None = None
    spans: Sequence[tuple[float, float, str]] = ()


@dataclass(frozen=True)
class Moment:
    """Something that happened: when, its number in the table beside, and whether that was good."""

    x: float
    name: str
    state: str = "failed"


@dataclass(frozen=True)
class Story:
    """All that a timeline shows."""

    title: str
    x_label: str
    panels: Sequence[Panel]
    moments: Sequence[Moment] = field(default=())
    labels: Sequence[tuple[str, str]] = ()


def timeline_chart(story: Story) -> Markup:
    """Draw it: a panel below the other."""
    ends = [x for panel in story.panels for trace in panel.traces for x, _ in trace.points]
    x_axis = Axis.of([*ends, *(moment.x for moment in story.moments)], _LEFT, _WIDTH - _RIGHT, ticks=8, round_out=False)
    bottom = _HEAD + len(story.panels) * (_PLOT + _GAP) - _GAP
    parts = [text(8, 18, story.title, font_weight="bold", font_size=13), *legend(8, 40, story.labels)]
    for moment in story.moments:
        colour = STATES.get(moment.state, STATES["failed"])
        at = x_axis(moment.x)
        parts.append(line((at, _DISC + 8), (at, bottom), stroke=colour, stroke_opacity=0.6, stroke_dasharray="2 3"))
    for number, panel in enumerate(story.panels):
        top = _HEAD + number * (_PLOT + _GAP)
        last = number == len(story.panels) - 1
        parts += _panel(panel, x_axis, top, story.x_label if last else "", last)
    parts += [part for moment in story.moments for part in _mark(moment, x_axis(moment.x))]
    told = "; ".join(panel.label for panel in story.panels)
    return drawing(_WIDTH, bottom + 44, story.title, f"Over {story.x_label}: {told}.", parts)


def _panel(panel: Panel, x_axis: Axis, top: float, x_label: str, last: bool) -> list[Markup]:
    bottom = top + _PLOT
    values = [y for trace in panel.traces for _, y in trace.points]
    values += [end for trace in panel.traces for _, low, high in trace.band for end in (low, high)]
    values += [] if panel.limit is None else [panel.limit]
    # Intervals are wide at the beginning: what matters lies around the values and what is allowed.
    middle = [y for trace in panel.traces for _, y in trace.points] + ([] if panel.limit is None else [panel.limit])
    if middle and values:
        span = max(max(middle) - min(middle), abs(max(middle)) * 0.5, 1e-9)
        values = [min(max(value, min(middle) - span), max(middle) + span) for value in values]
    y_axis = Axis.of([*values, 0.0] if panel.spans else values, bottom, top, ticks=3)
    parts = [*vertical(y_axis, _LEFT, _WIDTH - _RIGHT), text(_LEFT, top - 8, panel.label)]
    if last:
        parts += horizontal(x_axis, top, bottom, x_label, grid=False)
    else:
        parts.append(line((_LEFT, bottom), (_WIDTH - _RIGHT, bottom), stroke="currentColor", stroke_opacity=0.45))
    for start, end, name in panel.spans:
        middle_x = (x_axis(start) + x_axis(end)) / 2
        if x_axis(end) - x_axis(start) > len(name) * 6:
            parts.append(text(middle_x, top + 12, name, text_anchor="middle", font_size=11, fill_opacity=0.75))
    for trace in panel.traces:
        parts += _trace(trace, x_axis, y_axis)
    if panel.limit is not None:
        at = y_axis(panel.limit)
        parts.append(line((_LEFT, at), (_WIDTH - _RIGHT, at), stroke=STATES["refused"], stroke_dasharray="5 4"))
    return parts


def _trace(trace: Trace, x_axis: Axis, y_axis: Axis) -> list[Markup]:
    parts = []
    drawn = [(x_axis(x), y_axis(y)) for x, y in trace.points]
    if len(trace.band) > 1:
        outline = [(x_axis(x), y_axis(high)) for x, _, high in trace.band]
        outline += [(x_axis(x), y_axis(low)) for x, low, _ in reversed(trace.band)]
        parts.append(path(outline, stroke="none", **area(trace.series, 0.18)))
    if trace.filled and len(drawn) > 1:
        under = [(drawn[0][0], y_axis.start), *drawn, (drawn[-1][0], y_axis.start)]
        parts.append(path(under, stroke="none", **area(trace.series, 0.25)))
    if len(drawn) > 1:
        parts.append(path(thin(drawn), **stroke(trace.series)))
    elif drawn:
        parts.append(element("circle", cx=drawn[0][0], cy=drawn[0][1], r=2.5, **area(trace.series, 1)))
    return parts


def _mark(moment: Moment, at: float) -> list[Markup]:
    colour = STATES.get(moment.state, STATES["failed"])
    disc = element("circle", cx=at, cy=_DISC, r=8, fill=colour)
    number = text(at, _DISC + 4, moment.name, text_anchor="middle", font_size=10, fill="#ffffff")
    return [disc, number]
