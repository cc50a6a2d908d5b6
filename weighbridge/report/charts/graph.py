"""What follows from what: boxes in columns, the earlier ones on the left, and the curves between them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from weighbridge.report.charts.svg import COLOURS, STATES, drawing, element, text
from weighbridge.report.text import cut

_WIDTH, _GAP, _BETWEEN, _TOP, _LINE = 214.0, 64.0, 14.0, 30.0, 15.0
_HEAD, _FOOT, _EDGE = 20.0, 7.0, 8.0
_TITLE_LETTERS, _LETTERS, _HEAD_LETTERS = 27, 31, 36


@dataclass(frozen=True)
class Box:
    """A box.

    Attributes:
        key: what edges call it.
        title: in its first line.
        lines: below, small.
        series: of `COLOURS`, which colours its frame.
        state: of `STATES`, which colours it instead; empty for none.
        heavy: what the picture is about.
    """

    key: str
    title: str
    lines: Sequence[str] = ()
    series: str = "sixth"
    state: str = ""
    heavy: bool = False

    @property
    def height(self) -> float:
        """In pixels."""
        return _HEAD + _LINE * len(self.lines) + _FOOT


@dataclass(frozen=True)
class Edge:
    """A curve from one box to another in a later column; `faint` for what weighs less."""

    start: str
    end: str
    faint: bool = False


def graph_chart(
    title: str, description: str, columns: Sequence[Sequence[Box]], edges: Sequence[Edge], heads: Sequence[str] = ()
) -> Markup:
    """Boxes in columns, and the edges between those that are there.

    Args:
        title: what is shown.
        description: the same in words, for who cannot see it.
        columns: from left to right; empty ones are left out.
        edges: by the keys of boxes.
        heads: what each column is, above it.
    """
    kept = [(boxes, heads[at] if at < len(heads) else "") for at, boxes in enumerate(columns) if boxes]
    heights = [sum(box.height for box in boxes) + _BETWEEN * (len(boxes) - 1) for boxes, _ in kept]
    height = max(heights, default=0.0) + _TOP + _EDGE
    width = len(kept) * _WIDTH + (len(kept) - 1) * _GAP + 2 * _EDGE
    parts: list[Markup] = []
    places: dict[str, tuple[float, float, float]] = {}  # left, top, height
    for number, ((boxes, head), tall) in enumerate(zip(kept, heights, strict=True)):
        x = _EDGE + number * (_WIDTH + _GAP)
        y = _TOP + (height - _TOP - _EDGE - tall) / 2
        if head:
            parts.append(text(x, 16, cut(head, _HEAD_LETTERS), font_size=11, fill_opacity=0.75))
        for box in boxes:
            places[box.key] = (x, y, box.height)
            y += box.height + _BETWEEN
    parts += [curve for edge in edges if (curve := _curve(edge, places))]
    parts += [_box(box, places[box.key]) for boxes, _ in kept for box in boxes]
    return drawing(max(width, 1.0), height, title, description, parts)


def _curve(edge: Edge, places: Mapping[str, tuple[float, float, float]]) -> Markup | None:
    if edge.start not in places or edge.end not in places:
        return None
    left, top, tall = places[edge.start]
    start = left + _WIDTH, top + tall / 2
    end = places[edge.end][0], places[edge.end][1] + places[edge.end][2] / 2
    if end[0] <= start[0]:
        return None
    bend = (end[0] - start[0]) / 2
    numbers = (start[0], start[1], start[0] + bend, start[1], end[0] - bend, end[1], end[0], end[1])
    way = "M{:.1f} {:.1f}C{:.1f} {:.1f} {:.1f} {:.1f} {:.1f} {:.1f}".format(*numbers)
    dashes = "4 4" if edge.faint else None
    return element(
        "path",
        d=way,
        fill="none",
        stroke="currentColor",
        stroke_opacity=0.35 if edge.faint else 0.55,
        stroke_width=1.5,
        stroke_dasharray=dashes,
    )


def _box(box: Box, place: tuple[float, float, float]) -> Markup:
    x, y, height = place
    name = box.state or box.series
    colour = STATES[box.state] if box.state else COLOURS[box.series]
    frame = element(
        "rect",
        x=x,
        y=y,
        width=_WIDTH,
        height=height,
        rx=5,
        fill=colour,
        fill_opacity=0.16 if box.heavy else 0.07,
        stroke=colour,
        stroke_width=2.5 if box.heavy else 1.3,
        class_=f"line-{name}",
    )
    lines = [
        text(x + 9, y + 31 + _LINE * at, cut(line, _LETTERS), font_size=11, fill_opacity=0.85)
        for at, line in enumerate(box.lines)
    ]
    head = text(x + 9, y + 15.5, cut(box.title, _TITLE_LETTERS), font_weight="bold")
    return element("g", frame, head, *lines)
