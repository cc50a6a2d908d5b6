"""Asks a cluster through `kubectl`, as whoever runs it may: nothing is changed."""

import json
import shutil
import subprocess
from typing import Any

from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.runs.served.cluster import workloads
from weighbridge.runs.served.compared import Serving

_RESOURCES = ("deployments.apps", "inferenceservices.serving.kserve.io", "rollouts.argoproj.io")
_ABSENT = ("the server doesn't have a resource type", "could not find the requested resource", "no matches for kind")
_DENIED = ("forbidden", "unauthorized", "you must be logged in")
_TIMEOUT_S = 30.0


def ask_cluster(pipeline: str, namespace: str = "") -> list[Serving]:
    """What the workloads of a pipeline serve in a namespace.

    Args:
        pipeline: name of the pipeline.
        namespace: empty for that of kubectl's present context.

    Returns:
        A value for each workload; a single one without a version where the cluster has none.

    Raises:
        UsageError: there is no kubectl, or it may not look there.
        InfrastructureError: the cluster cannot be reached.
    """
    where = f"namespace {namespace}" if namespace else "kubectl's namespace"
    found = [serving for resource in _RESOURCES for serving in workloads(_get(resource, namespace), pipeline)]
    note = f"nothing in {where} has the annotation weighbridge.io/pipeline: {pipeline}"
    return found or [Serving(source=where, ready=False, note=note)]


def _get(resource: str, namespace: str) -> Any:
    program = shutil.which("kubectl")
    if program is None:
        raise UsageError(
            "--cluster asks through kubectl, which is not on PATH",
            "Install it (https://kubernetes.io/docs/tasks/tools/), or ask a server itself: --served URL.",
        )
    command = [program, "get", resource, "-o", "json", f"--request-timeout={_TIMEOUT_S:.0f}s"]
    command += ["--namespace", namespace] if namespace else []
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_TIMEOUT_S + 5)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InfrastructureError(f"kubectl get {resource} did not answer: {error}", "Run again.") from error
    problem = " ".join(done.stderr.split())[-300:]
    if done.returncode and any(text in problem for text in _ABSENT):
        return {}
    if done.returncode and any(text in problem.lower() for text in _DENIED):
        raise UsageError(f"kubectl may not get {resource}: {problem}", "Ask for the right to get and list them.")
    if done.returncode:
        raise InfrastructureError(f"kubectl get {resource} failed: {problem}", "Is the cluster there? Then run again.")
    try:
        return json.loads(done.stdout)
    except ValueError as error:
        raise InfrastructureError(f"kubectl get {resource} printed no JSON", "Run again.") from error
