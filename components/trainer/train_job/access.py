"""What a step asks of Kubernetes about its TrainJob, and what Kubernetes' answers mean to a person."""

import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from weighbridge.common import progress
from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.components.trainer.train_job.manifest import GROUP, PLURAL, VERSION, StepPod

POD_NAME_VARIABLE = "KFP_POD_NAME"  # given to steps by Kubeflow Pipelines; a host name is cut off after 63 letters

_TOKEN = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
_STEP_CONTAINER = "main"  # Argo's name for it
_TIMEOUT_S = (10, 60)  # to connect, to answer
_PATIENCE_S = 300.0  # that the API may be away: upgrades of a control plane take minutes
_PAUSE_S = 5.0
_GONE_S = 600.0
_NO_SUCH_PATH = "404 page not found"  # no Status: nothing in Kubernetes has this path


class UnavailableError(InfrastructureError):
    """Kubernetes did not answer, or asked to come again."""


class _AlreadyThereError(Exception):
    """There is one of that name."""


def in_kubeflow_step() -> bool:
    """Whether this process is a step of Kubeflow Pipelines and may talk to Kubernetes."""
    return bool(os.environ.get(POD_NAME_VARIABLE)) and _TOKEN.exists()


def connect() -> "TrainJobs":
    """As the service account of this pod.

    Raises:
        UsageError: this process is in no pod.
    """
    from kubernetes import client, config

    configuration = client.Configuration()
    try:
        config.load_incluster_config(client_configuration=configuration)
    except config.ConfigException as error:
        raise UsageError(f"A TrainJob needs the service account of a pod: {error}") from error
    namespace = _TOKEN.with_name("namespace").read_text().strip()
    return TrainJobs(configuration, namespace)


class TrainJobs:
    """The TrainJobs of one namespace.

    Args:
        configuration: of the Kubernetes client.
        namespace: the pod's.
        patience_s: how long the API may be away before that is an error.
        pause_s: between two looks, and between two attempts.
    """

    def __init__(
        self, configuration: Any, namespace: str, *, patience_s: float = _PATIENCE_S, pause_s: float = _PAUSE_S
    ) -> None:
        from kubernetes import client

        configuration.retries = False  # what is tried again, and for how long, is decided here
        api = client.ApiClient(configuration)
        self._api, self._jobs = api, client.CustomObjectsApi(api)
        self._where, self._pods = (GROUP, VERSION, namespace, PLURAL), f"/api/v1/namespaces/{namespace}/pods"
        self.namespace, self._patience_s, self.pause_s = namespace, patience_s, pause_s

    def own_pod(self, name: str) -> StepPod:
        """The pod that this process runs in.

        Raises:
            UsageError: there is none, or the account may not look at it.
        """
        found = self._ask("get", "pods", lambda: self._read(f"{self._pods}/{name}"))
        if found is None:
            raise UsageError(
                f"There is no pod {name!r} in namespace {self.namespace!r}", _hint_of_rights("get", "pods")
            )
        spec = found["spec"]
        containers = {container["name"]: container["image"] for container in spec["containers"]}
        return StepPod(
            name=name,
            uid=found["metadata"]["uid"],
            namespace=self.namespace,
            image=containers.get(_STEP_CONTAINER) or next(iter(containers.values())),
            service_account=spec.get("serviceAccountName", "default"),
            image_pull_secrets=tuple(secret["name"] for secret in spec.get("imagePullSecrets") or ()),
        )

    def get(self, name: str) -> dict[str, Any] | None:
        """A TrainJob; None where there is none."""
        return self._ask("get", PLURAL, lambda: self._jobs.get_namespaced_custom_object(*self._where, name, **_READ))

    def create(self, manifest: dict[str, Any]) -> dict[str, Any]:
        """Create a TrainJob, or take the one of that name: an answer may have been lost on its way.

        Raises:
            UsageError: the account may not, the manifest is refused, or Kubeflow Trainer is not installed.
        """
        try:
            created = self._ask(
                "create", PLURAL, lambda: self._jobs.create_namespaced_custom_object(*self._where, manifest, **_READ)
            )
        except _AlreadyThereError:
            created = self.get(manifest["metadata"]["name"])
            if created is None:
                raise InfrastructureError("A TrainJob of the same name was there, and is gone") from None
            return created
        if created is None:
            raise InfrastructureError(f"Namespace {self.namespace!r} is not there any more")
        return created

    def adopt(self, job: dict[str, Any], pod: StepPod) -> None:
        """Make this pod an owner of a TrainJob that an earlier pod of the same step created."""
        metadata = job["metadata"]
        owners = metadata.get("ownerReferences") or []
        if pod.uid not in {owner["uid"] for owner in owners}:
            body = {"metadata": {"ownerReferences": [*owners, pod.owner]}}
            name = metadata["name"]
            patched = self._ask(
                "patch", PLURAL, lambda: self._jobs.patch_namespaced_custom_object(*self._where, name, body, **_READ)
            )
            if patched is None:
                raise InfrastructureError(f"TrainJob {name} was removed while it was taken over")

    def delete(self, name: str) -> None:
        """Delete a TrainJob with its pods; nothing happens where there is none."""
        options = {"propagationPolicy": "Foreground"}
        self._ask(
            "delete",
            PLURAL,
            lambda: self._jobs.delete_namespaced_custom_object(*self._where, name, body=options, **_READ),
        )

    def delete_and_wait(self, name: str) -> None:
        """Delete a TrainJob and wait until its pods are gone too: they write where the next ones will."""
        self.delete(name)
        end = time.monotonic() + _GONE_S
        while self.get(name) is not None:
            if time.monotonic() > end:
                raise InfrastructureError(f"TrainJob {name} is being deleted and does not go away")
            time.sleep(self.pause_s)

    def pods(self, name: str) -> list[dict[str, Any]]:
        """The pods of a TrainJob."""
        query = [("labelSelector", f"jobset.sigs.k8s.io/jobset-name={name}")]
        found = self._ask("list", "pods", lambda: self._read(self._pods, query))
        return list(found["items"]) if found is not None else []

    def _read(self, path: str, query: Sequence[tuple[str, str]] = ()) -> Any:
        """An object as it is: the client's own classes refuse what a newer Kubernetes leaves out."""
        return self._api.call_api(
            path,
            "GET",
            query_params=list(query),
            header_params={"Accept": "application/json"},
            response_type="object",
            auth_settings=["BearerToken"],
            _return_http_data_only=True,
            **_READ,
        )

    def _ask(self, verb: str, resource: str, call: Callable[[], Any]) -> Any:
        """Ask, again and again while the API is away; None for what is not there.

        Raises:
            UsageError: the answer will not change.
            UnavailableError: the API was away for too long.
        """
        end = time.monotonic() + self._patience_s
        while True:
            try:
                with progress.waiting(f"Kubernetes ({verb} {resource})"):
                    return _answer(verb, resource, call)
            except UnavailableError as error:
                if time.monotonic() > end:
                    raise
                progress.report(f"{error.message}; asking again")
                time.sleep(self.pause_s)


_READ: dict[str, Any] = {"_request_timeout": _TIMEOUT_S}


def _answer(verb: str, resource: str, call: Callable[[], Any]) -> Any:
    from kubernetes.client import ApiException
    from urllib3.exceptions import HTTPError

    try:
        return call()
    except HTTPError as error:
        raise UnavailableError(f"Kubernetes cannot be reached: {type(error).__name__}") from error
    except ApiException as error:
        said = _said(error)
        if error.status == 404:
            if resource == PLURAL and said == _NO_SUCH_PATH:
                raise UsageError(
                    f"Kubernetes knows no {PLURAL}.{GROUP}/{VERSION}: Kubeflow Trainer v2 is not installed here",
                    "Install Kubeflow Trainer 2.2 or later, or train in the step itself: leave train_job out.",
                ) from error
            return None
        if error.status == 409 and verb == "create":
            raise _AlreadyThereError from error
        if error.status in (401, 408, 409, 429) or error.status >= 500:
            # 401 is a token on its way to be renewed.
            raise UnavailableError(f"Kubernetes answered {error.status} to {verb} {resource}: {said}") from error
        hint = _hint_of_rights(verb, resource) if _lacks_right(error.status, said) else _HINT_OF_MANIFEST
        raise UsageError(f"Kubernetes refused to {verb} {resource} ({error.status}): {said}", hint) from error


_HINT_OF_MANIFEST = "See what the runtime allows: kubectl get trainingruntimes,clustertrainingruntimes"


def _said(error: Any) -> str:
    """The message of Kubernetes' `Status`, or the text of what stands in front of it."""
    text = str(error.body or error.reason or "")
    try:
        return str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        return " ".join(text.split())[:300]


def _lacks_right(status: int, said: str) -> bool:
    """A missing right reads `User "…" cannot create resource "trainjobs" …`; webhooks and quotas answer 403 as well."""
    return status == 403 and " cannot " in said


def _hint_of_rights(verb: str, resource: str) -> str:
    return f"Grant the step's account `{verb}` on `{resource}`: infra/kubernetes/train-jobs does."
