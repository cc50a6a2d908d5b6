"""One run here, from parameters to a verdict: what changed, the steps, what refuses, the reports."""

import dataclasses
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TextIO

from weighbridge.attestation.origin import asked
from weighbridge.common import interruption, invocation, progress
from weighbridge.common.memory import gc_paused, release_memory
from weighbridge.local.collected import Collected, rows_note, step_fingerprint
from weighbridge.local.output_capture import captured_output
from weighbridge.local.request import RunRequest
from weighbridge.runs import fingerprint
from weighbridge.runs.display import Display, SilentDisplay, end_step
from weighbridge.runs.finish import run_to_end
from weighbridge.runs.log import mark_step
from weighbridge.runs.outcome import RunOutcome
from weighbridge.runs.own_verdict import standing_verdict
from weighbridge.runs.record import Run, StepRecord, StepState
from weighbridge.runs.sending import sent
from weighbridge.runs.snapshots import keep_snapshots
from weighbridge.thresholds.delivery import PRODUCTION
from weighbridge.verdict import Verdict

if TYPE_CHECKING:
    from weighbridge.local.steps import NodeResult


def up_to_date_outcome(request: RunRequest) -> RunOutcome | None:
    """The outcome of the last run of this kind that came to a verdict, if everything it depended on is still the same.

    Only a run that ended after the same step counts, and whose model went to the same stage: a part is not an outcome
    of the whole.
    """
    run = last_outcome(request)
    if run is None or not fingerprint.is_up_to_date(
        run.record.fingerprint, request.definition, request.parameters, request.context
    ):
        return None
    verdict = standing_verdict(run)
    return None if verdict is None else RunOutcome(run, verdict, unchanged=True)


def last_outcome(request: RunRequest) -> Run | None:
    """The last run of a kind that came to a verdict; see `up_to_date_outcome`."""
    for run in request.workspace.newest_first():
        record = run.record
        alike = not record.is_delivery and (record.to, record.delivered_to) == (request.to, request.delivered_to)
        if alike and record.state in ("passed", "refused"):
            return run
    return None


def run_request(
    request: RunRequest,
    *,
    force: bool = False,
    verbose: bool = False,
    open_display: Callable[[TextIO], Display] = lambda terminal: SilentDisplay(),
) -> RunOutcome:
    """Run a pipeline here, unless nothing changed since its last run.

    Args:
        request: what to run.
        force: run it even if nothing changed.
        verbose: also show on stderr what libraries print.
        open_display: makes what shows the run from a stream that writes to the real stdout.

    Raises:
        UsageError: the work directory cannot be written, or what goes to the store's production must be approved.
        InfrastructureError: another run is using the work directory, or the store cannot be reached.
    """
    request.check_may_push()
    with request.workspace.lock():
        if request.store is not None and request.shares:
            request.store.send_unsent()
        request.bring()
        outcome = None if force else up_to_date_outcome(request)
        if outcome is None:
            run = request.new_run()
            with captured_output(run.log, verbose) as terminal:
                outcome = execute(request, run, open_display(terminal), thorough=force)
            stage = request.delivered_to or PRODUCTION
            outcome = sent(request.store, outcome, f"{stage}, {request.context.destination}")
        elif request.store is not None:
            request.store.fetch_reports(outcome.run)
        if request.snapshot_mib and outcome.verdict is not None:
            warnings = keep_snapshots(outcome.run, request.snapshot_mib)
            outcome = dataclasses.replace(outcome, warnings=(*outcome.warnings, *warnings))
    return outcome


def execute(request: RunRequest, run: Run, display: Display, *, thorough: bool = False) -> RunOutcome:
    """Run the pipeline; the run folder holds the verdict and its reports, also where the run ended early.

    The run's record says how far: `to` a step, or before anything is pushed where it is a rehearsal. The caller holds
    the workspace's lock and has redirected the output of libraries to the run's log. `thorough`: read the bytes of what
    earlier runs left, before it is used again.
    """
    collected = Collected()

    def weigh() -> Verdict:
        if request.store is not None and request.shares:
            request.store.announce(run)
        _launch_all(request, run, display, collected, thorough)
        verdict = collected.verdict(request.definition.name, run.record.run_id)
        # Digests of all that the outcome depends on: the next run compares them before it starts anything.
        run.record.fingerprint = collected.declared | fingerprint.observed(
            collected.inputs, collected.input_digests, request.context, verdict.subject.get("model", "")
        )
        return verdict

    with invocation.of(*request.words), progress.listening(display.step_progress):
        return run_to_end(run, display, weigh, collected.folders)


def _launch_all(request: RunRequest, run: Run, display: Display, collected: Collected, thorough: bool) -> None:
    request.check_thresholds()
    display.step_started("loading TFX")
    with gc_paused():
        from weighbridge.local.kept_steps import KeptSteps
        from weighbridge.local.steps import PipelineSteps

        pipeline = request.definition.create_pipeline(request.parameters, request.context)
        steps = PipelineSteps(pipeline, run.record.run_id, str(request.workspace.code_file))
    steps.thorough = thorough
    names, left_out, whole = request.extent(steps)
    steps.check(request.context)
    steps.check_secrets_are_set()
    if whole:
        run.record.to = ""  # up to the last is the whole
    if request.store is not None:
        if whole and request.to and not request.workspace.rehearsal:  # only now known to be the whole
            dataclasses.replace(request, to="").check_may_push()
            request.store.announce(run)
        steps.share(KeptSteps(request.store.kept, writes=bool(run.unsent_to)))
    collected.declared = fingerprint.declared(request.definition, request.parameters, request.context, steps.modules)
    if run.record.origin is not None:
        run.record.origin = run.record.origin.model_copy(update={"code": collected.declared["code"]})
    display.started(run, names)
    launched = steps.launch()
    for position, name in enumerate(names):
        with asked(run.record.origin):
            result = _launch(name, launched, run, display)
        release_memory()
        gates = collected.take(run, result)
        refusing = [gate for gate in gates if gate.refuses]
        state: StepState = "refused" if refusing else "cached" if result.cached else "done" if result.ran else "skipped"
        note = refusing[0].message if refusing else rows_note(result)
        seconds = round(result.seconds, 3)
        step = StepRecord(name=name, state=state, seconds=seconds, note=note, fingerprint=step_fingerprint(result))
        end_step(run, step, display)
        if refusing:
            left_out = dict.fromkeys(names[position + 1 :], "refused before") | left_out
            break
    for name, why in left_out.items():
        end_step(run, StepRecord(name=name, state="skipped", note=why), display)


def _launch(name: str, launched: "Iterator[NodeResult]", run: Run, display: Display) -> "NodeResult":
    display.step_started(name)
    began = time.monotonic()
    try:
        interruption.check()
        mark_step(name)
        return next(launched)
    except BaseException:
        with interruption.deferred():
            end_step(run, StepRecord(name=name, state="failed", seconds=round(time.monotonic() - began, 3)), display)
        raise
