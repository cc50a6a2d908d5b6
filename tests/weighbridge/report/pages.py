"""What tests need to look into a page: its elements, attributes and text, by the standard library's parser."""

from html.parser import HTMLParser

VOID = {"meta", "col", "br", "hr", "img", "input", "link"}

# All that a report is made of; anything else came from data.
_NAMES = """
html head meta title style body main font header aside section h1 h2 h3 p small strong em code ul li div
table colgroup col thead tbody tr th td details summary svg desc g text line path rect circle
"""
ELEMENTS = frozenset(_NAMES.split())


class Page(HTMLParser):
    """Elements in order as (name, attributes), text per element name, and whether tags are balanced."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.cells: list[list[str]] = []
        self._open: list[str] = []
        self.unbalanced: list[str] = []
        self.feed(source)
        self.close()
        self.unbalanced += self._open

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)
        if tag == "tr":
            self.cells.append([])
        if tag in ("td", "th") and self.cells:
            self.cells[-1].append("")

    def handle_endtag(self, tag):
        if not self._open or self._open[-1] != tag:
            self.unbalanced.append(tag)
        else:
            self._open.pop()

    def handle_data(self, data):
        if "style" in self._open:
            return
        self.text += data
        if self.cells and self.cells[-1] and ("td" in self._open or "th" in self._open):
            self.cells[-1][-1] += data

    @property
    def names(self) -> set[str]:
        return {name for name, _ in self.elements}

    def count(self, name: str) -> int:
        return sum(each == name for each, _ in self.elements)

    def row(self, first: str) -> list[str]:
        """The cells of the first table row that holds a cell `first`."""
        found = ([cell.strip() for cell in row] for row in self.cells)
        return next(row for row in found if first in row)
