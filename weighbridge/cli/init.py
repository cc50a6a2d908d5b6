"""`weighbridge init`: a package of one's own from a file of data."""

import time
from typing import Annotated

import typer

from weighbridge.cli.options import JsonOption


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
        typer.Option("--from", metavar="tabular|bare", help="bare: components wired by hand, the smallest model."),
    ] = "tabular",
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

    if start not in ("tabular", "bare"):
        raise UsageError(f"--from {start} is not a start", "Allowed: tabular, bare.")
    out = console()
    out.quiet = as_json
    began = time.monotonic()
    made = make(
        Request(name, data, label, start, Path()),
        lambda line: out.print(line, markup=False),
        lambda terminal: ConsoleDisplay(terminal, silent=as_json),
    )
    if as_json:
        target = made.plan.target
        print_json(
            {
                "folder": str(made.folder),
                "files": list(made.files),
                "label": target.column,
                "task": target.task,
                "features": list(made.plan.features),
                "left_out": {each.name: each.reason for each in made.plan.left_out},
                "thresholds_to_review": made.gates,
            }
        )
        return
    out.print(f"Wrote {made.folder} in {time.monotonic() - began:.0f} s: {', '.join(made.files)}", markup=False)
    out.print(f"Review {made.gates} thresholds in {name}/gates.yaml, and {name}/schema.pbtxt. Then:", markup=False)
    for command in (f"weighbridge run {name}", f"python -m pytest {name}"):
        out.print(f"  {command}", markup=False)
