"""`weighbridge trend`: a pipeline's runs side by side, as a page."""

from pathlib import Path
from typing import Annotated

import typer

from weighbridge.cli.options import WORKDIR, JsonOption, PipelineArgument, StoreOption, WorkdirOption
from weighbridge.cli.output import print_json, print_line


def trend(
    pipeline: PipelineArgument,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="The page; else trend.html beside the pipeline's runs."),
    ] = None,
    last: Annotated[int, typer.Option("--last", min=1, max=500, help="Show so many runs at most.")] = 50,
    rehearsals: Annotated[bool, typer.Option("--rehearsals", help="Show the rehearsals instead.")] = False,
    workdir: WorkdirOption = WORKDIR,
    store: StoreOption = "",
    as_json: JsonOption = False,
) -> None:
    """Write a page of PIPELINE's runs over time: verdicts, key metrics, latency, what refuses most, how long they took.

    Whole runs alone: neither those that ended early on request, nor promotions, nor rehearsals.
    """
    from weighbridge.common.errors import UsageError
    from weighbridge.definition import load
    from weighbridge.report.trend import as_document
    from weighbridge.runs.store import RunStore
    from weighbridge.runs.trend import TREND_FILE, write_trend
    from weighbridge.runs.workspace import Workspace

    workspace = Workspace(workdir, load(pipeline).name, rehearsal=rehearsals)
    if store:
        RunStore(store, workspace.pipeline, workdir).bring()
    page = output or workspace.folder / TREND_FILE
    try:
        found = write_trend(workspace, page, last)
    except OSError as error:
        raise UsageError(f"{page} cannot be written: {error.strerror}", "Choose another file with --output.") from error
    if as_json:
        print_json({"page": str(page)} | as_document(found))
    else:
        print_line(str(page))
