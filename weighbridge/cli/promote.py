"""`weighbridge promote`: a weighed model from one stage to the next."""

import json
import sys
from typing import Annotated, Any

import typer

from weighbridge.cli.options import (
    WORKDIR,
    DestinationsOption,
    JsonOption,
    PipelineArgument,
    ReportsOption,
    WorkdirOption,
)

FromOption = Annotated[str, typer.Option("--from", metavar="STAGE", help="Stage that the model is at, e.g. staging.")]
TargetOption = Annotated[str, typer.Option("--to", metavar="STAGE", help="Stage that it goes to: canary, production.")]
ApprovedOption = Annotated[
    str, typer.Option("--approved-by", metavar="NAME", help="Who approved it; kept in the record.")
]


def promote(
    pipeline: PipelineArgument,
    source: FromOption,
    target: TargetOption,
    approved_by: ApprovedOption = "",
    destinations: DestinationsOption = "",
    reports: ReportsOption = "",
    workdir: WorkdirOption = WORKDIR,
    as_json: JsonOption = False,
) -> None:
    """Promote the model of PIPELINE from one stage to a later one.

    Its bytes and verdict are verified against its record, it is pushed whole, and a stage that asks for it, such as
    canary, calls the delivered copy with real rows beside production. The stages and what they ask for are the
    section `delivery` of gates.yaml. Promoting what is there already does nothing. Exit code: 0 it is there,
    1 a gate refused, 2 usage or configuration error, 3 infrastructure failure (safe to retry).
    """
    from weighbridge.ci.reports import keep_reports
    from weighbridge.cli.display import ConsoleDisplay, console, outcome_json, print_outcome
    from weighbridge.definition import load
    from weighbridge.delivery import promote as delivery
    from weighbridge.local.output_capture import captured_output
    from weighbridge.runs.stages import delivery_policy, stage_destinations
    from weighbridge.runs.workspace import Workspace

    definition = load(pipeline)
    workspace = Workspace(workdir, definition.name)
    stages, thresholds = delivery_policy(definition.folder)
    stages.between(source, target)
    promotion = delivery.Promotion(
        workspace,
        stages,
        stage_destinations(workspace, stages, destinations),
        source,
        target,
        approved_by.strip(),
        thresholds,
    )
    with workspace.lock():
        record = delivery.source_record(promotion)
        there = delivery.already_there(promotion, record)
        told: dict[str, Any] = {"pipeline": definition.name, "from": source, "to": target, "already": there is not None}
        if there is not None:
            told |= {"version": there.version, "destination": promotion.destination, "exit_code": 0}
            if as_json:
                _print_json(told)
            else:
                typer.echo(f"Nothing to do: {target} has this model already, as version {there.version}.")
            return
        new = workspace.new_run(definition, {"from": source, "to": target}, kind="promotion", delivered_to=target)
        with captured_output(new.log, verbose=False) as terminal:
            display = ConsoleDisplay(sys.stderr if as_json else terminal, silent=as_json)
            outcome = delivery.promote(promotion, record, new, display)
    keep_reports(new.folder, reports)
    if as_json:
        _print_json(told | {"destination": promotion.destination} | outcome_json(outcome))
    else:
        print_outcome(console(), outcome)
    raise typer.Exit(int(outcome.exit_code))


def _print_json(document: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
