"""`make bench`: the taxi job by stock TFX and by Weighbridge, turn about, as ratios.

python -m benchmarks [--rows 15002 --rows 150000] [--repeats 3] [--keep FOLDER] [--results FILE]
python -m benchmarks verify: what it costs to verify a model of 1 GiB, beside reading it once
python -m benchmarks serving: what the model server adds to a call of the model
python -m benchmarks load: our load generator beside MLPerf's LoadGen, see benchmarks/load
python -m benchmarks gates: how often gates are wrong, see benchmarks/gates
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markdown import Markdown

from benchmarks import measure, tables
from benchmarks.commands import startup_table
from benchmarks.data import write_trips
from benchmarks.gates.command import main as gates
from benchmarks.load.command import main as load
from benchmarks.measure import Measured
from benchmarks.serving import main as serving
from benchmarks.tables import Round
from benchmarks.verify import main as verify
from weighbridge.evidence.metrics import Metrics

SIZES = [15_002, 150_000, 750_000, 7_500_000]
_ONCE_FROM = 5_000_000  # rows; the hour that stock TFX takes is not spent three times


app = typer.Typer(add_completion=False)
app.command("gates")(gates)
app.command("load")(load)
app.command("verify")(verify)
app.command("serving")(serving)


@app.callback(invoke_without_command=True)
def main(
    context: typer.Context,
    rows: Annotated[list[int] | None, typer.Option(help="Sizes to run; repeatable.")] = None,
    repeats: Annotated[int, typer.Option(help="How often each is run, turn about; the largest once.")] = 3,
    stock_limit: Annotated[
        float, typer.Option(help="Minutes after which stock TFX is ended; 0 runs Weighbridge alone.")
    ] = 60,
    keep: Annotated[Path | None, typer.Option(help="Keep data and results here.")] = None,
    results: Annotated[Path | None, typer.Option(help="Write the tables to this Markdown file.")] = None,
) -> None:
    """Measure both, print ratios (stock / Weighbridge) with their spread, and the AUC of both beside."""
    if context.invoked_subcommand:
        return
    console = Console()
    texts = [tables.machine()]
    with tempfile.TemporaryDirectory() as scratch:
        folder = keep or Path(scratch)
        for count in rows or SIZES:
            rounds = []
            for repeat in range(1 if count >= _ONCE_FROM else repeats):
                console.print(f"[dim]{count:,} rows, round {repeat + 1}[/dim]")
                rounds.append(_round(folder / str(count), count, repeat, 60 * stock_limit, console))
            texts.append(tables.size(count, rounds, stock_limit))
            _show(texts, console, results)
        texts.append(startup_table(repeats))
        _show(texts, console, results)


def _show(texts: list[str], console: Console, results: Path | None) -> None:
    """Print the newest table; keep all in the file, since the next one may take an hour."""
    console.print(Markdown(texts[-1]))
    if results:
        results.write_text("\n\n".join(texts) + "\n")


def _round(folder: Path, count: int, repeat: int, limit_s: float, console: Console) -> Round:
    data = folder / "data/trips.csv"
    if not data.exists():
        write_trips(data, count)
    own = folder / f"weighbridge-{repeat}"
    console.print("[dim]  stock TFX …[/dim]")
    stock = _stock(data, folder / f"stock-{repeat}", limit_s)
    console.print("[dim]  Weighbridge, and once more with nothing changed …[/dim]")
    return Round(stock, _weighbridge(data, own), _weighbridge(data, own, steps=False))


def _stock(data: Path, root: Path, limit_s: float) -> Measured | None:
    command = [sys.executable, "-m", "benchmarks.stock", str(data.parent), str(root)]
    measured = measure.run(command, root, limit_s) if limit_s else None
    if measured is None:
        return None
    result = json.loads((root / "result.json").read_text())
    if not result["pushed"]:
        raise SystemExit(f"stock TFX pushed nothing; see {root}/log.txt")
    measured.auc = result["auc"]
    measured.add_steps(root / "metadata.sqlite")
    return measured


def _weighbridge(data: Path, root: Path, *, steps: bool = True) -> Measured:
    arguments = ["-m", "weighbridge", "run", "taxi", "--data", str(data), "--workdir", str(root)]
    measured = measure.run([sys.executable, *arguments], root)
    assert measured is not None
    record = json.loads(max((root / "taxi/runs").glob("*/run.json")).read_text())
    if record["state"] != "passed":
        raise SystemExit(f"Weighbridge ended {record['state']}; see {root}/log.txt")
    evaluation = next(artifact["uri"] for artifact in record["artifacts"] if artifact["key"] == "evaluation")
    overall = Metrics.require(evaluation).overall()
    measured.auc = next(found for metric in overall if metric.name == "auc" and (found := metric.value) is not None)
    if steps:
        measured.add_steps(root / "taxi/metadata.sqlite")
    return measured


if __name__ == "__main__":
    app()
