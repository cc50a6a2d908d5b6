"""The steps of a run as they are now, from either kind of server.

Servers up to 2.17 list the nodes of Argo's workflow with the run, most of them scaffolding; later ones list tasks of
their own (`task_api`). Both are read from the JSON of the answer: the messages of a newer kfp have no nodes, those of
an older one no tasks.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from weighbridge.common.errors import WeighbridgeError
from weighbridge.kubeflow.client import metadata, task_api
from weighbridge.kubeflow.client.api import Api
from weighbridge.kubeflow.step.step_verdict import NOT_RUN_PROPERTY, STEP_VERDICT

# Nodes that Kubeflow puts around every step: its driver, its executor (with a number per retry), the graph itself.
_SCAFFOLDING = re.compile(r"(?:.*-driver|executor|entrypoint|root|iteration-.*|.*-loop)(?:\(\d+\))?|")
_DONE = ("SUCCEEDED", "CACHED")
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Task:
    """A step of a run: its name, Kubeflow's state (RUNNING, SUCCEEDED, …), and its seconds where it ended.

    Attributes:
        pods: names of its pods as far as the server lists them; a log is found through them.
        error: what the server reports about its failure; servers up to 2.17 report nothing.
    """

    name: str
    state: str
    seconds: float = 0.0
    pods: tuple[str, ...] = ()
    error: str = ""


def tasks_of(api: Api, run_id: str, answer: Mapping[str, Any], steps: Sequence[str], ended: str = "") -> list[Task]:
    """The steps of a run, in the order they began; what has not begun may be missing.

    Args:
        api: the server.
        run_id: of the run.
        answer: the server's answer about the run.
        steps: names of the pipeline's steps, where they are known.
        ended: the run's state, where it has ended.

    Raises:
        The errors of `Api.call`.
    """
    listed = task_api.tasks(api, run_id)
    if listed is None:
        return _from_nodes((answer.get("run_details") or {}).get("task_details") or [], steps)
    found = [_from_task(task, ended) for task in _last_of_each(task_api.steps(listed), steps)]
    # A step that another's failure left out was never made a task; Argo lists it as skipped.
    names = {task.name for task in found}
    left_out = [name for name in steps if name not in names] if ended and found else []
    return found + [Task(name, "SKIPPED") for name in left_out]


def with_noted_states(api: Api, run_id: str, tasks: Iterable[Task]) -> tuple[Task, ...]:
    """The tasks, those taken from the cache as CACHED, those that did nothing behind a refusal as SKIPPED.

    To Argo's workflow they succeeded like any other. Where the server does not hand out its metadata they stay as they
    are.
    """
    found = tuple(tasks)
    if not any(task.state in _DONE for task in found):
        return found
    try:
        ran = metadata.executions(api, run_id)
    except WeighbridgeError:
        return found
    states = {each.name: "CACHED" for each in ran if each.state == "CACHED"}
    # A pod that steps share did nothing only if none of them did anything.
    for each in ran:
        told = [NOT_RUN_PROPERTY in made.properties for made in each.outputs if made.key.endswith(STEP_VERDICT)]
        if told and all(told):
            states[each.name] = "SKIPPED"
    return tuple(
        replace(task, state=states.get(task.name, task.state)) if task.state in _DONE else task for task in found
    )


def _last_of_each(listed: task_api.Tasks, steps: Sequence[str]) -> task_api.Tasks:
    """One task per name: a step in a loop counts as its last."""
    named = {task_api.name_of(task): task for task in listed}
    return [task for name, task in named.items() if not steps or name in steps]


def _from_task(task: dict[str, Any], ended: str) -> Task:
    state = str(task.get("state") or "PENDING")
    if ended in ("FAILED", "CANCELED") and state in ("PENDING", "RUNNING"):
        state = ended  # only a step itself reports that it ended: one that was killed, or never began, stays RUNNING
    message = str((task.get("status_metadata") or {}).get("message") or "")
    seconds = _seconds(_time(task, "create_time"), _time(task, "end_time"))
    return Task(task_api.name_of(task), state, seconds, tuple(reversed(task_api.pods_of(task))), message)


def _from_nodes(nodes: Iterable[dict[str, Any]], steps: Sequence[str]) -> list[Task]:
    """The steps among Argo's nodes; a retried or repeated node counts as its last state."""
    found: dict[str, tuple[datetime | None, Task]] = {}
    for node in nodes:
        name = str(node.get("display_name") or "")
        wanted = name in steps if steps else not _SCAFFOLDING.fullmatch(name)
        # The node of the whole workflow has no name among the steps either: its child is the graph, root.
        if not wanted or (not steps and _is_workflow(node)):
            continue
        began = _time(node, "start_time")
        seconds = _seconds(began, _time(node, "end_time"))
        task = Task(name, str(node.get("state") or "PENDING"), seconds, _pods(node), _error(node))
        found[name] = (began or _time(node, "create_time"), task)
    ordered = sorted(found.values(), key=lambda pair: (pair[0] is None, pair[0].timestamp() if pair[0] else 0.0))
    return [task for _, task in ordered]


def _children(node: dict[str, Any]) -> list[str]:
    return [str(child.get("pod_name") or "") for child in node.get("child_tasks") or []]


def _is_workflow(node: dict[str, Any]) -> bool:
    return any(child.startswith(f"{node.get('display_name')}-") for child in _children(node))


def _time(item: dict[str, Any], name: str) -> datetime | None:
    """A moment; None for one that is not there, or before anything began (1970)."""
    try:
        moment = datetime.fromisoformat(str(item.get(name) or ""))
    except ValueError:
        return None
    return moment if moment > _NEVER else None


def _seconds(began: datetime | None, ended: datetime | None) -> float:
    return max(0.0, (ended - began).total_seconds()) if began and ended else 0.0


def _pods(node: dict[str, Any]) -> tuple[str, ...]:
    """Pods that may be the step's: the server gives Argo's node ids, which newer Argo does not name pods by."""
    names: list[str] = []
    for pod in [str(node.get("pod_name") or ""), *_children(node)]:
        if pod:
            workflow, _, number = pod.rpartition("-")
            names += [f"{workflow}-system-container-impl-{number}", pod] if workflow else [pod]
    return tuple(dict.fromkeys(names))


def _error(node: dict[str, Any]) -> str:
    history = [(status.get("error") or {}).get("message") for status in node.get("state_history") or []]
    return str((node.get("error") or {}).get("message") or "\n".join(filter(None, history)))
