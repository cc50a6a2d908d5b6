"""`weighbridge plan`: what changed, and what a run would do."""

from typing import TYPE_CHECKING, Annotated

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
    SampleOption,
    SetOption,
    StoreOption,
    ToOption,
    WorkdirOption,
)
from weighbridge.cli.output import print_json, without_output

if TYPE_CHECKING:
    from weighbridge.plan.model import Plan

BaseOption = Annotated[
    str, typer.Option("--base", metavar="REF", help="Compare with this git revision's code, thresholds and schema.")
]


def plan(
    pipeline: PipelineArgument,
    data: DataOption = None,
    settings: SetOption = None,
    workdir: WorkdirOption = WORKDIR,
    base: BaseOption = "",
    to: ToOption = "",
    sample: SampleOption = 1.0,
    deliver_to: DeliverOption = "",
    destination: ProductionOption = "",
    destinations: DestinationsOption = "",
    store: StoreOption = "",
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Say what changed since the run that made production, and which steps `run` would run with the same options.

    Nothing is run and nothing is written. A step that is sure to run says why; one that runs only if an output before
    it comes out different names that output. With --base the plan is for a commit: where it changes nothing that a
    run depends on, nothing needs to run. The exit code is 0 whatever the plan is.
    """
    from weighbridge.local.request import make_request
    from weighbridge.plan.make import make_plan
    from weighbridge.runs.explain import explain_outside_run

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
    with without_output():
        try:
            made = make_plan(request, force=force, revision_name=base)
        except Exception as error:
            raise explain_outside_run(error, f"{request.definition.name} cannot be planned") from error
    if as_json:
        print_json(made.model_dump(mode="json"))
    else:
        _print(made)


def _print(made: "Plan") -> None:
    from rich.markup import escape
    from rich.table import Table

    from weighbridge.cli.display import console
    from weighbridge.plan.shown import closing, compared_with, step_cells

    out = console()
    out.print(f"[bold]{escape(made.pipeline)}[/] {escape(compared_with(made.base))}")
    changed = Table("changed", "part", "", box=None, show_header=bool(made.changed))
    for change in made.changed:
        changed.add_row(change.what, escape(change.part), escape(change.note))
    if made.changed or made.base.kind != "none":
        out.print(changed if made.changed else "Nothing changed.")
    steps = Table("step", "action", "seconds", "why", box=None)
    for step in made.steps:
        steps.add_row(*map(escape, step_cells(step)))
    if made.steps:
        out.print(steps)
    for warning in made.warnings:
        out.print(f"[bold yellow]warning:[/] {escape(warning)}")
    out.print(closing(made), markup=False)
