"""One run here, from parameters to a verdict: what changed, the steps, what refuses, the reports."""

import contextlib
import errno
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from components.common import progress
from components.common.errors import ExitCode, InfrastructureError, UsageError, WeighbridgeError
from components.common.memory import give_back, without_collections
from components.verdict import Gate, Verdict, read_gates
from components.verdict.verdict import GATES_FILE, VERDICT_FILE
from pipelines.definition import Context, Definition, Parameters
from pipelines.local import facts
from pipelines.workspace import ArtifactReference, Run, Step, StepState, Workspace

_FULL_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EIO}
# How TensorFlow and sqlite tell the same in errors of their own.
_FULL_DISK_WORDS = ("No space left on device", "disk is full")


class Display(Protocol):
    """Who is told how a run goes."""

    def started(self, run: Run, names: list[str]) -> None:
        """The run begins; these are its steps."""

    def step_started(self, name: str) -> None:
        """A step begins."""

    def step_progress(self, message: str) -> None:
        """The current step says how far it is."""

    def step_ended(self, step: Step) -> None:
        """A step ended."""


@dataclass(frozen=True)
class Outcome:
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
        return ExitCode.PASSED if self.verdict and self.verdict.passed else ExitCode.REFUSED


def earlier_outcome(
    definition: Definition, parameters: Parameters, workspace: Workspace, context: Context
) -> Outcome | None:
    """The outcome of the last run that came to a verdict, if everything it depended on is still the same."""
    for run in reversed(workspace.runs()):
        if run.record.state in ("passed", "refused"):
            if not facts.still_hold(run.record.facts, definition, parameters, context):
                return None
            try:
                return Outcome(run, Verdict.read(run.folder / VERDICT_FILE), unchanged=True)
            except UsageError:
                return None
    return None


def execute(
    definition: Definition, parameters: Parameters, context: Context, run: Run, code_file: Path, display: Display
) -> Outcome:
    """Run the pipeline; the run folder holds the verdict and its reports, also where the run ended early.

    The caller holds the workspace's lock and has redirected the output of libraries to the run's log.
    """
    began = time.monotonic()
    evidence = _Collected()
    try:
        _launch_all(definition, parameters, context, run, code_file, display, evidence)
        verdict = evidence.verdict(definition.name, run.record.run_id)
        run.record.state = "passed" if verdict.passed else "refused"
        outcome = Outcome(run, verdict)
        # What was asked and found, told from digests: the next run compares before it starts anything.
        run.record.facts = evidence.declared | facts.met(evidence.inputs, evidence.input_digests, context)
    except (Exception, KeyboardInterrupt) as error:
        _log_traceback()
        outcome = Outcome(run, None, error=explain(error, run))
        run.record.state = "failed"
        run.record.error = str(outcome.error)
    run.record.seconds = round(time.monotonic() - began, 3)
    return _finished(run, outcome, evidence)


def _log_traceback() -> None:
    """Into the log, and with --verbose to the terminal; a full disk must not hide the error itself."""
    with contextlib.suppress(OSError):
        traceback.print_exc()


def _finished(run: Run, outcome: Outcome, evidence: "_Collected") -> Outcome:
    """Leave the verdict, its reports and the run's record; where even these cannot be written, say so."""
    try:
        if outcome.verdict:
            outcome.verdict.write(run.folder / VERDICT_FILE)
            _write_reports(run, outcome.verdict, evidence)
        run.record.exit_code = int(outcome.exit_code)
        run.save()
    except Exception as error:
        _log_traceback()
        outcome = Outcome(run, outcome.verdict, error=outcome.error or explain(error, run))
        run.record.state, run.record.error, run.record.exit_code = "failed", str(outcome.error), int(outcome.exit_code)
        with contextlib.suppress(OSError):
            run.save()
    return outcome


class _Collected:
    """What the steps left: gates in the order of the steps, folders for the report, digests."""

    def __init__(self) -> None:
        self.gates: list[Gate] = []
        self.folders: dict[str, Path] = {}
        self.subject: dict[str, str] = {}
        self.declared: dict[str, Any] = {}
        self.inputs: list[dict[str, Any]] = []
        self.input_digests: list[str] = []

    def verdict(self, pipeline: str, run_id: str) -> Verdict:
        gates = self.gates or [
            Gate(
                name="run.gates.present",
                passed=False,
                observed=0,
                message="No step of this pipeline weighed anything. Add a DataValidator or an Evaluator to it.",
            )
        ]
        return Verdict.of(gates, pipeline=pipeline, run_id=run_id, subject=self.subject)

    def add(self, key: str, artifact: Any) -> list[Gate]:
        """Take an output artifact in; returns the gates it holds."""
        folder = Path(artifact.uri)
        if not artifact.has_custom_property("exists"):  # else it is production's, not this run's
            self.folders[key] = folder
        if artifact.type_name == "Examples" and (digest := artifact.get_string_custom_property("content_digest")):
            self.subject.setdefault("data", digest)
        if (folder / VERDICT_FILE).exists():
            self.subject.update(Verdict.read(folder / VERDICT_FILE).subject)
        gates: list[Gate] = []
        if (folder / GATES_FILE).exists():
            gates = read_gates(folder)
        elif artifact.type_name == "PushedModel":
            gates = [_stock_push(artifact)]
        self.gates.extend(gates)
        return gates


def _stock_push(artifact: Any) -> Gate:
    pushed = bool(artifact.get_int_custom_property("pushed"))
    message = "The model was pushed." if pushed else "The model was not pushed: it was not blessed."
    return Gate(name="push.model.pushed", passed=pushed, observed=pushed, threshold=True, message=message)


def _launch_all(
    definition: Definition,
    parameters: Parameters,
    context: Context,
    run: Run,
    code_file: Path,
    display: Display,
    evidence: _Collected,
) -> None:
    display.step_started("loading TFX")
    with without_collections():
        from pipelines.local.steps import PipelineSteps

        pipeline = definition.create_pipeline(parameters, context)
        steps = PipelineSteps(pipeline, run.record.run_id, str(code_file))
    evidence.declared = facts.declared(definition, parameters, steps.functions)
    display.started(run, steps.names)
    remaining = list(steps.names)
    launched = steps.launch()
    while remaining:
        name = remaining[0]
        display.step_started(name)
        began = time.monotonic()
        try:
            with progress.listening(display.step_progress):
                result = next(launched)
        except BaseException:
            _record(run, display, Step(name=name, state="failed", seconds=round(time.monotonic() - began, 3)))
            raise
        remaining.pop(0)
        give_back()
        gates = _take_outputs(run, result, evidence)
        refusing = [gate for gate in gates if gate.refuses]
        state: StepState = "refused" if refusing else "cached" if result.cached else "done" if result.ran else "skipped"
        note = refusing[0].message if refusing else _rows(result)
        _record(run, display, Step(name=name, state=state, seconds=round(result.seconds, 3), note=note))
        if refusing:
            for skipped in remaining:
                _record(run, display, Step(name=skipped, state="skipped", note="refused before"))
            return


def _record(run: Run, display: Display, step: Step) -> None:
    run.record.steps.append(step)
    run.save()
    display.step_ended(step)


def _take_outputs(run: Run, result: Any, evidence: _Collected) -> list[Gate]:
    from pipelines.local.launcher import CONTENT_DIGEST

    gates: list[Gate] = []
    if {"input", "span", "window", "input_digest"} <= set(result.exec_properties):
        evidence.inputs.append({key: result.exec_properties[key] for key in ("input", "span", "window")})
        evidence.input_digests.append(result.exec_properties["input_digest"])
    for key, artifacts in result.outputs.items():
        for artifact in artifacts:
            gates += evidence.add(key, artifact)
            run.record.artifacts.append(
                ArtifactReference(
                    step=result.name,
                    key=key,
                    type=artifact.type_name,
                    uri=artifact.uri,
                    digest=artifact.get_string_custom_property(CONTENT_DIGEST) or "",
                )
            )
    return gates


def _rows(result: Any) -> str:
    """`10,012 train + 4,990 eval rows` for a step that writes examples."""
    for artifacts in result.outputs.values():
        for artifact in artifacts:
            if artifact.type_name == "Examples":
                counts = {
                    name.removeprefix("rows_"): int(value.int_value)
                    for name, value in artifact.mlmd_artifact.custom_properties.items()
                    if name.startswith("rows_")
                }
                if counts:
                    parts = (f"{count:,} {split}" for split, count in sorted(counts.items(), key=lambda pair: -pair[1]))
                    return f"{' + '.join(parts)} rows"
    return ""


def _write_reports(run: Run, verdict: Verdict, evidence: _Collected) -> None:
    from components.report import Evidence, write_reports

    steps = [step.model_dump() for step in run.record.steps]
    write_reports(run.folder, Evidence.collect(verdict, evidence.folders, steps=steps))


def explain(error: BaseException, run: Run) -> WeighbridgeError:
    """An error as a person can act on it; the traceback is in the run's log."""
    for cause in _chain(error):
        if isinstance(cause, WeighbridgeError):
            return cause
        full = any(words in str(cause) for words in _FULL_DISK_WORDS)
        if full or (isinstance(cause, OSError) and cause.errno in _FULL_DISK):
            place = getattr(cause, "filename", None) or run.folder.parents[1]
            return InfrastructureError(
                f"The disk failed while writing {place}: {getattr(cause, 'strerror', None) or 'no space left'}",
                "Free some space, then run again: finished steps are kept.",
            )
        if isinstance(cause, PermissionError):
            return UsageError(f"{cause.filename} cannot be written: {cause.strerror}")
        if isinstance(cause, MemoryError):
            return InfrastructureError("The machine ran out of memory", "Run again on a larger one.")
    if isinstance(error, KeyboardInterrupt):
        return InfrastructureError("Interrupted", "Run again: finished steps are kept.")
    step = run.record.steps[-1].name if run.record.steps else run.record.pipeline
    first = (str(error).strip().splitlines() or [""])[0]
    return UsageError(f"{step} failed: {type(error).__name__}: {first}", f"The whole story is in {run.log}")


def _chain(error: BaseException | None) -> list[BaseException]:
    """An error and what caused it, the outermost first."""
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found
