"""Two runs side by side on a console: in the width of a window, or as plain lines."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from weighbridge.report.comparison import RunComparison
from weighbridge.report.comparison_rows import LEGEND, MARK, Row, Section, comparison_sections, headline
from weighbridge.report.text import one_line

if TYPE_CHECKING:
    from rich.console import Console

_MOST_COLUMNS = 140
_MOST_NAME = 40
_GAP = 2
# Of name, values and difference; an id of a run is never broken.
_LEAST = (16, 20, 20, 10)
_ENOUGH = (24, 24, 24, 22)


def print_comparison(console: "Console", comparison: RunComparison, *, everything: bool = False) -> None:
    """Print two runs side by side.

    Args:
        console: where to; its width and whether it is a terminal decide the layout.
        comparison: of the two.
        everything: also what is the same.
    """
    from rich.text import Text

    sections = comparison_sections(comparison, everything=everything)
    width = min(console.width, _MOST_COLUMNS) if console.is_terminal else None
    widths = _widths([row for section in sections for row in section.rows], width)
    width = width or 1 + 4 * _GAP + sum(widths)
    for section in sections:
        _print_section(console, section, widths, width)
    for note in comparison.notes:
        console.print(Text(f"note: {one_line(note)}", style="dim"), width=width, soft_wrap=False)
    console.print(Text(one_line(headline(comparison)), style="bold"), width=width, soft_wrap=False)
    console.print(Text(LEGEND, style="dim"), width=width, soft_wrap=False)


def _print_section(console: "Console", section: Section, widths: Sequence[int], width: int) -> None:
    from rich.padding import Padding
    from rich.text import Text

    if not section.rows:
        line = Text(section.title, style="bold").append(f": {one_line(section.note)}", style="not bold dim")
        console.print(line, width=width, soft_wrap=False)
    else:
        _print_row(console, ("", section.title, *section.heads), ("", "bold", "dim", "dim", "dim"), widths, width)
        for row in section.rows:
            style = "yellow" if row.changed else ""
            cells = (MARK if row.changed else "", row.name, row.before, row.after, row.change)
            _print_row(console, cells, (f"bold {style}", *[style] * 4), widths, width)
        if section.note:
            note = Padding(Text(section.note, style="dim"), (0, 0, 0, 1 + _GAP))
            console.print(note, width=width, soft_wrap=False)
    console.print()


def _print_row(
    console: "Console", cells: Sequence[str], styles: Sequence[str], widths: Sequence[int], width: int
) -> None:
    """A row; a name that is too long for its column has a line of its own, and so has a long text at the end."""
    from rich.cells import cell_len
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    mark, name, before, after, change = (one_line(cell) for cell in cells)
    below = change if cell_len(change) > widths[3] and mark and not after else ""
    if cell_len(name) > widths[0]:
        line = Text(f"{mark:<{1 + _GAP}}", style=styles[0]).append(name, style=f"not bold {styles[1]}")
        console.print(line, width=width, soft_wrap=False)
        mark = name = ""
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), show_header=False)
    for wide in (1, *widths):
        table.add_column(width=wide, overflow="fold")
    shown = (mark, name, before, after, "" if below else change)
    table.add_row(*(Text(cell, style=style) for cell, style in zip(shown, styles, strict=True)))
    console.print(table, width=width, soft_wrap=False)
    if below:
        console.print(Padding(Text(below, style="dim"), (0, 0, 0, 1 + 2 * _GAP)), width=width, soft_wrap=False)


def _widths(rows: Sequence[Row], width: int | None) -> list[int]:
    """Widths of name, both values and the difference, the same in all sections, so that values stand in one line."""
    from rich.cells import cell_len

    plain = width is None
    cells = [(row.name, row.before, row.after, row.change if row.after or plain else "") for row in rows]
    wide = [max((cell_len(one_line(row[place])) for row in cells), default=0) for place in range(4)]
    if width is None:  # a line of a log is as long as it is
        return wide
    wide[0] = min(wide[0], _MOST_NAME)
    least = [min(each, most) for each, most in zip(wide, _LEAST, strict=True)]
    room = width - 1 - 4 * _GAP
    while sum(wide) > room and (free := [place for place in range(4) if wide[place] > least[place]]):
        wide[max(free, key=lambda place: wide[place] / _ENOUGH[place])] -= 1
    return wide
