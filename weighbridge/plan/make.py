"""Makes a plan: what changed shows in digests; TFX is loaded only where something did."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weighbridge.common import invocation
from weighbridge.common.digests import file_digest, value_digest
from weighbridge.common.environment import IMAGE_VARIABLE
from weighbridge.common.errors import UsageError
from weighbridge.common.memory import gc_paused
from weighbridge.components.production_model.standing import read_record
from weighbridge.local.foretold import foretold
from weighbridge.local.metadata_lock import check_belongs
from weighbridge.local.request import RunRequest
from weighbridge.local.run import last_outcome, up_to_date_outcome
from weighbridge.plan import changes
from weighbridge.plan.earlier_runs import EarlierRuns
from weighbridge.plan.model import Base, Change, Plan, PlannedStep, Reused
from weighbridge.plan.revision import lock_files, repository, revision
from weighbridge.plan.withdrawn import withdrawn_warnings
from weighbridge.runs import fingerprint
from weighbridge.runs.outcome import RunOutcome
from weighbridge.runs.record import Run
from weighbridge.runs.stages import delivery_policy
from weighbridge.runs.workspace import Workspace

if TYPE_CHECKING:
    from weighbridge.plan.dry_run import DryRunSteps


def make_plan(request: RunRequest, *, force: bool = False, revision_name: str = "") -> Plan:
    """The plan of what `weighbridge run` would do.

    Args:
        request: what it would run.
        force: whether it would start even if nothing changed.
        revision_name: a git revision to compare with instead of production; empty for production.

    Raises:
        UsageError: the pipeline or something beside it is wrong, or there is no such revision.
    """
    request.bring()
    if revision_name:
        return _against_revision(request, revision_name)
    outcome = None if force else up_to_date_outcome(request)
    base, before = _base(request)
    if outcome is not None:  # and so all is as that run's fingerprint says
        now = outcome.run.record.fingerprint
        changed = _changes(request, before, now, now)
        return _plan(request, base, changed, _as_before(outcome), outcome=outcome)
    with tempfile.TemporaryDirectory(prefix="weighbridge-") as folder:
        steps, planned = _dry_run(request, Path(folder))
    last = last_outcome(request)
    known = last.record.fingerprint if last else {}
    changed = _changes(request, before, known, _now(request, known or before, steps.modules))
    return _plan(request, base, changed, planned, steps)


def _now(request: RunRequest, recorded: Mapping[str, Any], modules: Mapping[str, set[str]]) -> Mapping[str, Any]:
    """The fingerprint as it would be now; empty where none ran yet, or one of an older version.

    Args:
        request: what a run would run.
        recorded: fingerprint of an earlier run, which names what is read.
        modules: own code behind each step of the pipeline as it is now.
    """
    listed = {step: sorted(names) for step, names in modules.items()}
    try:
        return fingerprint.current(
            {**recorded, "modules": listed}, request.definition, request.parameters, request.context
        )
    except (KeyError, TypeError):
        return {}


def _against_revision(request: RunRequest, name: str) -> Plan:
    """The plan for a commit: what of the pipeline it changes, and which steps would run here for it.

    Where it changes nothing, no run is needed, whatever this machine's cache holds.
    """
    definition, schema = request.definition, request.context.schema
    base = Base(kind="revision", revision=name, note=f"compared with the source code of {name}")
    top = repository(definition.folder)
    data = fingerprint.data_beside(definition.folder, [{"input": request.parameters.data}])
    with revision(name, definition.folder) as moved, tempfile.TemporaryDirectory(prefix="weighbridge-") as folder:

        def compared(modules: fingerprint.Modules) -> list[Change]:
            before = fingerprint.reviewed(definition, schema, modules, moved) | {"libraries": lock_files(moved(top))}
            after = fingerprint.reviewed(definition, schema, modules) | {"libraries": lock_files(top)}
            return changes.differences(before, after, data)

        # All code that any step could call; which step it is shows when the pipeline is built.
        package = definition.module.rpartition(".")[0] or definition.module
        if not compared({"": ["weighbridge.components", package]}):
            return _plan(request, base, [], ())
        steps, planned = _dry_run(request, Path(folder))
        found = compared({step: sorted(names) for step, names in steps.modules.items()})
    return _plan(request, base, found, planned if found else (), steps)


def _dry_run(request: RunRequest, folder: Path) -> "tuple[DryRunSteps, tuple[PlannedStep, ...]]":
    request.check_thresholds()
    check_belongs(request.context.metadata, request.context.root)
    with gc_paused():
        from weighbridge.plan.dry_run import DryRunSteps, dry_run_context

        with invocation.of(*request.words):
            pipeline = request.definition.create_pipeline(request.parameters, dry_run_context(request.context, folder))
        steps = DryRunSteps(
            pipeline, folder, request.workspace.code_file, EarlierRuns(request.workspace.newest_first())
        )
    names, left_out, _ = request.extent(steps)
    steps.check(request.context)
    if request.store is not None:
        from weighbridge.local.kept_steps import KeptSteps

        steps.share(KeptSteps(request.store.kept, writes=False))
    return steps, tuple(steps.foresee(names, left_out))


def _plan(
    request: RunRequest,
    base: Base,
    changed: "list[Change]",
    planned: tuple[PlannedStep, ...],
    steps: "DryRunSteps | None" = None,
    outcome: RunOutcome | None = None,
) -> Plan:
    running = [step.name for step in planned if step.action == "run"]
    delivery, _ = delivery_policy(request.definition.folder)
    stands = outcome.verdict if outcome else None
    trains = steps is not None and any(map(steps.trains, running))
    pushes = steps is not None and any(map(steps.pushes, running))
    warnings = foretold(request) if base.kind != "revision" and running else ()
    return Plan(
        pipeline=request.definition.name,
        base=base,
        changed=tuple(changed),
        steps=planned,
        nothing=not running,
        trains=trains,
        pushes=pushes,
        approvals=() if request.workspace.rehearsal else tuple(delivery.approvals),
        outcome=Reused(run_id=outcome.run.record.run_id, passed=stands.passed) if outcome and stands else None,
        warnings=(*warnings, *(withdrawn_warnings(request, trains=trains) if pushes else ())),
    )


def _as_before(outcome: RunOutcome) -> tuple[PlannedStep, ...]:
    """The steps of a run whose outcome stands."""
    return tuple(
        PlannedStep(
            name=step.name,
            action="skipped" if step.state == "skipped" else "cached",
            why=step.note if step.state in ("skipped", "refused") else "nothing it depends on changed",
            seconds=0.0,
        )
        for step in outcome.run.record.steps
    )


def _base(request: RunRequest) -> tuple[Base, dict[str, Any]]:
    """The run that made what is in production, else the last that came to a verdict; and its fingerprint."""
    record = read_record(request.context.production)
    if record is None:
        made = next(filter(_is_comparable, request.workspace.newest_first()), None)
        if made is None:
            return Base(kind="none", note="nothing is in production, and nothing ran here yet"), {}
        note = "nothing is in production yet; this is the last run"
        return Base(kind="run", run_id=made.record.run_id, note=note), made.record.fingerprint
    base = Base(kind="production", run_id=record.run_id, version=record.version)
    # A rehearsal has a folder of its own; what is in production was made in the pipeline's.
    made = Workspace(request.workspace.home.parent, request.workspace.pipeline).run(record.run_id)
    if made is None or not _is_comparable(made):
        note = "its run's fingerprint is not here: thresholds, schema and image are compared, data and code cannot be"
        return base.model_copy(update={"note": note}), {}
    return base, made.record.fingerprint


def _is_comparable(run: Run) -> bool:
    """Whether a run kept a fingerprint that keeps the parts apart; one of an older version did not."""
    return not run.record.is_delivery and "modules" in run.record.fingerprint


def _changes(
    request: RunRequest, before: Mapping[str, Any], last: Mapping[str, Any], now: Mapping[str, Any]
) -> list[Change]:
    """What changed since `before`, and whether production did since the last run.

    Args:
        request: what a run would run.
        before: fingerprint of the run to compare with; empty where it is not here.
        last: fingerprint of the last run; empty for none.
        now: fingerprint as it would be now; empty where it is not known.
    """
    record = read_record(request.context.production)
    if before and now:
        data = fingerprint.data_beside(request.definition.folder, now["inputs"])
        found = changes.differences(before, now, data)
    else:
        found = changes.subject_differences(record.subject, _subject(request)) if record else []
    if now and record and last.get("production") != now["production"]:
        note = f"version {record.version} was put there since the last run, which weighed against another"
        found.append(Change(what="production", note=note))
    return found


def _subject(request: RunRequest) -> dict[str, str]:
    """Of what a verdict is bound to, that which is known without running: thresholds, schema, image."""
    subject = {"image": os.environ.get(IMAGE_VARIABLE, "")}
    if request.context.schema.is_file():
        subject["schema"] = file_digest(request.context.schema)
    try:
        gates = request.context.gates
    except UsageError:
        return subject
    sections = {name: getattr(gates, name).model_dump(mode="json") for name in ("quality", "latency")}
    return subject | {"gates": value_digest(sections)}
