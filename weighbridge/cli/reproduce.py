"""`weighbridge reproduce`: a pushed model made again, and compared bit for bit."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from weighbridge.cli.options import WORKDIR, JsonOption, WorkdirOption
from weighbridge.cli.output import print_json, print_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weighbridge.reproduce.result import MetricComparison, Reproduction, VariableComparison

_MOST_ROWS = 20


def reproduce(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="A version's folder, a destination or `destination@3`, a pipeline's name, or a digest.",
        ),
    ],
    data: Annotated[
        str, typer.Option("--data", metavar="PLACE", help="Where its data are now: a folder, file or pattern.")
    ] = "",
    keep: Annotated[
        str, typer.Option("--keep", metavar="FOLDER", help="Keep the model that was made again, and its log, there.")
    ] = "",
    as_installed: Annotated[
        bool, typer.Option("--as-installed", help="Take the libraries that are installed, whatever their versions.")
    ] = False,
    workdir: WorkdirOption = WORKDIR,
    as_json: JsonOption = False,
) -> None:
    """Make MODEL again from its data, code, libraries and seed, and compare it with what was pushed, bit for bit.

    The data are verified by digest first. The code is taken as it is here where that is the recorded commit, else that
    is checked out beside it; libraries of other versions are installed into an environment of their own. Your files,
    your production and your runs stay as they are.

    The exit code is 0 where every byte is the same, 1 where the two differ, and then a table says where, by how much,
    and whether the metrics stay within their intervals; 2 where data or code are missing, and nothing was started.
    """
    from weighbridge.cli.display import console
    from weighbridge.common import progress
    from weighbridge.reproduce.reproduce import reproduce as make_again
    from weighbridge.runs.models import find_model

    out = console()
    out.quiet = as_json
    found = find_model(model, _destinations(workdir))
    with out.status("looking for what made the model") as status, progress.listening(status.update):
        result = make_again(
            found,
            other_data=data,
            as_installed=as_installed,
            keep=keep,
            told=lambda line: out.print(line, markup=False),
        )
    if as_json:
        print_json(_document(result))
    else:
        _print(result)
    raise typer.Exit(int(result.exit_code))


def _document(result: "Reproduction") -> dict[str, Any]:
    return result.model_dump(mode="json") | {
        "state": result.state,
        "identical": result.identical,
        "within_intervals": result.within_intervals,
        "exit_code": int(result.exit_code),
    }


def _destinations(workdir: str) -> list[str]:
    """Where the pipelines of a work directory push to."""
    from pathlib import Path

    return sorted(map(str, Path(workdir).absolute().glob("*/production")))


def _print(result: "Reproduction") -> None:
    from rich.markup import escape

    from weighbridge.cli.display import console

    out = console()
    for note in result.notes:
        out.print(f"note: {escape(note)}")
    if result.identical:
        out.print(f"[green]✓ IDENTICAL[/] {escape(result.model)} · made again bit for bit in {result.seconds:.0f} s")
        _print_files(result)
    else:
        _print_differences(result)
    if result.folder:
        out.print(f"kept: {result.folder}", markup=False)


def _print_differences(result: "Reproduction") -> None:
    from rich.markup import escape

    from weighbridge.cli.display import console

    out = console()
    said = {
        "same_weights": "every variable and constant is the same; only what is written around them differs",
        "within_intervals": "every metric stays within its interval",
        "beyond_intervals": "a metric leaves its interval",
        "different": "no metric with an interval was measured of both",
    }[result.state]
    out.print(f"[red]✗ NOT IDENTICAL[/] {escape(result.model)} · {said}")
    _print_files(result)
    if result.variables is None:
        out.print("Its files are not TensorFlow's: where they differ cannot be told.")
    elif result.variables:
        _print_variables(result.variables)
    if result.metrics:
        _print_metrics(result.metrics)


def _print_files(result: "Reproduction") -> None:
    _table(
        ("", "file", "pushed", "made again"),
        [("=" if file.same else "≠", file.path, _short(file.pushed), _short(file.made_again)) for file in result.files],
    )


def _print_variables(variables: "tuple[VariableComparison, ...]") -> None:
    rows = [
        (
            each.name,
            "×".join(map(str, each.shape)) or "1" if each.shape is not None else "–",
            "–" if each.values is None else f"{each.values:,}",
            "–" if each.largest is None else f"{each.largest:.3g}",
            each.what or ("–" if each.relative is None else f"{each.relative:.3g}"),
        )
        for each in variables[:_MOST_ROWS]
    ]
    _table(("variable", "shape", "values that differ", "by at most", "relative"), rows)
    if (left := len(variables) - _MOST_ROWS) > 0:
        print_line(f"{left} more variables differ: --json lists all.")


def _print_metrics(metrics: "tuple[MetricComparison, ...]") -> None:
    rows = [
        (
            "✓" if each.inside else "✗",
            each.gate,
            f"{each.pushed:.4g}",
            f"{_end(each.low)} to {_end(each.high)}",
            _end(each.made_again),
        )
        for each in metrics
    ]
    _table(("", "metric", "pushed", "interval", "made again"), rows)


def _table(heads: tuple[str, ...], rows: "Sequence[tuple[str, ...]]") -> None:
    from rich.table import Table
    from rich.text import Text

    from weighbridge.cli.display import console

    table = Table(*heads, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*map(Text, row))
    console().print(table)


def _end(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def _short(digest: str) -> str:
    return digest.removeprefix("sha256:")[:12] or "not there"
