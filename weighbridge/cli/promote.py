"""`weighbridge promote`: a weighed model from one stage to the next."""

from dataclasses import replace
from typing import Annotated, Any

import typer

from weighbridge.cli.options import (
    WORKDIR,
    DestinationsOption,
    JsonOption,
    PipelineArgument,
    ReportsOption,
    StoreOption,
    WorkdirOption,
)
from weighbridge.cli.output import print_json, print_line

FromOption = Annotated[str, typer.Option("--from", metavar="STAGE", help="Stage that the model is at, e.g. staging.")]
TargetOption = Annotated[str, typer.Option("--to", metavar="STAGE", help="Stage that it goes to: canary, production.")]
ApprovedOption = Annotated[
    str, typer.Option("--approved-by", metavar="NAME", help="Who approved it; kept in the record.")
]
ApprovedInOption = Annotated[
    str,
    typer.Option(
        "--approved-in", metavar="BUILD_URL", help="Build of Jenkins that is asked who approved it; kept in the record."
    ),
]


def promote(
    pipeline: PipelineArgument,
    source: FromOption,
    target: TargetOption,
    approved_by: ApprovedOption = "",
    approved_in: ApprovedInOption = "",
    destinations: DestinationsOption = "",
    store: StoreOption = "",
    reports: ReportsOption = "",
    workdir: WorkdirOption = WORKDIR,
    as_json: JsonOption = False,
) -> None:
    """Promote the model of PIPELINE from one stage to a later one.

    Its bytes, what is attested with it and its verdict are verified, and that it was weighed as strictly as gates.yaml
    asks now; it is pushed whole, and a stage that asks for it, such as
    canary, calls the delivered copy with real rows beside production. The stages and what they ask for are the
    section `delivery` of gates.yaml. Promoting what is there already does nothing.
    """
    from weighbridge.cli.display import ConsoleDisplay, print_outcome
    from weighbridge.definition import load
    from weighbridge.delivery import promote as delivery
    from weighbridge.delivery.approval import find_approval
    from weighbridge.delivery.promotion import Promotion
    from weighbridge.local.output_capture import captured_output
    from weighbridge.runs.finish import check_reports, copy_reports
    from weighbridge.runs.sending import sent
    from weighbridge.runs.stages import delivery_policy, present_gates, stage_destinations
    from weighbridge.runs.store import RunStore
    from weighbridge.runs.workspace import Workspace

    definition = load(pipeline)
    workspace = Workspace(workdir, definition.name)
    stages, thresholds = delivery_policy(definition.folder)
    stages.between(source, target)
    addresses = stage_destinations(workspace, stages, destinations, store)
    shared = RunStore(store, definition.name, workdir) if store else None
    policy = present_gates(definition.folder)
    promotion = Promotion(
        workspace, stages, addresses, source, target, thresholds=thresholds, store=shared, policy=policy
    )
    document: dict[str, Any] = {"pipeline": definition.name, "from": source, "to": target}
    document["destination"] = promotion.destination
    check_reports(reports)
    with workspace.lock():
        if shared is not None:
            shared.send_unsent()
            shared.bring()
        record = delivery.source_record(promotion)
        delivered = delivery.delivered_record(promotion, record)
        if delivered is not None:
            if as_json:
                print_json(document | {"already": True, "version": delivered.version, "exit_code": 0})
            else:
                print_line(f"Nothing to do: {target} has this model already, as version {delivered.version}.")
            return
        command = f"weighbridge promote {pipeline} --from {source} --to {target}"
        approval = find_approval(promotion.stage, approved_by, approved_in, command)
        promotion = replace(promotion, approval=approval)
        new = workspace.new_run(definition, {"from": source, "to": target}, kind="promotion", delivered_to=target)
        with captured_output(new.log, verbose=False) as terminal:
            outcome = delivery.promote(promotion, record, new, ConsoleDisplay(terminal, silent=as_json))
        outcome = sent(shared, outcome, f"{target}, {promotion.destination}")
    print_outcome(outcome, as_json=as_json, **document, already=False)
    copy_reports(new.folder, reports)
    raise typer.Exit(int(outcome.exit_code))
