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

    out = console()
    base = made.base
    compared = {"production": f"version {base.version} in production", "revision": base.revision, "none": "nothing"}
    against = compared.get(base.kind, f"run {base.run_id}")
    out.print(f"[bold]{escape(made.pipeline)}[/] compared with {escape(against)}{_note(base.note)}")
    changed = Table("changed", "part", "", box=None, show_header=bool(made.changed))
    for change in made.changed:
        changed.add_row(change.what, escape(change.part), escape(change.note))
    if made.changed or base.kind != "none":
        out.print(changed if made.changed else "Nothing changed.")
    steps = Table("step", "action", "seconds", "why", box=None)
    for step in made.steps:
        unless = f" (from the cache if {' and '.join(step.unless)} come out as before)" if step.unless else ""
        seconds = "" if step.action != "run" else "?" if step.seconds is None else f"{step.seconds:.1f}"
        steps.add_row(escape(step.name), step.action, seconds, escape(step.why + unless))
    if made.steps:
        out.print(steps)
    out.print(_closing(made), markup=False)


def _note(note: str) -> str:
    return f" ({note})" if note else ""


def _closing(made: "Plan") -> str:
    if made.outcome:
        how = "passed" if made.outcome.passed else "refused"
        return f"Nothing would run: run {made.outcome.run_id} {how}, and its verdict stands."
    if made.nothing:
        return "Nothing would run."
    names = [step.name for step in made.steps if step.action == "run"]
    unknown = any(step.seconds is None for step in made.steps)
    seconds = (
        f"about {made.seconds:.0f} s" if not unknown else f"at least {made.seconds:.0f} s, some steps never ran here"
    )
    ends = [word for word, so in (("trains", made.trains), ("pushes if it passes", made.pushes)) if so]
    line = f"Would run {len(names)} of {len(made.steps)} steps, {seconds}"
    line = "; ".join([line, *([" and ".join(ends)] if ends else [])])
    return f"{line}." + (f" Approval needed for: {', '.join(made.approvals)}." if made.approvals else "")
