"""`python -m pipelines.ci`: JSON for the CI server; exit codes as everywhere."""

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from components.common.errors import WeighbridgeError
from pipelines.cli.options import WORKDIR, PipelineArgument, PlacesOption, WorkdirOption

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, no_args_is_help=True)


@app.command("changes")
def _changes(
    base: Annotated[str, typer.Option(metavar="REF", help="Compare with this; else what the CI server names.")] = "",
) -> None:
    """What the commits since REF touched, and which tests that asks for."""
    from pipelines.ci.changes import base_of, changes

    typer.echo(changes(Path.cwd(), base or base_of(os.environ)).model_dump_json())


@app.command("pending")
def _pending(
    pipeline: PipelineArgument,
    source: Annotated[str, typer.Option("--from", metavar="STAGE", help="Stage whose model is delivered.")] = "staging",
    places: PlacesOption = "",
    workdir: WorkdirOption = WORKDIR,
) -> None:
    """The stages that the model of STAGE has yet to reach."""
    from pipelines.ci.pending import pending

    typer.echo(json.dumps(pending(pipeline, source, workdir, places)))


@app.command("summary")
def _summary(folder: Annotated[Path, typer.Argument(help="Where --reports put the reports.")]) -> None:
    """All verdicts of a build as one Markdown text."""
    from pipelines.ci.summary import summary

    sys.stdout.write(summary(folder))


if __name__ == "__main__":
    try:
        app()
    except WeighbridgeError as error:
        typer.secho(f"error: {error.message}", fg="red", err=True)
        if error.hint:
            typer.echo(f"       {error.hint}", err=True)
        sys.exit(int(error.exit_code))
