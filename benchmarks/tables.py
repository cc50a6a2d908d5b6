"""The results as Markdown, for the terminal and for RESULTS.md alike."""

import os
import platform
import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from benchmarks.measure import Cost, Measured

# Which of stock TFX's steps do the work of one of ours.
_SAME_WORK = {
    "ExampleGen": ("CsvExampleGen",),
    "DataValidator": ("StatisticsGen", "SchemaGen", "ExampleValidator"),
    "Trainer": ("Transform", "Trainer"),
    "Evaluator": ("Evaluator",),
    "Pusher": ("Pusher",),
}
_COUNTED = ("tfx", "tensorflow", "keras", "apache-beam", "tensorflow-model-analysis", "pyarrow")


@dataclass(frozen=True)
class Round:
    """Both sides once, on the same rows; stock is None where it was ended before it was done."""

    stock: Measured | None
    ours: Measured
    again: Measured


def machine() -> str:
    """What the numbers were measured on."""
    model = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "?"
    )
    memory = next((int(line.split()[1]) >> 20 for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), 0)
    libraries = ", ".join(f"{name} {metadata.version(name)}" for name in _COUNTED)
    return (
        "# Results\n\n"
        "Written by `make bench`: the taxi job by stock TFX components in their best local configuration and by"
        " Weighbridge, turn about, on the same rows, with the same network, training loop, metrics and slices, a model"
        " pushed by each. Ratios are stock / Weighbridge, the median with (least – most) of the rounds. CPU time is"
        " that of the whole process, imports included. Of stock TFX, Transform counts with Trainer, and StatisticsGen,"
        " SchemaGen and ExampleValidator stand beside DataValidator.\n\n"
        f"Machine: {model}, {os.cpu_count()} cores, {memory} GiB, {platform.platform()}."
        f" Python {platform.python_version()}, {libraries}."
    )


def size(rows: int, rounds: list[Round], limit_minutes: float) -> str:
    """Totals and steps of all rounds with `rows` rows."""
    compared = [(one.stock, one.ours) for one in rounds if one.stock is not None]
    lines = [f"## {rows:,} rows, {len(rounds)} round{'s' * (len(rounds) != 1)}", ""]
    if not compared:
        ended = f"was ended after {limit_minutes:g} minutes, not being done" if limit_minutes else "was not run"
        lines += [f"Stock TFX {ended}.", ""]
    lines += ["| | stock TFX | Weighbridge | ratio | nothing changed |", "| --- | ---: | ---: | ---: | ---: |"]
    for label, of, unit in _MEASURES:
        cells = [
            _median((of(stock.whole) for stock, _ in compared), unit),
            _median((of(one.ours.whole) for one in rounds), unit),
            _ratio([of(stock.whole) / of(ours.whole) for stock, ours in compared]),
            _median((of(one.again.whole) for one in rounds), unit),
        ]
        lines.append(f"| {label} | {' | '.join(cells)} |")
    aucs = [
        f"{statistics.median(side):.4f}" if side else "–"
        for side in ([stock.auc for stock, _ in compared], [one.ours.auc for one in rounds])
    ]
    lines += [f"| AUC | {' | '.join(aucs)} | | |", "", *_step_lines(rounds)]
    return "\n".join(lines)


def _step_lines(rounds: list[Round]) -> list[str]:
    lines = [
        "| step | stock CPU | wall | peak | Weighbridge CPU | wall | peak | CPU ratio |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, theirs in _SAME_WORK.items():
        ours = [one.ours.steps[name] for one in rounds]
        stock = [_sum(one.stock.steps[their] for their in theirs) for one in rounds if one.stock is not None]
        ratios = [their.cpu / our.cpu for their, our in zip(stock, ours, strict=False) if our.cpu >= 0.05]
        cells = [_median((of(cost) for cost in side), unit) for side in (stock, ours) for _, of, unit in _STEP_MEASURES]
        lines.append(f"| {name} | {' | '.join(cells)} | {_ratio(ratios)} |")
    return lines


_MEASURES: list[tuple[str, Callable[[Cost], float], str]] = [
    ("wall", lambda cost: cost.wall, "s"),
    ("CPU", lambda cost: cost.cpu, "s"),
    ("peak memory", lambda cost: cost.peak_mib, "MiB"),
]
_STEP_MEASURES = [_MEASURES[1], _MEASURES[0], _MEASURES[2]]


def _sum(costs: Iterable[Cost]) -> Cost:
    found = list(costs)
    return Cost(sum(c.wall for c in found), sum(c.cpu for c in found), max(c.peak_mib for c in found))


def _median(values: Iterable[float], unit: str) -> str:
    found = list(values)
    return f"{statistics.median(found):,.{0 if unit == 'MiB' else 1}f} {unit}" if found else "–"


def _ratio(ratios: list[float]) -> str:
    if not ratios:
        return "–"
    spread = f" ({min(ratios):.1f} – {max(ratios):.1f})" if len(ratios) > 1 else ""
    return f"**{statistics.median(ratios):.1f}x**{spread}"


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines() if Path(path).exists() else []
