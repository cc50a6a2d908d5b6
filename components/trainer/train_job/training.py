"""A training in a TrainJob, from the step's side: hand over, create or take up, watch, take back."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

from weighbridge.common import progress
from weighbridge.common.digests import value_digest
from weighbridge.common.errors import ExitCode, InfrastructureError, UsageError
from weighbridge.components.trainer.train_job import manifest, watch
from weighbridge.components.trainer.train_job.access import TrainJobs
from weighbridge.components.trainer.train_job.exchange import Exchange, Outcome, Request
from weighbridge.components.trainer.train_job.manifest import StepPod
from weighbridge.components.trainer.train_job.options import TrainJob

_TERMINATED = 128 + signal.SIGTERM


def job_name(identity: Any) -> str:
    """Name of the TrainJob for one run's step: the same whenever that step is tried again.

    Args:
        identity: JSON value that no other step of no other run shares, e.g. the address of an output.
    """
    return f"train-{value_digest(identity).removeprefix('sha256:')[:16]}"


def exchange_of(option: TrainJob, name: str) -> Exchange:
    """The folder of a TrainJob in the shared volume.

    Raises:
        UsageError: the volume is not mounted in this step.
    """
    if not Path(option.folder).is_dir():
        raise UsageError(
            f"Volume claim {option.claim!r} is not mounted at {option.folder}",
            "Compile the pipeline again; in a pipeline of KFP's own DSL mount it with kfp.kubernetes.mount_pvc.",
        )
    return Exchange(Path(option.folder, "jobs", name))


def run(
    jobs: TrainJobs,
    pod: StepPod,
    option: TrainJob,
    exchange: Exchange,
    request: Callable[[], Request],
    outputs: Mapping[str, str],
) -> Outcome:
    """Train in a TrainJob, until its chief's outputs are in the step's own folders.

    A TrainJob of this name that is under way, or complete, is taken up: an earlier pod of the same step made it. When
    this process is terminated, so is the TrainJob.

    Args:
        jobs: the TrainJobs of the namespace.
        pod: the step's own.
        option: what the pipeline asked for.
        exchange: the TrainJob's folder, which is called as the TrainJob.
        request: stages the inputs and says what to train; called where a new TrainJob is needed.
        outputs: where the step leaves each output, by name.

    Returns:
        What the chief said.

    Raises:
        UsageError: the TrainJob was refused, or the user's code raised an error on a node.
        InfrastructureError: a node or the TrainJob was lost: trying again resumes from the last checkpoint.
    """
    try:
        job = _run(jobs, pod, option, exchange, request)
        outcome = _outcome(jobs, job, exchange)
    except UsageError:
        exchange.remove()  # nobody will try this again as it is
        raise
    for key, target in outputs.items():
        exchange.take(key, outcome.outputs.get(key, ""), target)
    exchange.remove()
    return outcome


def _run(
    jobs: TrainJobs, pod: StepPod, option: TrainJob, exchange: Exchange, request: Callable[[], Request]
) -> dict[str, Any]:
    """Create or take up the TrainJob, and wait for its end."""
    name = exchange.folder.name
    with _deleted_when_stopped(lambda: jobs.delete(name)):
        found = jobs.get(name)
        if found is not None and not _can_be_taken_up(found, exchange):
            progress.report(f"TrainJob {name} of an earlier attempt is removed")
            jobs.delete_and_wait(name)
            found = None
        if found is None:
            exchange.begin(request())
            jobs.create(manifest.train_job(name, option, pod, str(exchange.folder)))
            progress.report(f"TrainJob {name} on {option.nodes} nodes of runtime {option.runtime}")
        else:
            progress.report(f"TrainJob {name} of an earlier attempt is taken up")
            jobs.adopt(found, pod)
        return watch.wait(jobs, name, exchange.output("model_run"))


def _can_be_taken_up(job: Mapping[str, Any], exchange: Exchange) -> bool:
    if job["metadata"].get("deletionTimestamp") or watch.condition(job, watch.FAILED):
        return False
    return not watch.condition(job, watch.COMPLETE) or bool(exchange.outcomes())


def _outcome(jobs: TrainJobs, job: Mapping[str, Any], exchange: Exchange) -> Outcome:
    """What the chief said; an error where a node failed."""
    exchange.wait_for(lambda: 0 in exchange.outcomes() or watch.condition(job, watch.FAILED))
    outcomes = exchange.outcomes()
    failed = watch.condition(job, watch.FAILED) or any(each.exit_code != ExitCode.PASSED for each in outcomes.values())
    if failed:
        raise watch.why_failed(job, outcomes, watch.pods_of(jobs, job["metadata"]["name"]))
    if 0 not in outcomes:
        raise InfrastructureError(
            f"TrainJob {job['metadata']['name']} is complete, but its chief left nothing in {exchange.folder}",
            "Do the step and the nodes mount the same claim? It must be ReadWriteMany on several machines.",
        )
    return outcomes[0]


@contextlib.contextmanager
def _deleted_when_stopped(delete: Callable[[], None]) -> Iterator[None]:
    """Turn SIGTERM, which a cancelled step gets, into an exit; on any exit but by an error, delete first."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise SystemExit(_TERMINATED)

    main = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGTERM, stop) if main else None
    try:
        yield
    except (SystemExit, KeyboardInterrupt):
        with contextlib.suppress(UsageError, InfrastructureError):  # it goes with the step's pod, its owner
            delete()
        raise
    finally:
        if main:
            signal.signal(signal.SIGTERM, before)
