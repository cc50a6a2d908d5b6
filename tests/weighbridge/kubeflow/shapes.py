"""Shapes of the answers of Kubeflow 2.17, for the double: nodes of a run, and the metadata store's messages.

All were recorded from a real server, but for a step from the cache: that its executor's node is SKIPPED, and that its
execution names another one, is from the sources (`backend/src/v2/compiler/argocompiler/container.go` and
`backend/src/v2/metadata/client.go` of kubeflow/pipelines).
"""

import struct
import time
from typing import Any

from ml_metadata.proto import metadata_store_pb2 as store
from ml_metadata.proto import metadata_store_service_pb2 as service

BUCKET = "mlpipeline"
WORKFLOW = "tiny-x7k2p"
NODES = {"ExampleGen": "1111", "Evaluator": "2222", "Pusher": "3333"}


def now(offset: int = 0) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(1_764_000_000 + offset))


def details(run_id: str, tasks: dict[str, str], errors: dict[str, str]) -> list[dict[str, Any]]:
    """Nodes as Argo has them: the workflow, the graph, and per step a driver, the step and its executor."""
    never = "1970-01-01T00:00:00Z"
    listed = [
        {"display_name": WORKFLOW, "child_tasks": [{"pod_name": f"{WORKFLOW}-9999"}], "state": "RUNNING"},
        {"display_name": "root", "state": "RUNNING"},
        {"display_name": "root-driver", "state": "SUCCEEDED"},
    ]
    for at, (name, state) in enumerate(tasks.items()):
        ended, cached = state in ("SUCCEEDED", "FAILED", "SKIPPED", "CACHED"), state == "CACHED"
        state = "SUCCEEDED" if cached else state
        listed += [
            {"display_name": f"{name}-driver", "state": "SUCCEEDED"},
            {"display_name": "executor", "state": "SKIPPED" if cached else state},
            {
                "display_name": name,
                "state": state,
                "start_time": now(at * 10),
                "end_time": now(at * 10 + 7 * (not cached)) if ended else never,
                "child_tasks": [{"pod_name": f"{WORKFLOW}-{NODES[name.removesuffix('(0)')]}"}],
                **({"error": {"code": 2, "message": errors[name]}} if name in errors else {}),
            },
        ]
    return [item | {"run_id": run_id, "task_id": f"task-{at}"} for at, item in enumerate(listed)]


def workflow(waiting: dict[str, str]) -> dict[str, Any]:
    """Argo's workflow as Kubeflow keeps it: per step a graph of its own, and in it the pod."""
    nodes: dict[str, Any] = {
        WORKFLOW: {"id": WORKFLOW, "displayName": WORKFLOW, "type": "DAG", "phase": "Running"},
        f"{WORKFLOW}-1": {"id": f"{WORKFLOW}-1", "displayName": "root", "type": "DAG", "boundaryID": WORKFLOW},
    }
    for name, number in NODES.items():
        step, pod = f"{WORKFLOW}-{number}9", f"{WORKFLOW}-{number}"
        nodes[step] = {"id": step, "displayName": name, "type": "DAG", "boundaryID": f"{WORKFLOW}-1"}
        nodes[pod] = {
            "id": pod,
            "displayName": "executor",
            "type": "Pod",
            "templateName": "system-container-impl",
            "boundaryID": step,
            "phase": "Pending" if name in waiting else "Succeeded",
            **({"message": waiting[name]} if waiting.get(name) else {}),
        }
    return {"metadata": {"name": WORKFLOW}, "status": {"phase": "Running", "nodes": nodes}}


def output_keys(properties: dict[tuple[str, str], Any]) -> list[tuple[str, str]]:
    """The steps' outputs: the usual ones, and those that a test gives properties."""
    keys = [
        ("ExampleGen", "examples"),
        ("Evaluator", "evaluation"),
        ("Evaluator", "blessing"),
        ("Pusher", "pushed_model"),
    ]
    return keys + [output for output in properties if output not in keys]


def address(step: str, key: str, addresses: dict[tuple[str, str], str]) -> str:
    """Where an output lies."""
    return addresses.get((step, key)) or f"minio://{BUCKET}/v2/tiny/{step}/uuid/{key}"


def metadata(
    run_id: str,
    states: dict[str, str],
    method: str,
    body: bytes,
    properties: dict[tuple[str, str], dict[str, str | float | bool]],
    addresses: dict[tuple[str, str], str],
) -> bytes:
    """The metadata store: one execution per step that began, and the artifacts of those that succeeded.

    `properties` are custom properties of artifacts, by step and key; a key that is not usual is an artifact more.
    `addresses` is where those lie that do not lie in the bucket.
    """
    request = getattr(service, f"{method}Request").FromString(body[5:])
    answer = getattr(service, f"{method}Response")()
    names = list(NODES)
    keys = output_keys(properties)
    known = {"SUCCEEDED": "COMPLETE", "CACHED": "CACHED", "FAILED": "FAILED", "RUNNING": "RUNNING"}
    began = {name: known[state] for name, state in states.items() if name in NODES and state in known}
    if method == "GetContextByTypeAndName" and request.context_name == run_id:
        answer.context.id, answer.context.name = 7, run_id
    elif method == "GetExecutionsByContext":
        dag = answer.executions.add(id=1, type="system.DAGExecution")
        dag.custom_properties["task_name"].string_value = "root"
        for name, state in began.items():
            execution = answer.executions.add(id=10 + names.index(name), type="system.ContainerExecution")
            execution.last_known_state = store.Execution.State.Value(state)
            execution.custom_properties["task_name"].string_value = name
            if states[name] == "CACHED":
                execution.custom_properties["cached_execution_id"].string_value = "4"
            else:
                execution.custom_properties["pod_name"].string_value = f"{WORKFLOW}-system-container-impl-{NODES[name]}"
            execution.custom_properties["namespace"].string_value = "team"
    elif method == "GetEventsByExecutionIDs":
        for at, (name, key) in enumerate(keys):
            number = 10 + names.index(name)
            if number in request.execution_ids and began.get(name) in ("COMPLETE", "CACHED"):
                event = answer.events.add(execution_id=number, artifact_id=100 + at, type=store.Event.OUTPUT)
                event.path.steps.add(key=key)
    elif method == "GetArtifactsByID":
        for number in request.artifact_ids:
            name, key = keys[number - 100]
            artifact = answer.artifacts.add(id=number, uri=address(name, key, addresses))
            for property_name, value in properties.get((name, key), {}).items():
                kind = "string_value" if isinstance(value, str) else "double_value"
                kind = "bool_value" if isinstance(value, bool) else kind
                setattr(artifact.custom_properties[property_name], kind, value)
    message = answer.SerializeToString()
    trailer = b"grpc-status:0\r\n"
    return struct.pack(">BI", 0, len(message)) + message + struct.pack(">BI", 0x80, len(trailer)) + trailer
