"""The content of artifacts and logs of a run, through the endpoint: no credentials for the object store needed."""

from urllib.parse import urlsplit

from weighbridge.common.errors import InfrastructureError, WeighbridgeError
from weighbridge.kubeflow.client.api import Answer, Api
from weighbridge.kubeflow.client.endpoint import USER
from weighbridge.kubeflow.client.execution import Artifact, Execution
from weighbridge.kubeflow.client.runs import KubeflowRun
from weighbridge.kubeflow.client.tasks import Task
from weighbridge.kubeflow.client.waiting import pods_of_steps

# The launcher's schemes, and what the UI's artifact proxy calls them.
_SOURCES = {"minio": "minio", "s3": "s3", "gs": "gcs"}
# How the proxy reports that an object is not there: with status 500 up to 2.16, with 404 from 2.17 on.
_ABSENT = (b"No objects found at", b"NoSuchKey", b"Not Found", b"not found", b"does not exist")
# How the API server answers, which has no proxy: nothing is said of the object then.
_NO_PROXY = b"404 page not found"
# Of Kubeflow for many users: what the caller must have, by the status of an answer where it is missing.
_NEEDED = {
    401: f"the identity header that Kubeflow's gateway adds (kubeflow-userid): ask through the gateway, or set {USER}",
    403: "the right to get viewers.kubeflow.org in that namespace (infra/kubernetes has the role)",
}
_LOG_KEY = "executor-logs"


def read_file(api: Api, artifact: Artifact, name: str, namespace: str = "") -> bytes | None:
    """A file in an artifact's folder, through the UI's artifact proxy; None where there is none.

    The proxy cannot hand out a folder, but any file in one by its key.

    Args:
        api: the server.
        artifact: the folder.
        name: the file's name in it; empty for an artifact that is itself a file.
        namespace: of the run; a Kubeflow of many users demands it.

    Raises:
        InfrastructureError: the artifact is in no store that the proxy knows, or the proxy does not give it.
    """
    parts = urlsplit(artifact.uri)
    source = _SOURCES.get(parts.scheme)
    if source is None or not parts.netloc:
        raise InfrastructureError(f"{artifact.uri} is in no store that Kubeflow's artifact proxy reads")
    key = "/".join(part for part in (parts.path.strip("/"), name) if part)
    query = {"source": source, "bucket": parts.netloc, "key": key}
    query |= {"namespace": namespace} if namespace else {}
    query |= {"providerInfo": artifact.store} if artifact.store else {}
    answer = api.fetch("artifacts/get", query)
    if answer.status == 200 and not answer.is_page:
        return answer.data or None  # of GCS the proxy gives nothing, with status 200, for what is not there
    told = not answer.is_page and not answer.data.startswith(_NO_PROXY)
    if told and answer.status in (404, 500) and any(word in answer.data for word in _ABSENT):
        return None
    if answer.status in _NEEDED:
        raise InfrastructureError(
            f"Kubeflow does not hand out {artifact.uri} of namespace {namespace or '(none given)'} ({answer.status})",
            f"Needed: {_NEEDED[answer.status]}.",
        )
    raise InfrastructureError(
        f"Kubeflow's artifact proxy does not give {artifact.uri} (status {answer.status})",
        "The endpoint must be the address of Kubeflow's UI (ml-pipeline-ui), not of the API server alone.",
    )


def read_log(api: Api, run: KubeflowRun, task: Task, execution: Execution | None = None) -> str:
    """What a step wrote, from the first that still has it: the UI's server, the API server, or the artifact store.

    Raises:
        InfrastructureError: none of them has it (any more) or may hand it out; the hint names the missing right, or is
            the kubectl command that reads it.
    """
    denied = 0
    pods = dict.fromkeys([*([execution.pod] if execution and execution.pod else []), *task.pods])
    pods = pods or dict.fromkeys(pods_of_steps(api, run.run_id).get(task.name, []))
    namespace = (execution.namespace if execution else "") or api.endpoint.namespace
    for pod in pods:
        query = {"podname": pod, "runid": run.run_id, "podnamespace": namespace}
        if run.created:
            query["createdat"] = f"{run.created:%Y-%m-%d}"
        # The UI's server has the first, the API server alone the second, or the third where it has no older APIs; each
        # streams the container `main`, from the pod or from Argo's archive.
        node = f"runs/{run.run_id}/nodes/{pod}/log"
        for path in ("k8s/pod/logs", f"apis/v1alpha1/{node}", f"apis/v2beta1/{node}"):
            answer = _fetched(api, path, query if path.startswith("k8s/") else None)
            if (text := _log_text(answer)) is not None:
                return text
            denied = denied or (answer.status if answer and answer.status in _NEEDED else 0)
    for artifact in execution.outputs if execution else []:
        if artifact.key == _LOG_KEY:
            try:
                data = read_file(api, artifact, "", namespace)
            except WeighbridgeError:
                continue
            if data is not None:
                return data.decode(errors="replace")
    if denied:
        raise InfrastructureError(
            f"Kubeflow does not hand out the log of {task.name} of run {run.run_id} ({denied})",
            f"Needed: {_NEEDED[denied]}.",
        )
    raise InfrastructureError(
        f"No log of {task.name} of run {run.run_id} can be read through {api.endpoint.url}",
        f"Where its pod still is: kubectl logs -n {namespace or 'kubeflow'} -c main "
        + (next(iter(pods), "") or f"-l pipeline/runid={run.run_id}"),
    )


def _fetched(api: Api, path: str, query: dict[str, str] | None = None) -> Answer | None:
    """An answer, or None: who does not answer is simply not the one who has the log."""
    try:
        return api.fetch(path, query)
    except InfrastructureError:
        return None


def _log_text(answer: Answer | None) -> str | None:
    if answer is None or answer.status != 200 or answer.is_page or not answer.data:
        return None
    text = answer.data.decode(errors="replace")
    # The API server commits to status 200 before it finds that it cannot read the pod.
    return None if text.startswith('{"error_message"') else text
