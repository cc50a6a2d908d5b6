"""A double of Kubernetes' API with Kubeflow Trainer 2.3 in it: NOT the real ones.

It answers over real HTTP on a free loopback port what the API server answers about pods and TrainJobs: errors as
`Status` objects, those of a missing CRD as plain text, refusals of RBAC and of Trainer's webhook in their own words. A
TrainJob is checked strictly against the models that Kubeflow Trainer publishes, generated from its CRD. Conditions and
`jobsStatus` have the words of Trainer's controller and of JobSet's constants; a script says when they come. Foreground
deletion takes `deletion_looks` looks. Nothing schedules or runs: a test that wants nodes starts them in `on_create`.
"""

import contextlib
import copy
import json
import re
import socket
import struct
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from kubeflow_trainer_api.models import TrainerV1alpha1TrainJob

from weighbridge.components.trainer.train_job.manifest import StepPod

NAMESPACE = "weighbridge-dev"
ACCOUNT = f"system:serviceaccount:{NAMESPACE}:weighbridge-train"
POD = StepPod("taxi-x7-system-container-impl-1", "uid-of-pod", NAMESPACE, "registry/wb@sha256:1", "weighbridge-train")
_JOBS = re.compile(rf"^/apis/trainer\.kubeflow\.org/v1alpha1/namespaces/{NAMESPACE}/trainjobs(?:/([^/]+))?$")
_PODS = re.compile(rf"^/api/v1/namespaces/{NAMESPACE}/pods(?:/([^/]+))?$")

Status = dict[str, Any]


def condition(kind: str, reason: str, message: str, status: str = "True") -> dict[str, str]:
    at = "2026-05-04T03:02:01Z"
    return {"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": at}


def running() -> Status:
    return {"jobsStatus": [{"name": "node", "ready": 0, "succeeded": 0, "failed": 0, "active": 1, "suspended": 0}]}


def complete() -> Status:
    jobs = [{"name": "node", "ready": 0, "succeeded": 1, "failed": 0, "active": 0, "suspended": 0}]
    return {
        "conditions": [condition("Complete", "AllJobsCompleted", "jobset completed successfully")],
        "jobsStatus": jobs,
    }


def failed() -> Status:
    jobs = [{"name": "node", "ready": 0, "succeeded": 0, "failed": 1, "active": 0, "suspended": 0}]
    message = "jobset failed due to one or more job failures (first failed job: x-node-0)"
    return {"conditions": [condition("Failed", "FailedJobs", message)], "jobsStatus": jobs}


def suspended() -> Status:
    return {"conditions": [condition("Suspended", "Suspended", "TrainJob is suspended")]}


def deadline_exceeded() -> Status:
    return {"conditions": [condition("Failed", "DeadlineExceeded", "TrainJob exceeded its active deadline")]}


def not_supported() -> Status:
    return {"conditions": [condition("Failed", "TrainingRuntimeNotSupported", "unsupported runtime: x")]}


@dataclass
class Double:
    """State of the double; tests set it up and look at it."""

    url: str = ""
    script: list[Status] = field(default_factory=lambda: [{}, running(), complete()])
    """Status of a TrainJob at each look; the last one stays."""
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    pods: dict[str, dict[str, Any]] = field(default_factory=dict)
    rights: set[tuple[str, str]] = field(
        default_factory=lambda: {
            *(("trainjobs", verb) for verb in ("create", "get", "patch", "delete")),
            *(("pods", verb) for verb in ("get", "list")),
        }
    )
    runtimes: set[str] = field(default_factory=lambda: {"weighbridge-training", "torch-distributed"})
    installed: bool = True
    deletion_looks: int = 1
    failures: list[int | str] = field(default_factory=list)
    """Answers to the next requests instead: a status, `dropped` before the request is done, or `lost` after it is."""
    on_create: Callable[[dict[str, Any]], None] = lambda _job: None
    requests: list[tuple[str, str]] = field(default_factory=list)
    created: list[dict[str, Any]] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    looks: dict[str, int] = field(default_factory=dict)

    def configuration(self) -> Any:
        """For the Kubernetes client, as within a pod."""
        from kubernetes import client

        found = client.Configuration()
        found.host = self.url
        return found

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> tuple[int, Any]:
        if match := _PODS.match(path):
            return self._pods(method, match[1], query)
        match = _JOBS.match(path)
        if match is None or not self.installed:
            return 404, "404 page not found\n"
        name = match[1]
        verb = {"GET": "get", "POST": "create", "PATCH": "patch", "DELETE": "delete"}[method]
        if ("trainjobs", verb) not in self.rights:
            return self._forbidden("trainjobs", "trainer.kubeflow.org", verb, name or body["metadata"]["name"])
        if method == "POST":
            return self._create(body)
        job = self.jobs.get(name)
        if job is None:
            return _status(404, "NotFound", f'trainjobs.trainer.kubeflow.org "{name}" not found')
        if method == "PATCH":
            job["metadata"] |= body["metadata"]
        elif method == "DELETE":
            assert body["propagationPolicy"] == "Foreground"
            job["metadata"]["deletionTimestamp"] = "2026-05-04T03:02:01Z"
            self.deleted.append(name)
            self.looks[f"{name} going"] = 0
        else:
            return self._look(name, job)
        return 200, job

    def _look(self, name: str, job: dict[str, Any]) -> tuple[int, Any]:
        if "deletionTimestamp" in job["metadata"]:
            self.looks[f"{name} going"] += 1
            if self.looks[f"{name} going"] > self.deletion_looks:
                del self.jobs[name]
                return _status(404, "NotFound", f'trainjobs.trainer.kubeflow.org "{name}" not found')
            return 200, job
        look = self.looks.get(name, 0)
        self.looks[name] = look + 1
        if status := self.script[min(look, len(self.script) - 1)]:
            job["status"] = status
        return 200, job

    def _create(self, body: dict[str, Any]) -> tuple[int, Any]:
        name = body["metadata"]["name"]
        if name in self.jobs:
            return _status(409, "AlreadyExists", f'trainjobs.trainer.kubeflow.org "{name}" already exists')
        if wrong := strict_errors(body):
            return _status(422, "Invalid", f'TrainJob.trainer.kubeflow.org "{name}" is invalid: {wrong}')
        if body["spec"]["runtimeRef"]["name"] not in self.runtimes:
            said = "spec.RuntimeRef: Invalid value: TrainingRuntime specified in TrainJob is not found"
            webhook = 'admission webhook "validator.trainjob.trainer.kubeflow.org" denied the request: '
            return _status(403, "Forbidden", webhook + said)
        job = copy.deepcopy(body)
        job["metadata"] |= {
            "uid": str(uuid.uuid4()),
            "resourceVersion": "1",
            "creationTimestamp": "2026-05-04T03:02:01Z",
        }
        self.jobs[name] = job
        self.looks[name] = 0
        self.created.append(copy.deepcopy(body))
        self.on_create(job)
        return 201, job

    def _pods(self, method: str, name: str | None, query: dict[str, list[str]]) -> tuple[int, Any]:
        verb = "get" if name else "list"
        assert method == "GET"
        if ("pods", verb) not in self.rights:
            return self._forbidden("pods", "", verb, name or "")
        if name:
            found = self.pods.get(name)
            return (200, found) if found else _status(404, "NotFound", f'pods "{name}" not found')
        [selector] = query["labelSelector"]
        key, _, value = selector.partition("=")
        items = [pod for pod in self.pods.values() if pod["metadata"].get("labels", {}).get(key) == value]
        return 200, {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": items}

    def _forbidden(self, resource: str, group: str, verb: str, name: str) -> tuple[int, Any]:
        kind = f"{resource}.{group}".rstrip(".")
        said = f'{kind} "{name}" is forbidden: User "{ACCOUNT}" cannot {verb} resource "{resource}" in API group '
        return _status(403, "Forbidden", f'{said}"{group}" in the namespace "{NAMESPACE}"')


def strict_errors(manifest: dict[str, Any]) -> str:
    """What the published models say against a TrainJob, unknown fields and what the CRD's own rules add included."""
    try:
        understood = TrainerV1alpha1TrainJob.from_dict(manifest)
    except ValueError as error:
        return str(error)
    if (known := understood.to_dict()) != manifest:
        return f"unknown fields: {_difference(manifest, known)}"
    name, spec = manifest["metadata"]["name"], manifest["spec"]
    if not re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", name) or len(name) > 63:
        return "metadata.name must match RFC 1035 DNS label format"
    if spec.get("activeDeadlineSeconds", 1) < 1 or spec["trainer"]["numNodes"] < 0:
        return "below the minimum"
    for patch in spec.get("runtimePatches", []):
        for job in patch["trainingRuntimeSpec"]["template"]["spec"]["replicatedJobs"]:
            containers = job["template"]["spec"]["template"]["spec"]["containers"]
            if any("env" in container for container in containers):
                return "must not have envs for the node container"
    return ""


def _difference(given: Any, known: Any, path: str = "") -> str:
    if isinstance(given, dict) and isinstance(known, dict):
        return ", ".join(
            filter(None, (_difference(value, known.get(key), f"{path}.{key}") for key, value in given.items()))
        )
    if isinstance(given, list) and isinstance(known, list) and len(given) == len(known):
        pairs = enumerate(zip(given, known, strict=True))
        return ", ".join(filter(None, (_difference(one, other, f"{path}[{n}]") for n, (one, other) in pairs)))
    return "" if given == known else path


def node_pod(job: str, index: int, **status: Any) -> dict[str, Any]:
    """A pod as JobSet makes it."""
    labels = {"jobset.sigs.k8s.io/jobset-name": job, "batch.kubernetes.io/job-completion-index": str(index)}
    return {
        "metadata": {"name": f"{job}-node-0-{index}-k2x9f", "namespace": NAMESPACE, "labels": labels},
        "spec": {"containers": [{"name": "node", "image": "registry/wb@sha256:1"}]},
        "status": status,
    }


def step_pod() -> dict[str, Any]:
    """The step's own pod, as Argo makes it."""
    return {
        "metadata": {"name": POD.name, "uid": POD.uid, "namespace": NAMESPACE},
        "spec": {
            "serviceAccountName": POD.service_account,
            "containers": [{"name": "wait", "image": "argoexec"}, {"name": "main", "image": POD.image}],
        },
        "status": {"phase": "Running"},
    }


def _status(code: int, reason: str, message: str) -> tuple[int, Any]:
    return code, {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": code,
    }


@contextlib.contextmanager
def serving(double: Double) -> Iterator[Double]:
    """Serve a double on a free port."""

    class Handler(BaseHTTPRequestHandler):
        def _do(self) -> None:
            parts = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            double.requests.append((self.command, parts.path))
            failure = double.failures.pop(0) if double.failures else None
            if failure == "dropped":
                return self._drop()
            if isinstance(failure, int):
                code, answer = _status(failure, "ServiceUnavailable", "etcdserver: leader changed")
            else:
                code, answer = double.answer(self.command, parts.path, parse_qs(parts.query), body)
            if failure == "lost":
                return self._drop()
            text = isinstance(answer, str)
            data = (answer if text else json.dumps(answer)).encode()
            self.send_response(code)
            self.send_header("Content-Type", "text/plain; charset=utf-8" if text else "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
            return None

        do_GET = do_POST = do_PATCH = do_DELETE = _do

        def _drop(self) -> None:
            """Reset the connection."""
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True

        def finish(self) -> None:
            with contextlib.suppress(OSError, ValueError):
                super().finish()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    double.url = f"http://127.0.0.1:{server.server_port}"
    double.pods[POD.name] = step_pod()
    try:
        yield double
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
