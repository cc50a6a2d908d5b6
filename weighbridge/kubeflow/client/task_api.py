"""A run's tasks and their artifacts as servers after 2.17 list them, which have no ML Metadata any more.

`GET /apis/v2beta1/runs/<id>/tasks` (`ListTasks` of Kubeflow's `backend/api/v2beta1/run.proto`). Whether a server has it
tells which kind it is: up to 2.17 there is no such address.
"""

from collections.abc import Iterable
from typing import Any

from weighbridge.common.errors import InfrastructureError
from weighbridge.kubeflow.client.api import Api, NotThereError
from weighbridge.kubeflow.client.execution import Artifact, Execution

Tasks = list[dict[str, Any]]

_PAGE = "100"
# Of `PipelineTask.TaskState`, in the words of ML Metadata. One that is not set yet is left out of the answer.
_STATES = {"SUCCEEDED": "COMPLETE"}
# Of `PipelineTask.TaskType`, what runs a container of the pipeline's own, and what is a step though it runs none; the
# others are graphs, conditions and loops around them.
_CONTAINER = "RUNTIME"
_STEPS = frozenset({_CONTAINER, "IMPORTER"})


def tasks(api: Api, run_id: str) -> Tasks | None:
    """The tasks of a run, steps and graphs alike, in the order they were made; None where the server lists none.

    Args:
        api: the server; it is asked only once whether it has this API.
        run_id: of a run that is there.

    Raises:
        NotThereError: the run is gone.
        UsageError: not allowed; see `Api.call` for other errors.
    """
    if api.lists_tasks is False:
        return None
    found: Tasks = []
    query = {"page_size": _PAGE}
    while True:
        try:
            answer = api.read("tasks of the run", f"apis/v2beta1/runs/{run_id}/tasks", query)
        except NotThereError as error:
            # Of a run that is gone the server says which; what is missing here is the address itself.
            if api.lists_tasks or run_id in error.message:
                raise
            api.lists_tasks = False
            return None
        api.lists_tasks = True
        found += answer.get("tasks") or []
        token = str(answer.get("next_page_token") or "")
        if not token:
            return found
        query = {"page_size": _PAGE, "page_token": token}


def steps(found: Iterable[dict[str, Any]]) -> Tasks:
    """Those of the tasks that are steps of the pipeline."""
    return [task for task in found if task.get("type") in _STEPS]


def name_of(task: dict[str, Any]) -> str:
    """The step's name: `name` is only the task's key in the package."""
    return str(task.get("display_name") or task.get("name") or "")


def pods_of(task: dict[str, Any]) -> list[str]:
    """Pods that ran the step; its driver's is not one. They are listed when the step has ended."""
    return [str(pod["name"]) for pod in task.get("pods") or [] if pod.get("type") == "EXECUTOR" and pod.get("name")]


def executions(run_id: str, found: Tasks) -> list[Execution]:
    """The executions among a run's tasks.

    Raises:
        InfrastructureError: none is listed, as of a run that is older than the server's upgrade.
    """
    if not found:
        raise InfrastructureError(
            f"Kubeflow lists no tasks of run {run_id}", "Of a run before the server's upgrade they are not kept."
        )
    # A run's pods share a namespace, which only its artifacts name.
    namespaces = (str(artifact.get("namespace") or "") for task in found for _, artifact in _written(task))
    namespace = next(filter(None, namespaces), "")
    return [_execution(task, namespace) for task in found if task.get("type") == _CONTAINER]


def _execution(task: dict[str, Any], namespace: str) -> Execution:
    state = str(task.get("state") or "")
    outputs = [
        # A plain number of Kubeflow's `Metric` lies nowhere.
        Artifact(key, str(artifact["uri"]), properties=_plain(artifact.get("metadata") or {}))
        for key, artifact in _written(task)
        if artifact.get("uri")
    ]
    return Execution(name_of(task), _STATES.get(state, state), next(reversed(pods_of(task)), ""), namespace, outputs)


def _written(task: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The artifacts that a task wrote, each with its key."""
    return [
        (str(output.get("artifact_key") or ""), artifact)
        for output in (task.get("outputs") or {}).get("artifacts") or []
        for artifact in output.get("artifacts") or []
    ]


def _plain(metadata: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in metadata.items() if isinstance(value, str | int | float | bool)}
