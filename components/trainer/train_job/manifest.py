"""A TrainJob as Kubernetes takes it (Kubeflow Trainer 2.2 and later): a plain value, made from the pipeline's option.

Source: `trainer.kubeflow.org/v1alpha1`, pkg/apis/trainer/v1alpha1/trainjob_types.go of kubeflow/trainer.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from weighbridge.common.resources import SCRATCH_FOLDER, STEP_USER, Resources
from weighbridge.components.trainer.train_job import workers
from weighbridge.components.trainer.train_job.options import TrainJob

GROUP = "trainer.kubeflow.org"
VERSION = "v1alpha1"
PLURAL = "trainjobs"
COMMAND = ["python", "-m", "weighbridge.components.trainer.worker"]
WORKERS_VARIABLE = "WEIGHBRIDGE_WORKERS"

_MANAGER = "weighbridge/trainer"
# infra/kubernetes lets pods with this label talk to each other.
_POD_LABELS = {"app.kubernetes.io/part-of": "weighbridge", "app.kubernetes.io/component": "training"}


@dataclass(frozen=True)
class StepPod:
    """The pod of the step that asks for a TrainJob.

    Attributes:
        name: of the pod.
        uid: of the pod.
        namespace: in which the TrainJob will be.
        image: that the step runs in.
        service_account: that the step acts as, and so do the nodes.
        image_pull_secrets: names of the secrets that the image was pulled with.
    """

    name: str
    uid: str
    namespace: str
    image: str
    service_account: str
    image_pull_secrets: tuple[str, ...] = ()

    @property
    def owner(self) -> dict[str, Any]:
        """Owner reference: Kubernetes removes what this pod owns when the pod is removed."""
        return {"apiVersion": "v1", "kind": "Pod", "name": self.name, "uid": self.uid}


def train_job(name: str, option: TrainJob, pod: StepPod, folder: str) -> dict[str, Any]:
    """The manifest.

    Args:
        name: of the TrainJob, at most 40 small letters, digits and hyphens.
        option: what the pipeline asked for.
        pod: that owns it.
        folder: of the exchange, inside the shared volume.
    """
    requested = option.resources
    variables = {
        "PYTHONUNBUFFERED": "1",
        **({"TPU_NAME": "local"} if requested.accelerator == "google.com/tpu" else {}),
        **option.env,
        WORKERS_VARIABLE: ",".join(workers.addresses(name, option.nodes)),
    }
    trainer: dict[str, Any] = {
        "image": option.image or pod.image,
        "command": COMMAND,
        "args": [folder],
        "env": [{"name": key, "value": value} for key, value in variables.items()],
        "numNodes": option.nodes,
    }
    if resources := _resources(requested):
        trainer["resourcesPerNode"] = resources
    spec: dict[str, Any] = {
        "runtimeRef": {"apiGroup": GROUP, "kind": option.runtime_kind, "name": option.runtime},
        "trainer": trainer,
        "runtimePatches": [{"manager": _MANAGER, "trainingRuntimeSpec": _patch(option, pod)}],
    }
    if requested.timeout_s:
        spec["activeDeadlineSeconds"] = requested.timeout_s
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "TrainJob",
        "metadata": {
            "name": name,
            "namespace": pod.namespace,
            "labels": dict(_POD_LABELS),
            "ownerReferences": [pod.owner],
        },
        "spec": spec,
    }


def _resources(requested: Resources) -> dict[str, Any]:
    requests = {"cpu": requested.cpu, "memory": requested.memory}
    limits = {
        "cpu": requested.cpu_limit or requested.cpu,
        "memory": requested.memory_limit or requested.memory,
        requested.accelerator: str(requested.accelerator_count),
    }
    found = {
        "requests": {key: value for key, value in requests.items() if value},
        "limits": {key: value for key, value in limits.items() if key and value},
    }
    return {key: value for key, value in found.items() if value}


def _patch(option: TrainJob, pod: StepPod) -> dict[str, Any]:
    """What of the runtime's pods is ours: where they run, as whom, with which files. The rest is the runtime's."""
    requested = option.resources
    volumes = _volumes(option)
    spec: dict[str, Any] = {
        "serviceAccountName": pod.service_account,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": STEP_USER,
            "fsGroup": STEP_USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "volumes": [volume for volume, _ in volumes],
        "containers": [
            {
                "name": workers.NODE,
                "volumeMounts": [mount for _, mount in volumes],
                "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
            }
        ],
    }
    if tolerations := [_toleration(each.model_dump()) for each in requested.all_tolerations]:
        spec["tolerations"] = tolerations
    if requested.node_selector:
        spec["nodeSelector"] = dict(requested.node_selector)
    if secrets := (*pod.image_pull_secrets, *requested.image_pull_secrets):
        spec["imagePullSecrets"] = [{"name": name} for name in dict.fromkeys(secrets)]
    template = {"metadata": {"labels": requested.labels | _POD_LABELS}, "spec": spec}
    return {
        "template": {"spec": {"replicatedJobs": [{"name": workers.NODE, "template": {"spec": {"template": template}}}]}}
    }


def _toleration(values: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in values.items() if value}


def _volumes(option: TrainJob) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Volumes of a pod, each with its mount."""
    requested = option.resources
    claims = {option.folder: option.claim} | requested.volumes
    sources: dict[str, dict[str, Any]] = {
        path: {"persistentVolumeClaim": {"claimName": claim}} for path, claim in claims.items()
    }
    sources |= {path: {"emptyDir": {}} for path in requested.empty_folders}
    if requested.scratch:
        sources[SCRATCH_FOLDER] = {"emptyDir": {"sizeLimit": requested.scratch}}
    if requested.shared_memory:
        sources["/dev/shm"] = {"emptyDir": {"medium": "Memory", "sizeLimit": requested.shared_memory}}  # noqa: S108
    return [
        ({"name": f"files-{number}", **source}, {"name": f"files-{number}", "mountPath": path})
        for number, (path, source) in enumerate(sources.items())
    ]
