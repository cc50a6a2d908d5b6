"""`weighbridge ci`: what a CI server asks, as JSON."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from weighbridge.cli.options import WORKDIR, DestinationsOption, PipelineArgument, WorkdirOption
from weighbridge.cli.output import EXIT_CODES, print_json

app = typer.Typer(help="What a CI server asks: what commits touched, what waits for delivery.", no_args_is_help=True)


@app.command("changes", epilog=EXIT_CODES)
def _changes(
    base: Annotated[str, typer.Option(metavar="REF", help="Compare with this; else what the CI server names.")] = "",
) -> None:
    """What the commits since REF touched, and which tests that asks for."""
    from weighbridge.ci.changes import base_of, changes

    print_json(changes(Path.cwd(), base or base_of(os.environ)).model_dump(mode="json"))


@app.command("pending", epilog=EXIT_CODES)
def _pending(
    pipeline: PipelineArgument,
    source: Annotated[str, typer.Option("--from", metavar="STAGE", help="Stage whose model is delivered.")] = "staging",
    destinations: DestinationsOption = "",
    workdir: WorkdirOption = WORKDIR,
) -> None:
    """The stages that the model of STAGE has yet to reach."""
    from weighbridge.ci.pending import pending

    print_json(pending(pipeline, source, workdir, destinations))


@app.command("summary", epilog=EXIT_CODES)
def _summary(folder: Annotated[Path, typer.Argument(help="Where --reports put the reports.")]) -> None:
    """All verdicts of a build as one Markdown text."""
    from weighbridge.ci.summary import summary

    sys.stdout.write(summary(folder))
