"""`weighbridge run`: the whole pipeline here, a line per step, then the verdict card."""

import sys
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from weighbridge.cli.options import (
    WORKDIR,
    DataOption,
    DeliverOption,
    DestinationsOption,
    ForceOption,
    JsonOption,
    PipelineArgument,
    ReportsOption,
    SampleOption,
    SetOption,
    ToOption,
    WorkdirOption,
)

if TYPE_CHECKING:
    from weighbridge.local.run import Display, RunOutcome

VerboseOption = Annotated[bool, typer.Option("--verbose", "-v", help="Show what the libraries print, too.")]


def run(
    pipeline: PipelineArgument,
    data: DataOption = None,
    settings: SetOption = None,
    workdir: WorkdirOption = WORKDIR,
    to: ToOption = "",
    sample: SampleOption = 1.0,
    deliver_to: DeliverOption = "",
    destinations: DestinationsOption = "",
    reports: ReportsOption = "",
    verbose: VerboseOption = False,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Run PIPELINE on this machine and weigh its model.

    Steps whose inputs did not change are taken from the cache. Exit code: 0 passed, 1 a gate refused,
    2 usage or configuration error, 3 infrastructure failure (safe to retry).

    With --to the verdict is of the steps up to that one; a later run takes them from the cache. With --sample the
    same steps and gates are rehearsed on a share of the data and weighed against production, in a folder of their
    own. With --deliver-to the model goes to a stage on the way to production; see `weighbridge promote`.
    """
    from weighbridge.ci.reports import keep_reports
    from weighbridge.local import run as local
    from weighbridge.local.output_capture import captured_output
    from weighbridge.local.request import request

    asked = request(
        pipeline, data, settings, workdir, to=to, sample=sample, deliver_to=deliver_to, destinations_file=destinations
    )
    what = (asked.definition, asked.parameters)
    with asked.workspace.lock():
        outcome = (
            None
            if force
            else local.up_to_date_outcome(
                *what, asked.workspace, asked.context, to=asked.to, delivered_to=asked.delivered_to
            )
        )
        if outcome is None:
            new = asked.new_run()
            with captured_output(new.log, verbose) as terminal:
                display = _display(terminal, as_json)
                outcome = local.execute(*what, asked.context, new, asked.workspace.code_file, display)
    keep_reports(outcome.run.folder, reports)
    show_outcome(outcome, as_json)
    raise typer.Exit(int(outcome.exit_code))


def _display(terminal: TextIO, as_json: bool) -> "Display":
    from weighbridge.cli.display import ConsoleDisplay

    return ConsoleDisplay(sys.stderr if as_json else terminal, silent=as_json)


def show_outcome(outcome: "RunOutcome", as_json: bool) -> None:
    """Print how a run ended, for people or for machines."""
    from weighbridge.cli.display import console, print_outcome, print_outcome_json

    if as_json:
        print_outcome_json(outcome)
    else:
        print_outcome(console(), outcome)
