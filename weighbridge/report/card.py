"""The verdict card: what a person sees at the end of a run, at a glance.

On a terminal it fits the window and has colours; elsewhere it is plain lines, one per gate, that can be searched.
"""

from collections.abc import Iterator
from itertools import zip_longest
from typing import TYPE_CHECKING

from weighbridge.components.artifacts.models import LOOKED_UP_AT
from weighbridge.report.gate_groups import MARKS, GateGroup, Line, State, counts_text, group_gates, word_of
from weighbridge.report.text import count, cut, one_line, short_digest
from weighbridge.report.worth import worth_text

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from weighbridge.evidence.delivered import Delivered
    from weighbridge.verdict import Verdict

_STYLES: dict[State, str] = {"refused": "bold red", "warning": "yellow", "passed": "green", "not_compared": "dim"}
_MOST_COLUMNS = 120
_VALUE_COLUMNS = 24
_NAMED = 3
_LEAST_NAME = 24
_LEAST_VALUE = len("production")
# The mark, and the blanks between the columns.
_GAPS = 8
# For terminals and logs that have no more than ASCII.
_ASCII = str.maketrans(
    {"✗": "x", "✓": "+", "≥": ">=", "≤": "<=", "–": "-", "…": "..", "·": "|", "─": "-", "×": "x", "○": "o"}
)


def print_card(console: "Console", verdict: "Verdict", delivered: "Delivered | None" = None) -> None:
    """Print the verdict card.

    Args:
        console: where to; its width and whether it is a terminal decide the layout.
        verdict: what to show.
        delivered: where the model went; None where that is not known.
    """
    width = min(console.width, _MOST_COLUMNS) if console.is_terminal else None
    for line in _card(verdict, delivered, width):
        line.rstrip()
        if console.options.ascii_only:
            line.plain = line.plain.translate(_ASCII).encode("ascii", "replace").decode()
        # Lines are cut to the window here; the console must not wrap them again, in a window or in a log.
        console.print(line, soft_wrap=True, highlight=False)


def _card(verdict: "Verdict", delivered: "Delivered | None", width: int | None) -> Iterator["Text"]:
    grouped = group_gates(verdict.gates)
    state: State = verdict.outcome
    if width:
        yield _text("─" * width, _STYLES[state])
    yield from _headline(verdict, state, width)
    if worth := worth_text(verdict):
        yield from _wrapped(worth, "dim", 2, width)
    yield _text("")
    columns = _columns(grouped, width)
    for group in grouped:
        yield from _group(group, columns, width)
        yield _text("")
    bound = {"verdict": verdict.digest, **dict(sorted(verdict.subject.items()))}
    bound.pop(LOOKED_UP_AT, None)  # a place is no digest
    digests = ", ".join(f"{name} {short_digest(value)}" for name, value in bound.items())
    yield from _wrapped(f"weighed: {digests}", "dim", 0, width)
    yield from _model(verdict, delivered, width)
    # A long card scrolls its headline out of the window; what counts is said again where the eye is.
    yield from _wrapped(_closing(verdict), f"bold {_STYLES[state]}", 0, width)
    if width:
        yield _text("─" * width, _STYLES[state])


def _headline(verdict: "Verdict", state: State, width: int | None) -> Iterator["Text"]:
    """`✓ PASSED  taxi · 33 gates weighed, 19 had nothing to compare with · run …`; goes on below where that is long."""
    line = _text(f"{MARKS[state]} {verdict.outcome.upper()}", f"bold {_STYLES[state]}")
    line.append(f"  {one_line(verdict.pipeline)}", style="bold")
    warnings = count(len(verdict.warnings), "warning") if verdict.warnings else ""
    parts = ((counts_text(verdict), ""), (warnings, _STYLES["warning"]), (f"run {one_line(verdict.run_id)}", "dim"))
    for part, style in parts:
        if part and width and line.cell_len + len(f" · {part}") > width:
            yield line
            line = _text(f"  {part}", style)
        elif part:
            line.append(f" · {part}", style=style)
    yield line


def _model(verdict: "Verdict", delivered: "Delivered | None", width: int | None) -> Iterator["Text"]:
    """`model: version 3 in /models/production`; an address that does not fit has a line of its own, whole."""
    if delivered is None:
        return
    words, address = delivered.told(passed=verdict.passed)
    line = _text(f"model: {one_line(f'{words} {address}')}")
    if width is None or line.cell_len <= width or not address:
        yield line
    else:
        yield _text(f"model: {words}")
        yield _text(one_line(address))


def _closing(verdict: "Verdict") -> str:
    if verdict.passed:
        return f"{MARKS['passed']} PASSED {verdict.pipeline} · {counts_text(verdict)}"
    names = [gate.name if gate.status == "refused" else f"{gate.name} ({word_of(gate)})" for gate in verdict.refusals]
    if not names:
        return f"{MARKS['refused']} REFUSED {verdict.pipeline} · {counts_text(verdict)}"
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{MARKS['refused']} REFUSED by {', '.join(names[:_NAMED])}{more}"


def _group(group: GateGroup, columns: list[int], width: int | None) -> Iterator["Text"]:
    head = _row("", [cut(one_line(group.name), columns[0]), "observed", "allowed", "production"], columns, "dim")
    head.stylize("not dim bold", 0, columns[0] + 2)
    yield head
    for each in group.lines:
        yield _row(each.mark, _cells(each, columns), columns, "", _STYLES[each.state], bold=each.state == "refused")
        if each.state in ("refused", "warning"):
            yield from _wrapped(each.message, _STYLES[each.state].removeprefix("bold "), 4, width)
            yield from _certainty(each, width)
    if group.more:
        yield _text(group.more, "dim")


def _certainty(line: Line, width: int | None) -> Iterator["Text"]:
    """`Interval -0.074 to -0.0301. Refuses 12% of equal models, passes 5% of those at the threshold.`.

    The message of what is undecided has the interval already, and says what would decide it.
    """
    undecided = line.gates[0].status == "inconclusive"
    interval = f"Interval {line.interval}." if line.interval and not undecided else ""
    only_warns = "Undecided, which only warns here." if undecided and line.state == "warning" else ""
    if told := " ".join(filter(None, (only_warns, interval, line.rates))):
        yield from _wrapped(told, "dim", 4, width)


def _cells(line: Line, columns: list[int] | None = None) -> list[str]:
    """Name and values of a line, cut to the columns; the number of gates is never cut off."""
    name, *values = map(one_line, (line.name, line.observed, line.allowed, line.production))
    many = f" ({len(line.gates)} gates)" if len(line.gates) > 1 else ""
    if columns is None:
        return [name + many, *values]
    values = [cut(value, wide) for value, wide in zip(values, columns[1:], strict=True)]
    return [cut(name, columns[0] - len(many)) + many, *values]


def _columns(grouped: list[GateGroup], width: int | None) -> list[int]:
    """Widths of the name and the three values; where the window is narrow first the name gives way, then values."""
    from rich.cells import cell_len

    cells = [_cells(line) for group in grouped for line in group.lines]
    widest = [max((cell_len(cell) for cell in column), default=0) for column in zip_longest(*cells, fillvalue="")]
    name, *values = widest or [0, 0, 0, 0]
    most = _VALUE_COLUMNS
    while width and sum(min(value, most) for value in values) > width - _GAPS - _LEAST_NAME and most > _LEAST_VALUE:
        most -= 1
    values = [max(min(value, most), _LEAST_VALUE) for value in values]
    return [min(name, width - _GAPS - sum(values)) if width else name, *values]


def _row(
    mark: str, cells: list[str], columns: list[int], style: str, mark_style: str = "", bold: bool = False
) -> "Text":
    from rich.cells import cell_len

    line = _text(f"{mark:<2}", mark_style)
    line.append(cells[0] + " " * (columns[0] - cell_len(cells[0])), style="bold" if bold else style)
    for cell, columns_wide in zip(cells[1:], columns[1:], strict=True):
        line.append("  " + " " * (columns_wide - cell_len(cell)) + cell, style=style)
    return line


def _wrapped(content: str, style: str, indent: int, width: int | None) -> Iterator["Text"]:
    import textwrap

    line = one_line(content)
    blank = " " * indent
    if width is None:
        yield _text(blank + line, style)
        return
    for part in textwrap.wrap(line, max(width, 40), initial_indent=blank, subsequent_indent=blank):
        yield _text(part, style)


def _text(content: str, style: str = "") -> "Text":
    from rich.text import Text

    return Text(content, style=style, no_wrap=True, end="")
