"""The cells as tables in Markdown."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from benchmarks.gates.outcomes import AT_MARGIN, EQUAL, TWICE, WITHIN, Cell, percent
from benchmarks.gates.run import LADDER, fewest_rows

_TITLES = {
    "latency": "Latency: median at most 1.5 times, p99 at most twice production's",
    "quality": "Quality: at most so much less than production",
    "drift": "Drift: Jensen-Shannon divergence of at most 0.01",
}
_GOOD, _BAD = (EQUAL, WITHIN), (AT_MARGIN, "0.3 sd", TWICE)


SHORT = {
    "latency": ("quiet machine", "recorded: taxi model, busy machine", "one call in a hundred 20 times as slow"),
    "quality": ("made-up rows, AUC, 5,000 rows", "recorded: taxi, AUC of trips paid by card, 1,750 rows"),
    "drift": ("normal numbers, 5,000 rows", "30 categories, 500 rows", "1,000 categories, 5,000 rows"),
}
"""The streams of the short table, by kind of gate."""
HEAD = "## In short"


def short(weighed: Mapping[str, Sequence[Cell]]) -> str:
    """The rates of a few streams.

    Args:
        weighed: cells by kind of gate.
    """
    lines = [
        HEAD,
        "",
        "| gate | rule | equal, refused | equal, undecided | at the margin, passes | twice the margin, passes |"
        " calls or rows for an equal one |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for gate, streams in SHORT.items():
        for stream in streams:
            found = [cell for cell in weighed.get(gate, ()) if cell.stream == stream]
            for rule in dict.fromkeys(cell.rule for cell in found):
                by_truth = {cell.truth: cell for cell in found if cell.rule == rule}
                equal = by_truth[EQUAL]
                undecided = percent(equal.undecided, equal.verdicts) if equal.undecided else "0"
                wrong = [
                    percent(by_truth[truth].wrong, by_truth[truth].verdicts) for truth in (EQUAL, AT_MARGIN, TWICE)
                ]
                shown = [wrong[0], undecided, *wrong[1:], f"{equal.samples:,.0f}"]
                lines.append(f"| {gate}, {stream} | {rule} | {' | '.join(shown)} |")
    return "\n".join(lines)


def renewed(page: str, section: str) -> str:
    """A page with its section `In short` replaced.

    Raises:
        ValueError: it has none.
    """
    before, head, after = page.partition(f"{HEAD}\n")
    if not head:
        raise ValueError(f"the page has no section {HEAD.removeprefix('## ')!r}")
    return f"{before}{section}\n\n## {after.partition(f'{chr(10)}## ')[2]}"


def table(gate: str, cells: Sequence[Cell]) -> str:
    """What each rule answered on each stream of a kind of gate."""
    truths = [truth for truth in (*_GOOD, *_BAD) if any(cell.truth == truth for cell in cells)]
    heads = []
    for truth in truths:
        heads += [f"{truth}: refused", "undecided"] if truth in _GOOD else [f"{truth}: passed", "undecided"]
    lines = [
        f"## {_TITLES[gate]}",
        "",
        f"| stream | rule | verdicts on equals | {' | '.join(heads)} | {_samples(gate)} |",
        f"| --- | --- | ---: |{' ---: |' * (len(heads) + 1)}",
    ]
    for (stream, rule), found in groupby(cells, key=lambda cell: (cell.stream, cell.rule)):
        by_truth = {cell.truth: cell for cell in found}
        shown = [part for truth in truths for part in _shares(by_truth.get(truth))]
        equal = by_truth[EQUAL]
        lines.append(
            f"| {stream} | {rule} | {equal.verdicts:,} | {' | '.join(shown)} | {_taken(gate, by_truth.values())} |"
        )
    return "\n".join(lines)


def _shares(cell: Cell | None) -> list[str]:
    if cell is None:
        return ["", ""]
    undecided = percent(cell.undecided, cell.verdicts) if cell.undecided else "0"
    return [percent(cell.wrong, cell.verdicts), undecided]


def _samples(gate: str) -> str:
    return "calls of the candidate: equal … twice the margin" if gate == "latency" else "rows"


def _taken(gate: str, cells: Iterable[Cell]) -> str:
    taken = {cell.truth: f"{cell.samples:,.0f}" for cell in cells}
    return f"{taken[EQUAL]} … {taken[TWICE]}" if gate == "latency" else taken[EQUAL]


def ladder(cells: Sequence[Cell]) -> str:
    """The fewest rows with which each rule is right."""
    fewest = fewest_rows(cells)
    none = f"more than {LADDER[-1]:,}, or never"
    lines = [
        "## Rows to decide",
        "",
        "The fewest rows with which at least 95 % of the equals pass, and at least 95 % of what is twice the margin "
        f"does not, of {cells[0].verdicts:,} verdicts each.",
        "",
        "| stream | rule | rows |",
        "| --- | --- | ---: |",
    ]
    for (stream, rule), rows in fewest.items():
        lines.append(f"| {stream} | {rule} | {none if rows is None else f'{rows:,}'} |")
    return "\n".join(lines)
