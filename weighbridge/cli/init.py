"""`weighbridge init`: a package of one's own from a file of data."""

import time
from typing import Annotated

import typer

from weighbridge.cli.options import JsonOption

STARTS = ("tabular", "recommender", "bare")


def init(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the package, as Python imports it.")],
    data: Annotated[
        str,
        typer.Option("--data", metavar="F", help="CSV, Parquet, ORC or TFRecord: a file, folder, glob or pattern."),
    ] = "",
    label: Annotated[
        str | None, typer.Option("--label", metavar="L", help="Column that the model is to tell; else guessed.")
    ] = None,
    start: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="tabular|recommender|bare",
            help="tabular tells a label by the other columns; recommender takes order lines; bare is tabular with "
            "components wired by hand and the smallest model.",
        ),
    ] = "tabular",
    columns: Annotated[
        list[str] | None,
        typer.Option(
            "--column", metavar="YOURS=NAME", help="Of order lines: which column is e.g. the CustomerID; repeatable."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write a package of your own: pipeline, model, gates, schema, a test, a Jenkinsfile, a README.

    The columns of --data are looked at, the model is trained and weighed once, and thresholds are proposed from what
    that run observed, each marked for review. Without --data it begins with 569 real rows of its own. Nothing that is
    there is overwritten.
    """
    from pathlib import Path

    from weighbridge.cli.display import ConsoleDisplay, console
    from weighbridge.cli.output import print_json
    from weighbridge.common.errors import UsageError
    from weighbridge.init.make import Request, make

    if start not in STARTS:
        raise UsageError(f"--from {start}: there is no such start", f"Allowed: {', '.join(STARTS)}.")
    if columns and start != "recommender":
        raise UsageError("--column names columns of order lines", "Add --from recommender, or leave it out.")
    if label is not None and start == "recommender":
        raise UsageError("--label: a recommender has none, it learns from order lines", "Leave it out.")
    out = console()
    out.quiet = as_json
    began = time.monotonic()
    made = make(
        Request(name, data, label, start, _mapping(columns or []), Path()),
        lambda line: out.print(line, markup=False),
        lambda terminal: ConsoleDisplay(terminal, silent=as_json),
    )
    if as_json:
        written = {"folder": str(made.folder), "files": list(made.files), "thresholds_to_review": made.gates}
        print_json(written | made.start.facts())
        return
    out.print(f"Wrote {made.folder} in {time.monotonic() - began:.0f} s: {', '.join(made.files)}", markup=False)
    out.print(f"Review {made.gates} thresholds in {name}/gates.yaml, and {name}/schema.pbtxt. Then:", markup=False)
    for command in (f"weighbridge run {name}", f"python -m pytest {name}"):
        out.print(f"  {command}", markup=False)


def _mapping(columns: list[str]) -> dict[str, str]:
    """Name here by the name in the data, of `YOURS=NAME`.

    Raises:
        UsageError: an option has no `=`.
    """
    from weighbridge.common.errors import UsageError

    found = {}
    for each in columns:
        old, separator, new = each.rpartition("=")
        if not separator or not old:
            raise UsageError(f"--column {each!r} names no two columns", "Write --column YOURS=NAME.")
        found[old] = new
    return found
