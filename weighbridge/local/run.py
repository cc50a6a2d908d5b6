"""One run here, from parameters to a verdict: what changed, the steps, what refuses, the reports."""

import contextlib
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from weighbridge.common import progress
from weighbridge.common.errors import ExitCode, UsageError, WeighbridgeError
from weighbridge.common.memory import gc_paused, release_memory
from weighbridge.definition import Context, Definition, Parameters
from weighbridge.local.collected import Collected, rows_note, step_facts
from weighbridge.runs import fingerprint
from weighbridge.runs.explain import explain
from weighbridge.runs.workspace import Run, StepRecord, StepState, Workspace
from weighbridge.verdict import Verdict
from weighbridge.verdict.verdict import VERDICT_FILE

if TYPE_CHECKING:
    from weighbridge.local.steps import NodeResult


class Display(Protocol):
    """Who is told how a run goes."""

    def started(self, run: Run, names: list[str]) -> None:
        """The run begins; these are its steps."""

    def step_started(self, name: str) -> None:
        """A step begins."""

    def step_progress(self, message: str) -> None:
        """The current step says how far it is."""

    def step_ended(self, step: StepRecord) -> None:
        """A step ended."""


@dataclass(frozen=True)
class RunOutcome:
    """How a run ended.

    Attributes:
        run: its folder.
        verdict: its verdict; None where it ended in an error.
        unchanged: nothing had changed since this earlier run, so none was started.
        error: the error it ended in.
    """

    run: Run
    verdict: Verdict | None
    unchanged: bool = False
    error: WeighbridgeError | None = None

    @property
    def exit_code(self) -> ExitCode:
        """Exit code of the command."""
        if self.error:
            return self.error.exit_code
        return self.verdict.exit_code if self.verdict else ExitCode.REFUSED


def up_to_date_outcome(
    definition: Definition,
    parameters: Parameters,
    workspace: Workspace,
    context: Context,
    *,
    to: str = "",
    delivered_to: str = "",
) -> RunOutcome | None:
    """The outcome of the last run of this kind that came to a verdict, if everything it depended on is still the same.

    Args:
        definition: the pipeline.
        parameters: its parameters.
        workspace: where its runs are.
        context: where it would run.
        to: the step it would end after. Only a run that ended there counts: a part is not an outcome of the whole.
        delivered_to: the stage that its model would go to.
    """
    run = last_outcome(workspace, to=to, delivered_to=delivered_to)
    if run is None or not fingerprint.is_up_to_date(run.record.fingerprint, definition, parameters, context):
        return None
    try:
        return RunOutcome(run, Verdict.read(run.folder / VERDICT_FILE), unchanged=True)
    except UsageError:
        return None


def last_outcome(workspace: Workspace, *, to: str = "", delivered_to: str = "") -> Run | None:
    """The last run of a kind that came to a verdict; see `up_to_date_outcome`."""
    for run in reversed(workspace.runs()):
        record = run.record
        alike = record.kind != "promotion" and (record.to, record.delivered_to) == (to, delivered_to)
        if alike and record.state in ("passed", "refused"):
            return run
    return None


def execute(
    definition: Definition, parameters: Parameters, context: Context, run: Run, code_file: Path, display: Display
) -> RunOutcome:
    """Run the pipeline; the run folder holds the verdict and its reports, also where the run ended early.

    The run's record says how far: `to` a step, or before anything is pushed where it is a rehearsal. The caller holds
    the workspace's lock and has redirected the output of libraries to the run's log.
    """
    began = time.monotonic()
    collected = Collected()
    try:
        _launch_all(definition, parameters, context, run, code_file, display, collected)
        verdict = collected.verdict(definition.name, run.record.run_id)
        run.record.state = verdict.outcome
        outcome = RunOutcome(run, verdict)
        # What was asked and found, told from digests: the next run compares before it starts anything.
        run.record.fingerprint = collected.declared | fingerprint.observed(
            collected.inputs, collected.input_digests, context, verdict.subject.get("model", "")
        )
    except (Exception, KeyboardInterrupt) as error:
        log_traceback()
        outcome = RunOutcome(run, None, error=explain(error, run))
        run.record.state = "failed"
        run.record.error = str(outcome.error)
    run.record.seconds = round(time.monotonic() - began, 3)
    return finish_run(run, outcome, collected.folders)


def log_traceback() -> None:
    """Into the log, and with --verbose to the terminal; a full disk must not hide the error itself."""
    with contextlib.suppress(OSError):
        traceback.print_exc()


def finish_run(run: Run, outcome: RunOutcome, folders: dict[str, Path]) -> RunOutcome:
    """Leave the verdict, its reports and the run's record; where even these cannot be written, say so.

    Args:
        run: the run.
        outcome: how it ended.
        folders: artifact folders that the report shows, by output key.
    """
    try:
        if outcome.verdict:
            outcome.verdict.write(run.folder / VERDICT_FILE)
            _write_reports(run, outcome.verdict, folders)
        run.record.exit_code = int(outcome.exit_code)
        run.save()
    except Exception as error:
        log_traceback()
        outcome = RunOutcome(run, outcome.verdict, error=outcome.error or explain(error, run))
        run.record.state, run.record.error, run.record.exit_code = "failed", str(outcome.error), int(outcome.exit_code)
        with contextlib.suppress(OSError):
            run.save()
    return outcome


def _write_reports(run: Run, verdict: Verdict, folders: dict[str, Path]) -> None:
    from weighbridge.report import Evidence, write_reports

    steps = [step.model_dump(exclude={"fingerprint"}) for step in run.record.steps]
    write_reports(run.folder, Evidence.collect(verdict, folders, steps=steps))


def _launch_all(
    definition: Definition,
    parameters: Parameters,
    context: Context,
    run: Run,
    code_file: Path,
    display: Display,
    collected: Collected,
) -> None:
    display.step_started("loading TFX")
    with gc_paused():
        from weighbridge.local.steps import PipelineSteps

        pipeline = definition.create_pipeline(parameters, context)
        steps = PipelineSteps(pipeline, run.record.run_id, str(code_file))
    names, left_out = steps.extent(run.record.to, pushes=run.record.kind != "rehearsal")
    steps.check(context)
    if run.record.to == steps.names[-1]:
        run.record.to = ""  # up to the last is the whole
    collected.declared = fingerprint.declared(definition, parameters, context, steps.modules)
    display.started(run, names)
    launched = steps.launch()
    for position, name in enumerate(names):
        result = _launch(name, launched, run, display)
        release_memory()
        gates = collected.take(run, result)
        refusing = [gate for gate in gates if gate.refuses]
        state: StepState = "refused" if refusing else "cached" if result.cached else "done" if result.ran else "skipped"
        note = refusing[0].message if refusing else rows_note(result)
        seconds = round(result.seconds, 3)
        _record(
            run, display, StepRecord(name=name, state=state, seconds=seconds, note=note, fingerprint=step_facts(result))
        )
        if refusing:
            left_out = dict.fromkeys(names[position + 1 :], "refused before") | left_out
            break
    for name, why in left_out.items():
        _record(run, display, StepRecord(name=name, state="skipped", note=why))


def _launch(name: str, launched: "Iterator[NodeResult]", run: Run, display: Display) -> "NodeResult":
    display.step_started(name)
    began = time.monotonic()
    try:
        with progress.listening(display.step_progress):
            return next(launched)
    except BaseException:
        _record(run, display, StepRecord(name=name, state="failed", seconds=round(time.monotonic() - began, 3)))
        raise


def _record(run: Run, display: Display, step: StepRecord) -> None:
    run.record.steps.append(step)
    run.save()
    display.step_ended(step)
