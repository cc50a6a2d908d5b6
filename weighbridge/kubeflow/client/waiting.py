"""Why a step has not begun, or never will: what Argo and Kubernetes report of its pod, and the remedy.

A pod that waits for a volume, an image or room on a node is RUNNING to Kubeflow's API; one that was never made, because
of a quota or a missing account, is not there at all. Argo's workflow says why: Kubeflow keeps it with the run and hands
it out through its v1beta1 API. The UI's server adds the pod's events. A server without that API leaves the events, of
the pods that its tasks ought to have.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from weighbridge.common.errors import InfrastructureError, WeighbridgeError
from weighbridge.kubeflow.client import task_api
from weighbridge.kubeflow.client.api import Api
from weighbridge.kubeflow.client.pod_names import pod_names
from weighbridge.report.text import one_line

_SCAFFOLDING = re.compile(r"(?:executor|entrypoint|root|iteration-.*|.*-loop)(?:\(\d+\))?|")
_LONGEST = 300
# What Kubernetes reports, and the remedy. The first that matches counts.
_REMEDIES = (
    (
        r"persistentvolumeclaim .*not found",
        "Make the volumes (kubectl apply -k infra/kubernetes/overlays/…), or submit with --no-volumes.",
    ),
    (r"exceeded quota", "Raise the namespace's quota, or let the step ask for less (Resources)."),
    (
        r"serviceaccount .*not found",
        "Name an account of the namespace: --service-account weighbridge-run in this project's overlays.",
    ),
    (
        r"ErrImagePull|ImagePullBackOff|InvalidImageName|pull image",
        "Push the image, or correct --image; a private registry needs a pull secret in the namespace.",
    ),
    (r"violates PodSecurity", "The namespace allows less than the step asks for; see infra/kubernetes/README.md."),
    (
        r"Insufficient|didn't match|untolerated taint|FailedScheduling",
        "No node fits: add one, or let the step ask for less, or for other nodes (Resources).",
    ),
)


@dataclass(frozen=True)
class Waiting:
    """A step whose pod has not begun, or could not be made.

    Attributes:
        step: its name.
        reason: what Kubernetes or Argo reports.
        remedy: what to do about it; empty for what may pass by itself, such as a container that is being created.
    """

    step: str
    reason: str
    remedy: str = ""


def pods_of_steps(api: Api, run_id: str) -> dict[str, list[str]]:
    """The pods that may have run a run's steps, by step, the latest first; none where nothing tells of them."""
    workflow = _workflow(api, run_id)
    if not workflow:
        began = [task for task in _steps(api, run_id) if task.get("state") in ("RUNNING", "FAILED")]
        return {task_api.name_of(task): pod_names(task) for task in began}
    found: dict[str, list[tuple[str, str]]] = {}
    for node, step in _pod_nodes(workflow):
        if not str(node.get("displayName", "")).endswith("-driver"):
            found.setdefault(step, []).append((str(node.get("startedAt") or ""), _pod(node)))
    return {step: [pod for _, pod in sorted(pods, reverse=True)] for step, pods in found.items()}


def waiting(api: Api, run_id: str, namespace: str = "") -> list[Waiting]:
    """The steps of a run that wait, with the reason; none where the server does not report them.

    Args:
        api: the server.
        run_id: of the run.
        namespace: that its pods are in; by default the endpoint's.
    """
    space = namespace or api.endpoint.namespace or "kubeflow"
    workflow = _workflow(api, run_id)
    told = _of_nodes(api, run_id, workflow, space) if workflow else _of_tasks(api, run_id, space)
    found = []
    for step, reasons in told:
        reason = one_line("; ".join(dict.fromkeys(filter(None, reasons))))[:_LONGEST]
        if reason:
            found.append(Waiting(step, reason, _remedy(reason)))
    return found


def _of_nodes(api: Api, run_id: str, workflow: dict[str, Any], namespace: str) -> Iterator[tuple[str, list[str]]]:
    for node, step in _pod_nodes(workflow):
        if node.get("phase") in ("Pending", "Error", "Failed"):
            events = _events(api, run_id, _pod(node), namespace) if node["phase"] == "Pending" else []
            yield step, [str(node.get("message") or ""), *events]


def _of_tasks(api: Api, run_id: str, namespace: str) -> Iterator[tuple[str, list[str]]]:
    for task in _steps(api, run_id):
        if task.get("state") == "RUNNING" and not task_api.pods_of(task):
            events = [event for pod in pod_names(task) for event in _events(api, run_id, pod, namespace)]
            yield task_api.name_of(task), events


def _steps(api: Api, run_id: str) -> task_api.Tasks:
    try:
        return task_api.steps(task_api.tasks(api, run_id) or [])
    except WeighbridgeError:
        return []


def _workflow(api: Api, run_id: str) -> dict[str, Any]:
    try:
        answer = api.fetch(f"apis/v1beta1/runs/{run_id}")
        manifest = json.loads(json.loads(answer.data)["pipeline_runtime"]["workflow_manifest"])
    except (InfrastructureError, ValueError, KeyError, TypeError):
        return {}
    return manifest if isinstance(manifest, dict) else {}


def _pod_nodes(workflow: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """The pods among a workflow's nodes, each with the name of its step."""
    nodes = (workflow.get("status") or {}).get("nodes") or {}
    for node in nodes.values():
        if node.get("type") == "Pod":
            above: dict[str, Any] | None = node
            while above and _SCAFFOLDING.fullmatch(str(above.get("displayName", ""))):
                above = nodes.get(above.get("boundaryID", ""))
            yield node, str((above or node).get("displayName", "")).removesuffix("-driver")


def _pod(node: dict[str, Any]) -> str:
    """The pod's name: of Argo's node ids, `workflow-123`, newer versions make `workflow-template-123`."""
    workflow, _, number = str(node.get("id", "")).rpartition("-")
    template = node.get("templateName")
    return f"{workflow}-{template}-{number}" if template else f"{workflow}-{number}"


def _events(api: Api, run_id: str, pod: str, namespace: str) -> list[str]:
    """Warnings among a pod's events, the latest last."""
    try:
        answer = api.fetch("k8s/pod/events", {"podname": pod, "runid": run_id, "podnamespace": namespace})
        items = json.loads(answer.data)["items"] if answer.status == 200 else []
        return [f"{item['reason']}: {item['message']}" for item in items if item.get("type") == "Warning"]
    except (InfrastructureError, ValueError, KeyError, TypeError):
        return []


def _remedy(reason: str) -> str:
    return next((remedy for pattern, remedy in _REMEDIES if re.search(pattern, reason, re.IGNORECASE)), "")
