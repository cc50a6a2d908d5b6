"""Shapes of the tasks and artifacts of a server without ML Metadata, for the double; from sources, not recorded.

Of kubeflow/pipelines in August 2026, with the change that took ML Metadata out:

- `backend/api/v2beta1/run.proto` and `artifact.proto`: names of fields and enums;
- `backend/src/apiserver/common/utils.go`, `CustomMarshaler`: snake_case names, nothing that is unset, enums as texts;
- `backend/src/apiserver/server/api_converter.go`, `toAPITask` and `toAPIArtifact`: which fields are filled, of them
  always `inputs` and `outputs`, never a time at which a task started;
- `backend/src/apiserver/server/run_server.go`: tasks are in pages of their own, and not in the run;
- `backend/src/v2/driver/root_dag.go`, `container.go`: the root, and a task per step whose driver ran; what was taken
  from the cache is CACHED, has its end and no pod but the driver's, and the artifacts of the earlier run;
- `backend/src/v2/component/launcher_v2.go`: the step's own pod, state, end and message are written when it has ended; a
  step that failed has no artifacts, and what is no type of Kubeflow's own is an `Artifact` with its title as metadata.
"""

from typing import Any

from tests.weighbridge.kubeflow.shapes import NODES, WORKFLOW, address, now, output_keys

ROOT = "task-root"


def listed_tasks(
    run_id: str,
    states: dict[str, str],
    properties: dict[tuple[str, str], dict[str, str | float | bool]],
    addresses: dict[tuple[str, str], str],
    errors: dict[str, str],
) -> list[dict[str, Any]]:
    """The root, and the steps that began: of those behind a failed one no driver ever ran."""
    began = {name: state for name, state in states.items() if state not in ("SKIPPED", "PENDING")}
    if not began:
        return []
    root = {
        "name": "ROOT",
        "display_name": "tiny-abc",
        "task_id": ROOT,
        "run_id": run_id,
        "pods": [_pod(f"{WORKFLOW}-system-dag-driver-9998", "DRIVER")],
        "create_time": now(),
        "state": "RUNNING",
        "state_history": [{"update_time": now(), "state": "RUNNING"}],
        "type": "ROOT",
        "type_attributes": {},
        "child_tasks": [{"task_id": f"task-{name}", "name": _key(name)} for name in began],
        "inputs": {},
        "outputs": {},
        "scope_path": "root",
    }
    return [
        root,
        *(_step(run_id, name, began[name], at, properties, addresses, errors) for at, name in enumerate(began)),
    ]


def _step(
    run_id: str,
    name: str,
    state: str,
    at: int,
    properties: dict[tuple[str, str], dict[str, str | float | bool]],
    addresses: dict[tuple[str, str], str],
    errors: dict[str, str],
) -> dict[str, Any]:
    task: dict[str, Any] = {
        "name": _key(name),
        "display_name": name,
        "task_id": f"task-{name}",
        "run_id": run_id,
        "pods": [_pod(f"{WORKFLOW}-system-container-driver-{NODES[name]}", "DRIVER")],
        "create_time": now(at * 10),
        "state": state,
        "state_history": [{"update_time": now(at * 10), "state": "RUNNING"}],
        "type": "RUNTIME",
        "parent_task_id": ROOT,
        "inputs": {},
        "outputs": {},
        "scope_path": f"root.{_key(name)}",
    }
    if state == "RUNNING":
        return task
    task["end_time"] = now(at * 10 + 7 * (state != "CACHED"))
    task["state_history"].append({"update_time": task["end_time"], "state": state})
    if state != "CACHED":
        task["pods"].append(_pod(f"{WORKFLOW}-system-container-impl-{NODES[name]}", "EXECUTOR"))
    if state == "FAILED":
        message = "failed to execute component: failed to execute component: exit status 1"
        task["status_metadata"] = {"message": errors.get(name, message)}
        return task
    keys = [key for step, key in output_keys(properties) if step == name]
    task["outputs"] = {
        "artifacts": [_output(name, key, properties.get((name, key), {}), addresses) for key in sorted(keys)]
    }
    return task


def _output(
    name: str, key: str, properties: dict[str, str | float | bool], addresses: dict[tuple[str, str], str]
) -> dict[str, Any]:
    artifact = {
        "artifact_id": f"artifact-{name}-{key}",
        "name": key,
        "type": "Artifact",
        "uri": address(name, key, addresses),
        "metadata": {**properties, "_kfp_schema_title": "tfx.Artifact", "split_names": {"list": ["train", "eval"]}},
        "created_at": now(),
        "namespace": "team",
    }
    return {"artifacts": [artifact], "type": "OUTPUT", "artifact_key": key, "producer": {"task_name": _key(name)}}


def _pod(name: str, kind: str) -> dict[str, str]:
    return {"name": name, "uid": f"uid-of-{name}", "type": kind}


def _key(name: str) -> str:
    """The task's key in the package, which kfp makes of the component's name."""
    return "step" if name == "ExampleGen" else f"step-{list(NODES).index(name) + 1}"
