"""A run on Kubeflow in the terms of runs on this machine: steps and a record, for what shows them and for hooks."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from weighbridge.common.errors import ExitCode
from weighbridge.kubeflow.client.tasks import Task
from weighbridge.runs.record import RunRecord, RunState, StepRecord, StepState

if TYPE_CHECKING:
    from weighbridge.kubeflow.client.outcome import KubeflowOutcome

_STEP_STATES: dict[str, StepState] = {
    "SUCCEEDED": "done",
    "CACHED": "cached",
    "FAILED": "failed",
    "SKIPPED": "skipped",
    "CANCELED": "skipped",
}
_RUN_STATES: dict[ExitCode, RunState] = {ExitCode.PASSED: "passed", ExitCode.REFUSED: "refused"}


def step_record(task: Task) -> StepRecord | None:
    """How a step ended; None for one that has not."""
    state = _STEP_STATES.get(task.state)
    if state is None:
        return None
    note = "cancelled" if task.state == "CANCELED" else ""
    return StepRecord(name=task.name, state=state, seconds=round(task.seconds, 1), note=note)


def run_record(ended: "KubeflowOutcome") -> RunRecord:
    """The record of a run that has ended. Parameters and artifacts stay on Kubeflow: they are empty."""
    run = ended.run
    started = run.created or datetime.now(UTC)
    finished = getattr(run.raw, "finished_at", None)
    failed = ended.exit_code not in _RUN_STATES
    return RunRecord(
        run_id=run.run_id,
        pipeline=run.pipeline,
        module="",
        state=_RUN_STATES.get(ended.exit_code, "failed"),
        exit_code=int(ended.exit_code),
        started=started,
        seconds=max(0.0, round((finished - started).total_seconds(), 3)) if finished else 0.0,
        steps=[step for step in map(step_record, run.tasks) if step],
        error="\n".join(filter(None, (ended.message, ended.hint))) if failed else "",
    )
