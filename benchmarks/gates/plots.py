"""The cells as charts, in the look of reports."""

from collections.abc import Sequence

from markupsafe import Markup

from benchmarks.gates.outcomes import AT_MARGIN, EQUAL, Cell
from weighbridge.report.charts.intervals import Mark, interval_chart
from weighbridge.report.charts.series import Curve, series_chart
from weighbridge.report.charts.svg import standalone


def wrong(title: str, cells: Sequence[Cell]) -> Markup:
    """How often each rule is wrong on a stream: equals that do not pass, and what is at the margin that does.

    Args:
        title: what is shown.
        cells: of one stream.
    """
    by_rule: dict[str, dict[str, Cell]] = {}
    for cell in cells:
        by_rule.setdefault(cell.rule, {})[cell.truth] = cell
    rows = [
        (rule, _mark(found[EQUAL], found[EQUAL].verdicts - found[EQUAL].passed), _mark(found[AT_MARGIN], None))
        for rule, found in by_rule.items()
    ]
    labels = {"candidate": "equal, does not pass", "production": "at the margin, passes"}
    return standalone(interval_chart(title, rows, x_label="% of the verdicts, with 95 % intervals", labels=labels))


def _mark(cell: Cell, count: int | None) -> Mark:
    """A share in per cent, with Wilson's interval (Journal of the American Statistical Association 22, 1927)."""
    n, z = cell.verdicts, 1.96
    share = (cell.passed if count is None else count) / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * (share * (1 - share) / n + z * z / (4 * n * n)) ** 0.5
    return Mark(100 * share, 100 * max(middle - half, 0.0), 100 * min(middle + half, 1.0))


def passing(title: str, cells: Sequence[Cell], truths: Sequence[str]) -> Markup:
    """The share that passes over the rows.

    Args:
        title: what is shown.
        cells: of one stream, for several numbers of rows.
        truths: a line each, and rule.
    """
    lines: dict[str, list[tuple[str, float, float | None, float | None]]] = {}
    for cell in cells:
        if cell.truth in truths:
            rows = cell.stream.rpartition(", ")[2].removesuffix(" rows")
            mark = _mark(cell, None)
            lines.setdefault(f"{cell.rule}: {cell.truth}", []).append((rows, mark.value, mark.low, mark.high))
    curves = [Curve(name, points) for name, points in lines.items()]
    return standalone(series_chart(title, curves, x_label="rows", y_label="% that pass"))
