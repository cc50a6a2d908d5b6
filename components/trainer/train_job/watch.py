"""Watching a TrainJob until it ends, and telling why it failed."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from weighbridge.common import progress
from weighbridge.common.errors import ExitCode, InfrastructureError, UsageError, WeighbridgeError
from weighbridge.components.trainer.history import read_history
from weighbridge.components.trainer.train_job.access import TrainJobs
from weighbridge.components.trainer.train_job.exchange import Outcome

COMPLETE = "Complete"
FAILED = "Failed"
SUSPENDED = "Suspended"

_START_S = 900.0  # for the first pod: after that nobody seems to look after TrainJobs
_NEVER_STARTED = "TrainingRuntimeNotSupported"


def condition(job: Mapping[str, Any], kind: str) -> dict[str, str] | None:
    """A condition of a TrainJob that holds; None where it does not, or is not known."""
    found = (job.get("status") or {}).get("conditions") or []
    return next((each for each in found if each["type"] == kind and each["status"] == "True"), None)


def wait(jobs: TrainJobs, name: str, model_run: Path, *, start_s: float = _START_S) -> dict[str, Any]:
    """Wait until a TrainJob is complete or failed; what changes meanwhile is reported as progress.

    Args:
        jobs: the TrainJobs of the namespace.
        name: of the TrainJob.
        model_run: folder in which the chief writes its history.
        start_s: how long no pod may be there, unless the TrainJob is suspended.

    Returns:
        The TrainJob as it ended.

    Raises:
        InfrastructureError: somebody deleted it, no pod ever came, or Kubernetes was away for too long.
    """
    told, started = "", time.monotonic()
    while True:
        job = jobs.get(name)
        if job is None:
            raise InfrastructureError(
                f"TrainJob {name} was deleted while it ran", "Was the step's pod, its owner, removed?"
            )
        if condition(job, COMPLETE) or condition(job, FAILED):
            return job
        pods = pods_of(jobs, name)
        suspended = condition(job, SUSPENDED)
        if pods or suspended:
            started = time.monotonic()
        elif time.monotonic() - started > start_s:
            raise InfrastructureError(
                f"TrainJob {name} has no pod after {start_s:.0f} s",
                f"Does Kubeflow Trainer's controller run? kubectl describe trainjob,jobset {name}",
            )
        state = "suspended, waits until it is resumed" if suspended else _state(pods, job, model_run)
        if state != told:
            progress.report(f"TrainJob {name}: {state}")
            told = state
        time.sleep(jobs.pause_s)


def why_failed(job: Mapping[str, Any], outcomes: Mapping[int, Outcome], pods: list[dict[str, Any]]) -> WeighbridgeError:
    """The error that a failed TrainJob stands for.

    What a node says of its own code counts more than what others say, who only lost it.

    Args:
        job: the TrainJob.
        outcomes: what its nodes said, by number.
        pods: its pods, as far as they are still there.
    """
    name = job["metadata"]["name"]
    failed = condition(job, FAILED) or {"reason": "Complete", "message": "but a node failed"}
    if failed["reason"] == _NEVER_STARTED:
        return UsageError(f"TrainJob {name}: {failed['message']}", "Name another runtime in train_job.")
    wrong = {node: outcome for node, outcome in outcomes.items() if outcome.exit_code != ExitCode.PASSED}
    for kind in (ExitCode.USAGE, ExitCode.INFRASTRUCTURE):
        for node, outcome in sorted(wrong.items()):
            if outcome.exit_code == kind:
                return outcome.error(f"Node {node} of TrainJob {name}")
    ends = [text for pod in pods if (text := _end(pod))]
    said = "; ".join([f"{failed['reason']}: {failed['message']}", *ends])
    hint = "Run again: with checkpoints, training resumes. More memory, or a longer timeout_s, may be needed first."
    return InfrastructureError(f"TrainJob {name} failed, and no node said why. {said}", hint)


def pods_of(jobs: TrainJobs, name: str) -> list[dict[str, Any]]:
    """A TrainJob's pods; they only tell people more, so an account that may not list them still trains."""
    try:
        return jobs.pods(name)
    except UsageError:
        return []


def _state(pods: list[dict[str, Any]], job: Mapping[str, Any], model_run: Path) -> str:
    running = sum(pod["status"].get("phase") in ("Running", "Succeeded") for pod in pods)
    parts = [f"{running} of {job['spec']['trainer']['numNodes']} nodes run"]
    parts += sorted({text for pod in pods if (text := _waits_for(pod))})
    history = _history(model_run)
    if history and history.epochs:
        last = [f"{key} {values[-1]:.4g}" for key, values in history.metrics.items() if key == "loss" and values[-1]]
        parts.append(" ".join([f"epoch {history.epochs}", *last]))
    return ", ".join(parts)


def _history(model_run: Path) -> Any:
    try:
        return read_history(model_run)
    except UsageError:
        return None  # of a version that this one cannot read: the end will tell


def _waits_for(pod: Mapping[str, Any]) -> str:
    """Why a pod has not started."""
    status = pod["status"]
    for each in status.get("conditions") or []:
        if each["type"] == "PodScheduled" and each["status"] == "False":
            return f"waits: {each.get('message') or each.get('reason')}"
    for container in status.get("containerStatuses") or []:
        waiting = (container.get("state") or {}).get("waiting")
        if waiting and waiting.get("reason") not in (None, "ContainerCreating", "PodInitializing"):
            return f"waits: {waiting['reason']} {waiting.get('message') or ''}".strip()
    return ""


def _end(pod: Mapping[str, Any]) -> str:
    """How a pod ended badly: evicted, out of memory, with its node."""
    name, status = pod["metadata"]["name"], pod["status"]
    for each in status.get("conditions") or []:
        if each["type"] == "DisruptionTarget" and each["status"] == "True":
            return f"{name}: {each.get('reason')}, {each.get('message')}"
    if status.get("reason"):  # Evicted, NodeLost
        return f"{name}: {status['reason']}, {status.get('message')}"
    for container in status.get("containerStatuses") or []:
        ended = (container.get("state") or {}).get("terminated")
        if ended and ended.get("exitCode"):
            return f"{name}: {ended.get('reason')}, exit code {ended['exitCode']}"
    return ""
