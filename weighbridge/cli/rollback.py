"""`weighbridge rollback`: an earlier version in production again, in under a minute."""

import contextlib
import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

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
from weighbridge.cli.places import AddressOption, PlaceOfModels, StageOption, place_of_models
from weighbridge.cli.promote import ApprovedInOption, ApprovedOption
from weighbridge.common.errors import InfrastructureError, UsageError

if TYPE_CHECKING:
    from weighbridge.delivery.earlier_version import Choice
    from weighbridge.runs.record import Run, RunRecord
    from weighbridge.runs.workspace import Workspace

_LONGEST_REASON = 500  # a registry keeps it in a tag

VersionOption = Annotated[
    str,
    typer.Option("--to", metavar="VERSION|RUN", help="Version to put back, or a run whose model it is; else the last."),
]
ReasonOption = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept in the record.")]


def rollback(
    pipeline: PipelineArgument,
    to: VersionOption = "",
    stage: StageOption = "",
    destination: AddressOption = "",
    reason: ReasonOption = "",
    approved_by: ApprovedOption = "",
    approved_in: ApprovedInOption = "",
    destinations: DestinationsOption = "",
    store: StoreOption = "",
    reports: ReportsOption = "",
    workdir: WorkdirOption = WORKDIR,
    as_json: JsonOption = False,
) -> None:
    """Put an earlier version of PIPELINE back into production.

    Its bytes, its verdict and what is attested with it are verified, and pushed as a new version, which servers take
    as any other. What it replaces does not come back by a run or a promotion. Without --to it is the version before,
    skipping those that were rolled back from; where production is a rollback already, or that version, nothing is done.
    """
    from weighbridge.cli.display import ConsoleDisplay, print_outcome
    from weighbridge.components.pusher.restore import settle
    from weighbridge.delivery import rollback as delivery
    from weighbridge.delivery.approval import find_approval
    from weighbridge.delivery.earlier_version import choose
    from weighbridge.local.output_capture import captured_output
    from weighbridge.runs.finish import check_reports, copy_reports
    from weighbridge.runs.sending import sent
    from weighbridge.runs.stages import present_gates
    from weighbridge.runs.store import RunStore
    from weighbridge.runs.workspace import Workspace

    reason = _checked(reason)
    place = place_of_models(pipeline, stage, destination, workdir, store, destinations)
    name = place.definition.name
    command = _command(pipeline, stage, destination)
    choice = choose(place.destination, to, command)
    document = _document(place, choice)
    if choice.target is None:
        settle(place.destination)
        if as_json:
            print_json(document | {"already": True, "version": choice.live.version, "exit_code": 0})
        else:
            print_line(choice.done)
        return
    check_reports(reports)
    # In the middle of the night any name counts, also where the policy asks a Jenkins: it approved these bytes once.
    policy = place.policy.model_copy(update={"approved_in": None})
    rollback = delivery.Rollback(
        name,
        place.destination,
        policy,
        choice,
        find_approval(policy, approved_by, approved_in, f"{command} --to {choice.target.version}"),
        reason,
        present_gates(place.definition.folder),
        RunStore(store, name, workdir) if store else None,
    )
    with _new_run(Workspace(workdir, name), place, to) as run:
        with captured_output(run.log, verbose=False) as terminal:
            outcome = delivery.roll_back(rollback, choice.target, run, ConsoleDisplay(terminal, silent=as_json))
        outcome = sent(rollback.store, outcome, f"{policy.stage}, {place.destination}")
    print_outcome(outcome, as_json=as_json, **document, already=False)
    if not as_json and outcome.verdict is not None and outcome.verdict.passed:
        _print_what_follows(choice, choice.target.version, outcome.run.record, command)
    copy_reports(run.folder, reports)
    raise typer.Exit(int(outcome.exit_code))


@contextlib.contextmanager
def _new_run(workspace: "Workspace", place: PlaceOfModels, to: str) -> "Iterator[Run]":
    """The run's folder. A run that is using the work directory is not waited for: it may train for hours."""
    parameters, alone = {"to": to} if to else {}, True
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(workspace.lock())
        except InfrastructureError:
            alone = False
        yield workspace.new_run(
            place.definition, parameters, holding=alone, kind="rollback", delivered_to=place.policy.stage
        )


def _print_what_follows(choice: "Choice", restored: int, record: "RunRecord", command: str) -> None:
    delivered = record.delivered
    version = delivered.version if delivered else "?"
    when = f" once {delivered.proposed} is merged" if delivered and delivered.proposed else ""
    replaced = choice.live.version
    if choice.target is not None and choice.target.model_digest in choice.live.withdrawn:
        follows = f"That takes a rollback back: version {replaced} is not withdrawn, and a run may bring it back;"
    else:
        follows = f"Version {replaced} comes back by no run and no promotion of the same bytes;"
    print_line(
        f"Version {version} is version {restored} again{when}. {follows} to take this back: {command} --to {replaced}"
    )


def _document(place: PlaceOfModels, choice: "Choice") -> dict[str, Any]:
    return {
        "pipeline": place.definition.name,
        "stage": place.policy.stage,
        "destination": place.destination,
        "from": choice.live.version,
        "to": choice.target.version if choice.target else None,
    }


def _command(pipeline: str, stage: str, destination: str) -> str:
    where = ["--stage", stage] if stage else ["--destination", destination] if destination else []
    return shlex.join(["weighbridge", "rollback", pipeline, *where])


def _checked(reason: str) -> str:
    reason = reason.strip()
    if not reason.isprintable() or len(reason) > _LONGEST_REASON:
        problem = f"has {len(reason)} characters" if reason.isprintable() else "holds characters that cannot be seen"
        raise UsageError(f"--reason {problem}", f"Give one line of at most {_LONGEST_REASON} characters.")
    return reason
