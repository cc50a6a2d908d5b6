"""`weighbridge run`: the whole pipeline here, a line per step, then the verdict card."""

import dataclasses
from contextlib import suppress
from typing import Annotated, TextIO

import typer

from weighbridge.cli.options import (
    WORKDIR,
    DataOption,
    DeliverOption,
    DestinationsOption,
    ForceOption,
    JsonOption,
    PipelineArgument,
    ProductionOption,
    QuietOption,
    ReportsOption,
    SampleOption,
    SetOption,
    StoreOption,
    ToOption,
    VerboseOption,
    WorkdirOption,
)
from weighbridge.common.errors import WeighbridgeError

SnapshotOption = Annotated[
    float,
    typer.Option(
        "--snapshot-data",
        envvar="WEIGHBRIDGE_SNAPSHOT_DATA",
        metavar="MIB",
        min=0,
        help="Keep the input files by digest where they have no more MiB together.",
    ),
]


def run(
    pipeline: PipelineArgument,
    data: DataOption = None,
    settings: SetOption = None,
    workdir: WorkdirOption = WORKDIR,
    to: ToOption = "",
    sample: SampleOption = 1.0,
    deliver_to: DeliverOption = "",
    destination: ProductionOption = "",
    destinations: DestinationsOption = "",
    store: StoreOption = "",
    reports: ReportsOption = "",
    snapshot_data: SnapshotOption = 0.0,
    verbose: VerboseOption = False,
    quiet: QuietOption = False,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Run PIPELINE on this machine and weigh its model.

    Steps whose inputs did not change are taken from the cache.

    With --to the verdict is of the steps up to that one; a later run takes them from the cache. With --sample the
    same steps and gates are rehearsed on a share of the data and weighed against production, in a folder of their
    own. With --deliver-to the model goes to a stage on the way to production; see `weighbridge promote`.
    """
    from weighbridge.cli.display import ConsoleDisplay, print_outcome, print_warnings
    from weighbridge.local.foretold import foretold
    from weighbridge.local.request import make_request
    from weighbridge.local.run import run_request
    from weighbridge.runs.finish import check_reports, copy_reports
    from weighbridge.runs.trend import copy_trend

    request = make_request(
        pipeline,
        data,
        settings,
        workdir,
        to=to,
        sample=sample,
        deliver_to=deliver_to,
        destinations=destinations,
        store=store,
        destination=destination,
    )
    request = dataclasses.replace(request, snapshot_mib=snapshot_data)
    check_reports(reports)

    def open_display(terminal: TextIO) -> ConsoleDisplay:
        if not (as_json or quiet):
            with suppress(WeighbridgeError):  # the run itself says what is wrong
                print_warnings(foretold(request), terminal)
        return ConsoleDisplay(terminal, silent=as_json or quiet)

    outcome = run_request(
        request,
        force=force,
        verbose=verbose,
        open_display=open_display,
    )
    print_outcome(outcome, as_json=as_json, quiet=quiet)
    copy_reports(outcome.run.folder, reports)
    print_warnings(filter(None, [copy_trend(request.definition.name, workdir, reports)]))
    raise typer.Exit(int(outcome.exit_code))
