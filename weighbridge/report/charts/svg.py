"""SVG elements as escaped markup, and the look that all charts share."""

from collections.abc import Iterable

from markupsafe import Markup, escape

from weighbridge.report.text import clean

Point = tuple[float, float]

# Okabe and Ito's colours: told apart with any colour vision. Never the only difference: production is also dashed or
# hollow, and every series has a label.
COLOURS = {
    "candidate": "#0072b2",
    "production": "#c65102",
    "train": "#008060",
    "eval": "#a8448c",
    "fifth": "#7a6500",
    "sixth": "#59636e",
}
# How something ended; a mark, a word or a place says it too.
STATES = {"passed": "#1a7f37", "refused": "#b3261e", "warning": "#9a6700", "failed": "#6e7781"}
_DASHES = {"production": "6 3", "eval": "6 3", "fifth": "2 3", "sixth": "9 3 2 3"}


def element(name: str, *children: str | Markup, **attributes: object) -> Markup:
    """One element. Attribute names are written with `_` for `-`; a value of None leaves its attribute out."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_value(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    inner = Markup("").join(child if isinstance(child, Markup) else escape(clean(child)) for child in children)
    return Markup(f"<{name}{written}>{inner}</{name}>")  # noqa: S704  # every part of it is escaped


def drawing(width: float, height: float, title: str, description: str, parts: Iterable[Markup]) -> Markup:
    """A whole chart, with the title and the description that a screen reader reads out; sizes in pixels."""
    return element(
        "svg",
        element("title", title),
        element("desc", description),
        *parts,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {_value(width)} {_value(height)}",
        width=width,
        height=height,
        role="img",
        font_family="system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif",
        font_size=12,
        fill="currentColor",
    )


def standalone(chart: Markup) -> Markup:
    """A chart of `drawing` as a file of its own: on a sheet of paper, so that it can be read on any page.

    Without a page around it `currentColor` is black, and nothing is behind it where the page is dark.
    """
    opening, _, rest = str(chart).partition(">")  # attributes have none: it ends the tag
    words, described, drawn = rest.partition("</desc>")
    width, height = opening.partition('viewBox="')[2].partition('"')[0].split()[2:]
    sheet = element("rect", width=width, height=height, rx=6, fill="#ffffff")
    return Markup(f'{opening} color="#1c2128">{words}{described}{sheet}{drawn}\n')  # noqa: S704  # all of it is escaped


def text(x: float, y: float, content: str, **attributes: object) -> Markup:
    """Text with its baseline at y."""
    return element("text", content, x=x, y=y, **attributes)


def line(start: Point, end: Point, **attributes: object) -> Markup:
    """A straight line."""
    return element("line", x1=start[0], y1=start[1], x2=end[0], y2=end[1], **attributes)


def path(points: Iterable[Point], **attributes: object) -> Markup:
    """An open path through `points`."""
    steps = "L".join(f"{_value(x)} {_value(y)}" for x, y in points)
    return element(
        "path", d=f"M{steps}", **({"fill": "none", "stroke_width": 2, "stroke_linejoin": "round"} | attributes)
    )


def stroke(series: str) -> dict[str, object]:
    """Attributes of a line of a series; what could be taken for one another is dashed differently."""
    return {
        "class_": f"line-{series}",
        "stroke": COLOURS[series],
        "stroke_dasharray": _DASHES.get(series),
    }


def area(series: str, opacity: float = 0.3) -> dict[str, object]:
    """Attributes of a filled shape of a series."""
    return {"class_": f"area-{series}", "fill": COLOURS[series], "fill_opacity": opacity}


def filled(series: str, opacity: float) -> dict[str, object]:
    """Attributes of an outline of a series that is filled."""
    return stroke(series) | area(series, opacity) | {"class_": f"line-{series} area-{series}"}


def legend(x: float, y: float, entries: Iterable[tuple[str, str]]) -> list[Markup]:
    """Series and their labels in one row, starting at x."""
    parts: list[Markup] = []
    for series, label in entries:
        parts.append(line((x, y - 4), (x + 22, y - 4), stroke_width=2.5, **stroke(series)))
        parts.append(text(x + 28, y, label))
        x += 28 + text_width(label) + 18
    return parts


def text_width(content: str, size: float = 12) -> float:
    """About how wide a text is, in pixels, at a font size; generous, since fonts differ."""
    return len(content) * size * 0.58


def _value(value: object) -> str:
    """Numbers with two decimals at most, so that the same data always gives the same bytes."""
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else clean(value)
