"""Runs on Kubeflow as they are now, waiting for one to end, and cancelling one."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.kubeflow.client.api import Api, NotThereError
from weighbridge.kubeflow.client.tasks import Task, tasks_of, with_noted_states
from weighbridge.kubeflow.client.versions import subject_of, version_of
from weighbridge.kubeflow.client.waiting import Waiting, waiting

ENDED = frozenset({"SUCCEEDED", "FAILED", "CANCELED", "SKIPPED"})
_FIRST_LINE = "Submitted by Weighbridge."
LONGEST_DESCRIPTION = 255
"""Bytes: `run_details.Description` and `jobs.Description` are varchar(255) in Kubeflow Pipelines since 2.15.

For a longer one the server answers 500 after it has started the workflow, which then runs without being listed.
"""
# A run that the server does not answer about for this long, in seconds, is given up by `wait`.
PATIENCE = 300.0
_SHORTEST_POLL, _LONGEST_POLL = 2.0, 20.0
STALLED = 600.0
"""Seconds. A node that is added, or a large image that is pulled, can take minutes."""


@dataclass(frozen=True)
class KubeflowRun:
    """A run on Kubeflow.

    Attributes:
        run_id: its id.
        name: its display name.
        state: PENDING, RUNNING, SUCCEEDED, FAILED, CANCELING, CANCELED, PAUSED, or empty for one just made.
        url: its page in the UI.
        pipeline: its pipeline's name; its own name where no version is known.
        marks: what Weighbridge wrote into its description: `key` and `package` (digest).
        tasks: its steps, in the order they began; none of a run that was only listed, see `get_run`.
        created: when it was made.
        archived: it was put away in the UI.
        error: what the server reports about its failure.
        raw: the server's message.
        subject: digests that its verdict is bound to by what it was made of, see `versions.Version`.
    """

    run_id: str
    name: str
    state: str
    url: str
    pipeline: str
    marks: dict[str, str]
    tasks: tuple[Task, ...]
    created: datetime | None
    archived: bool
    error: str
    raw: Any
    subject: Mapping[str, str] = field(default_factory=dict)

    @property
    def ended(self) -> bool:
        """Whether it will not change any more."""
        return self.state in ENDED


def describe(marks: dict[str, str]) -> str:
    """The description of a run or schedule that `marks` can be read from again.

    Raises:
        ValueError: it is longer than Kubeflow's database takes.
    """
    text = "\n".join([_FIRST_LINE, *(f"{name}: {value}" for name, value in marks.items())])
    if len(text.encode()) > LONGEST_DESCRIPTION:
        raise ValueError(f"a description of {len(text.encode())} bytes; Kubeflow takes {LONGEST_DESCRIPTION}")
    return text


def read_marks(description: str | None) -> dict[str, str]:
    """What `describe` wrote; empty for a description of someone else's."""
    first, *lines = (description or "").splitlines() or [""]
    if first != _FIRST_LINE:
        return {}
    return {name: value for name, separator, value in (line.partition(": ") for line in lines) if separator}


def get_run(api: Api, run_id: str) -> KubeflowRun:
    """The run as it is now, with its steps.

    Raises:
        NotThereError: there is no such run; see `Api.call` for other errors.
    """
    run = _look(api, run_id)
    return replace(run, tasks=with_noted_states(api, run_id, run.tasks))


def _look(api: Api, run_id: str) -> KubeflowRun:
    """The run, without asking which steps were taken from the cache."""
    if not run_id.strip() or "/" in run_id:
        raise UsageError(f"{run_id!r} is not an id of a run", "Kubeflow's UI and 'weighbridge submit' show the id.")
    raw = api.call(f"run {run_id}", api.client.runs.run_service_get_run, run_id)
    answer = api.last_json()
    run = read_run(api, raw)
    steps = version_of(api, raw).steps
    return replace(run, tasks=tuple(tasks_of(api, run_id, answer, steps, run.state if run.ended else "")))


def read_run(api: Api, raw: Any) -> KubeflowRun:
    """A server's message as a `KubeflowRun`, without its steps."""
    version = version_of(api, raw)
    marks = read_marks(raw.description)
    history = raw.state_history or []
    errors = [status.error.message for status in history if status.error and status.error.message]
    state = str(raw.state or "")
    if state == "FAILED" and any(status.state == "CANCELING" for status in history):
        state = "CANCELED"  # Kubeflow 2.17 ends a cancelled run as failed
    return KubeflowRun(
        run_id=str(raw.run_id),
        name=raw.display_name or "",
        state=state,
        url=api.endpoint.page(f"runs/details/{raw.run_id}"),
        pipeline=version.pipeline or raw.display_name or "",
        marks=marks,
        tasks=(),
        created=raw.created_at,
        archived=raw.storage_state == "ARCHIVED",
        error=(raw.error.message if raw.error else None) or "\n".join(errors),
        raw=raw,
        subject=subject_of(version, raw) | ({"package": marks["package"]} if "package" in marks else {}),
    )


def cancel(api: Api, run_id: str) -> KubeflowRun:
    """Ask Kubeflow to end a run; one that has ended already stays as it is.

    Raises:
        NotThereError: there is no such run; see `Api.call` for other errors.
    """
    run = get_run(api, run_id)
    if run.ended:
        return run
    try:
        api.call(f"run {run_id}", api.client.runs.run_service_terminate_run, run_id)
    except UsageError:
        # It may have ended between the question and the request: that is what was wanted.
        if not (now := get_run(api, run_id)).ended:
            raise
        return now
    return get_run(api, run_id)


def wait(
    api: Api,
    run_id: str,
    on_task: Callable[[Task], None] = lambda task: None,
    *,
    timeout: float | None = None,
    patience: float = PATIENCE,
    poll: tuple[float, float] = (_SHORTEST_POLL, _LONGEST_POLL),
    on_waiting: Callable[[Waiting], None] = lambda waiting: None,
    stalled: float = STALLED,
) -> KubeflowRun:
    """Wait until a run has ended.

    Asks often while steps change and less often while nothing does. A server that does not answer is asked again for
    `patience` seconds: a run goes on while its API server restarts.

    Args:
        api: the server.
        run_id: the run.
        on_task: called with every step whose state changed.
        timeout: seconds after which waiting ends, though the run does not.
        patience: seconds without any answer after which waiting ends.
        poll: shortest and longest pause between two questions, in seconds.
        on_waiting: called, once each, with why a step has not begun, when nothing has changed for a fifth of `stalled`.
        stalled: seconds without any change after which a run is given up whose step cannot begin as things are.

    Raises:
        InfrastructureError: the run was deleted or archived, nothing answers, a step cannot begin, or the time is up.
        UsageError: there never was such a run, or the credentials are not (or no longer) accepted.
    """
    seen: dict[str, str] = {}
    reported: set[Waiting] = set()
    began = answered = moved = time.monotonic()
    pause, known = poll[0], False
    while True:
        try:
            run = _look(api, run_id)
        except NotThereError:
            if not known:
                raise
            raise InfrastructureError(
                f"Run {run_id} was deleted while it was waited for", "Submit it again; how it ended is not known."
            ) from None
        except InfrastructureError as error:
            if time.monotonic() - answered > patience:
                raise InfrastructureError(
                    f"{error.message}. Nothing answered for {patience:.0f} s; run {run_id} may still go on",
                    f"Look again with: weighbridge status {run_id}",
                ) from None
        else:
            known, answered = True, time.monotonic()
            changed = {task.name: task.state for task in run.tasks if seen.get(task.name) != task.state}
            if changed:
                run = replace(run, tasks=with_noted_states(api, run_id, run.tasks))
            for task in run.tasks:
                if task.name in changed:
                    on_task(task)
            seen.update(changed)
            if run.ended:
                return run if changed else replace(run, tasks=with_noted_states(api, run_id, run.tasks))
            moved = time.monotonic() if changed else moved
            if time.monotonic() - moved >= stalled / 5:
                _report_waiting(waiting(api, run_id), reported, on_waiting, run_id, time.monotonic() - moved >= stalled)
            if run.archived:
                raise InfrastructureError(
                    f"Run {run_id} was archived while it was waited for", f"Restore it in the UI: {run.url}"
                )
            pause = poll[0] if changed else min(pause * 1.5, poll[1])
        if timeout is not None and time.monotonic() - began > timeout:
            raise InfrastructureError(
                f"Run {run_id} had not ended after {timeout:.0f} s; it goes on",
                f"Wait on with: weighbridge status {run_id} --wait",
            )
        time.sleep(pause)


def _report_waiting(
    found: list[Waiting], reported: set[Waiting], on_waiting: Callable[[Waiting], None], run_id: str, give_up: bool
) -> None:
    """Report what is new, and give up where something needs a remedy first."""
    for each in found:
        if each not in reported:
            reported.add(each)
            on_waiting(each)
    stuck = next((each for each in found if each.remedy), None)
    if stuck and give_up:
        raise InfrastructureError(
            f"{stuck.step} cannot begin: {stuck.reason}",
            f"{stuck.remedy} The run goes on once that is done (weighbridge status {run_id} --wait); or end it: "
            f"weighbridge cancel {run_id}",
        )
