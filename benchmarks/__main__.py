"""`make bench`: the taxi job by stock TFX and by Weighbridge, turn about, as ratios.

python -m benchmarks [--rows 15002 --rows 150000] [--repeats 1] [--keep FOLDER]
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.data import write_trips


@dataclass(frozen=True)
class Measured:
    """One job: wall and CPU seconds of the whole process with its children, peak memory in MiB, and its outcome."""

    wall: float
    cpu: float
    peak_mib: float
    auc: float
    steps: dict[str, float]


def main(
    rows: Annotated[list[int] | None, typer.Option(help="Sizes to run; repeatable.")] = None,
    repeats: Annotated[int, typer.Option(help="How often each is run, turn about.")] = 1,
    keep: Annotated[Path | None, typer.Option(help="Keep data and results here.")] = None,
) -> None:
    """Measure both, print ratios (stock / Weighbridge) with their spread, and the AUC of both beside."""
    console = Console()
    with tempfile.TemporaryDirectory() as scratch:
        folder = keep or Path(scratch)
        for count in rows or [15_002]:
            data = write_trips(folder / f"{count}/data/trips.csv", count)
            pairs = []
            for repeat in range(repeats):
                console.print(f"{count:,} rows, run {repeat + 1} of {repeats}: stock TFX …")
                stock = _stock(data, folder / f"{count}/stock-{repeat}")
                console.print(f"{count:,} rows, run {repeat + 1} of {repeats}: Weighbridge …")
                ours = _weighbridge(data, folder / f"{count}/weighbridge-{repeat}")
                again = _weighbridge(data, folder / f"{count}/weighbridge-{repeat}")
                pairs.append((stock, ours, again))
            console.print(_totals(count, pairs))
            console.print(_steps(pairs[-1]))


def _stock(data: Path, root: Path) -> Measured:
    wall, cpu, peak = _run([sys.executable, "-m", "benchmarks.stock", str(data.parent), str(root)], root)
    result = json.loads((root / "result.json").read_text())
    if not result["pushed"]:
        raise SystemExit(f"stock TFX pushed nothing; see {root}/log.txt")
    return Measured(wall, cpu, peak, result["auc"], result["steps"])


def _weighbridge(data: Path, root: Path) -> Measured:
    arguments = ["-m", "pipelines.cli.main", "run", "taxi", "--data", str(data), "--workdir", str(root)]
    wall, cpu, peak = _run([sys.executable, *arguments], root)
    record = json.loads(max((root / "taxi/runs").glob("*/run.json")).read_text())
    if record["state"] != "passed":
        raise SystemExit(f"Weighbridge ended {record['state']}; see {root}/log.txt")
    evaluation = next(artifact["uri"] for artifact in record["artifacts"] if artifact["key"] == "evaluation")
    metrics: list[dict[str, Any]] = json.loads(Path(evaluation, "metrics.json").read_text())["metrics"]
    auc = next(metric["value"] for metric in metrics if (metric["name"], metric["slice"]) == ("auc", ""))
    return Measured(wall, cpu, peak, auc, {step["name"]: step["seconds"] for step in record["steps"]})


def _run(command: list[str], root: Path) -> tuple[float, float, float]:
    """Run a command; its output goes to `root/log.txt`."""
    import time

    root.mkdir(parents=True, exist_ok=True)
    with (root / "log.txt").open("a") as log:
        began = time.monotonic()
        process = subprocess.Popen(command, stdout=log, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}; see {root}/log.txt")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def _totals(rows: int, pairs: list[tuple[Measured, Measured, Measured]]) -> Table:
    table = Table("", "stock TFX", "Weighbridge", "stock / Weighbridge", "unchanged again", title=f"{rows:,} rows")
    for label, attribute, unit in (("wall", "wall", "s"), ("CPU", "cpu", "s"), ("peak memory", "peak_mib", "MiB")):
        values = [[getattr(measured, attribute) for measured in pair] for pair in pairs]
        ratios = [stock / ours for stock, ours, _ in values]
        spread = f" ({min(ratios):.1f}–{max(ratios):.1f})" if len(ratios) > 1 else ""
        middle = [statistics.median(column) for column in zip(*values, strict=True)]
        table.add_row(
            label,
            f"{middle[0]:,.1f} {unit}",
            f"{middle[1]:,.1f} {unit}",
            f"{statistics.median(ratios):.1f}x{spread}",
            f"{middle[2]:,.1f} {unit}",
        )
    stock, ours, _ = pairs[-1]
    table.add_row("AUC", f"{stock.auc:.4f}", f"{ours.auc:.4f}", "", "")
    return table


def _steps(pair: tuple[Measured, Measured, Measured]) -> Table:
    stock, ours, _ = pair
    table = Table("step", "stock TFX, wall s", "Weighbridge, wall s")
    for name in dict.fromkeys([*stock.steps, *ours.steps]):
        cells = (f"{side.steps[name]:.1f}" if name in side.steps else "–" for side in (stock, ours))
        table.add_row(name, *cells)
    return table


if __name__ == "__main__":
    typer.run(main)
