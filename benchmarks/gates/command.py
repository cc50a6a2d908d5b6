"""`python -m benchmarks gates`: runs GateBench, and writes its tables and charts."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.gates import plots, tables
from benchmarks.gates.kept import Asked, Kept
from benchmarks.gates.outcomes import EQUAL, TWICE, Cell
from benchmarks.gates.run import GATES

FOLDER = Path(__file__).parent
_CHARTED = {
    "latency": ("recorded: taxi model, busy machine", "Latency, recorded calls of the taxi model"),
    "quality": ("recorded: taxi, AUC, 5,000 rows", "Quality, AUC of taxi models on 5,000 rows"),
    "drift": ("1,000 categories, 5,000 rows", "Drift, 1,000 categories, 5,000 rows"),
}
_CLIMBED = {
    "quality": ("made-up rows, AUC", "Quality: AUC may fall by 0.01"),
    "drift": ("30 categories", "Drift: 30 categories"),
}
_ABOUT = """# GateBench: results

Written by `python -m benchmarks gates`; below each table stands the command that gave it. [docs/gates.md](../../docs/gates.md)
says what is weighed, by which rules, and what to make of it. ± is the binomial standard error; where nothing, or everything,
was counted, the bound that this leaves with 95 % confidence. Undecided refuses the model for now, and says nothing of it.
"""  # noqa: E501
Verdicts = Annotated[int, typer.Option(help="Verdicts on equal models or data, of each rule and kind of gate.")]
Worse = Annotated[int, typer.Option(help="The same of models and data that differ, of each difference.")]
Steps = Annotated[int, typer.Option(help="Verdicts of each cell that tells how many rows decide; 0 for none.")]
Keeping = typer.Option(help="Keep the counts in this JSON file; what it holds is not weighed again.")


def main(
    equal: Verdicts = 10_000,
    worse: Worse = 1000,
    steps: Steps = 400,
    gate: Annotated[list[str] | None, typer.Option(help=f"Kinds of gates: {', '.join(GATES)}; repeatable.")] = None,
    seed: Annotated[int, typer.Option(help="Another one draws other samples.")] = 0,
    jobs: Annotated[int, typer.Option(help="Processes at once.")] = 1,
    results: Annotated[Path | None, typer.Option(help="Write the tables to this Markdown file.")] = None,
    charts: Annotated[Path | None, typer.Option(help="Write the charts into this folder.")] = None,
    page: Annotated[Path | None, typer.Option(help="Renew the section `In short` of this Markdown file.")] = None,
    keep: Annotated[Path | None, Keeping] = None,
) -> None:
    """How often gates are wrong: ours and others', on streams whose truth is known."""
    console = Console()
    kinds = [kind for kind in GATES if kind in (gate or GATES)]
    if unknown := set(gate or ()) - set(GATES):
        raise typer.BadParameter(f"{', '.join(sorted(unknown))} is no kind of gate; allowed: {', '.join(GATES)}")
    kept = Kept.read(keep)
    for kind in kinds:
        kept.weigh(console, kind, Asked(equal, worse, steps, seed), jobs)
    weighed = kept.weighed()
    texts = [tables.short(weighed)]
    for kind in GATES:
        if kind in weighed:
            texts += [tables.table(kind, weighed[kind]), f"`{kept.asked(kind).command(kind)}`"]
    if climbed := [cell for kind in GATES for cell in weighed.get(f"{kind} by rows", ())]:
        texts.append(tables.ladder(climbed))
    for text in texts:
        console.print(text, markup=False, highlight=False, soft_wrap=True)
    if results:
        results.write_text("\n\n".join([_ABOUT.strip(), *texts]) + "\n")
    if page:
        page.write_text(tables.renewed(page.read_text(), texts[0]))
    if charts:
        _draw(charts, weighed)


def _draw(folder: Path, weighed: dict[str, list[Cell]]) -> None:
    for kind, (stream, title) in _CHARTED.items():
        cells = [cell for cell in weighed.get(kind, ()) if cell.stream == stream]
        if cells:
            _write(folder / f"gates-{kind}.svg", plots.wrong(title, cells))
    for kind, (stream, title) in _CLIMBED.items():
        cells = [cell for cell in weighed.get(f"{kind} by rows", ()) if cell.stream.startswith(f"{stream}, ")]
        if cells:
            _write(folder / f"gates-{kind}-rows.svg", plots.passing(title, _first_rules(cells), (EQUAL, TWICE)))


def _first_rules(cells: Sequence[Cell]) -> list[Cell]:
    """Of the first three rules: more lines than six cannot be told apart."""
    rules = list(dict.fromkeys(cell.rule for cell in cells))[:3]
    return [cell for cell in cells if cell.rule in rules]


def _write(path: Path, chart: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(chart)
