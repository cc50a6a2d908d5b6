"""Shapes of a Kubeflow server's answers, for the double: nodes of a run, and the metadata store's messages."""

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
        ended = state in ("SUCCEEDED", "FAILED", "SKIPPED")
        listed += [
            {"display_name": f"{name}-driver", "state": "SUCCEEDED"},
            {"display_name": "executor", "state": state},
            {
                "display_name": name,
                "state": state,
                "start_time": now(at * 10),
                "end_time": now(at * 10 + 7) if ended else never,
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


def metadata(
    run_id: str,
    states: dict[str, str],
    method: str,
    body: bytes,
    properties: dict[tuple[str, str], dict[str, str | float]],
) -> bytes:
    """The metadata store: one execution per step that began, and the artifacts of those that succeeded.

    `properties` are custom properties of artifacts, by step and key; a key that is not usual is an artifact more.
    """
    request = getattr(service, f"{method}Request").FromString(body[5:])
    answer = getattr(service, f"{method}Response")()
    names = list(NODES)
    keys = [
        ("ExampleGen", "examples"),
        ("Evaluator", "evaluation"),
        ("Evaluator", "blessing"),
        ("Pusher", "pushed_model"),
    ]
    keys += [output for output in properties if output not in keys]
    known = {"SUCCEEDED": "COMPLETE", "FAILED": "FAILED", "RUNNING": "RUNNING"}
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
            execution.custom_properties["pod_name"].string_value = f"{WORKFLOW}-system-container-impl-{NODES[name]}"
            execution.custom_properties["namespace"].string_value = "team"
    elif method == "GetEventsByExecutionIDs":
        for at, (name, key) in enumerate(keys):
            number = 10 + names.index(name)
            if number in request.execution_ids and began.get(name) == "COMPLETE":
                event = answer.events.add(execution_id=number, artifact_id=100 + at, type=store.Event.OUTPUT)
                event.path.steps.add(key=key)
    elif method == "GetArtifactsByID":
        for number in request.artifact_ids:
            name, key = keys[number - 100]
            artifact = answer.artifacts.add(id=number, uri=f"minio://{BUCKET}/v2/tiny/{name}/uuid/{key}")
            for property_name, value in properties.get((name, key), {}).items():
                kind = "string_value" if isinstance(value, str) else "double_value"
                setattr(artifact.custom_properties[property_name], kind, value)
    message = answer.SerializeToString()
    trailer = b"grpc-status:0\r\n"
    return struct.pack(">BI", 0, len(message)) + message + struct.pack(">BI", 0x80, len(trailer)) + trailer
