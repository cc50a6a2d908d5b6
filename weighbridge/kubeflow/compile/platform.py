"""What steps ask of Kubernetes: the second document of a package, and what the first one knows of resources.

Source: kfp-kubernetes' `KubernetesExecutorConfig`, keyed by the label of the step's executor.
"""

from typing import Any

from weighbridge.common.resources import Resources, Toleration

USER = 1000
SCRATCH_FOLDER = "/scratch"

# What keeps ordinary pods off a node with accelerators, or off one that can be taken away.
_ACCELERATOR_TAINTS = {kind: Toleration(key=kind) for kind in ("nvidia.com/gpu", "amd.com/gpu", "google.com/tpu")}
_SPOT_TAINTS = (
    Toleration(key="cloud.google.com/gke-spot", operator="Equal", value="true"),
    Toleration(key="kubernetes.azure.com/scalesetpriority", operator="Equal", value="spot"),
)
_SPOT_STARTS = 3


def platform_document(resources: dict[str, Resources]) -> dict[str, Any]:
    """The PlatformSpec.

    Args:
        resources: by executor label.
    """
    executors = {label: executor_config(asked) for label, asked in resources.items()}
    return {"platforms": {"kubernetes": {"deploymentSpec": {"executors": executors}}}}


def executor_config(asked: Resources) -> dict[str, Any]:
    """One step's `KubernetesExecutorConfig` as JSON, run as a user without rights."""
    from google.protobuf import json_format
    from kfp.kubernetes import kubernetes_executor_config_pb2 as pb

    config = pb.KubernetesExecutorConfig(
        image_pull_secret=[pb.ImagePullSecret(secret_name=name) for name in asked.image_pull_secrets],
        tolerations=[
            pb.Toleration(key=each.key, operator=each.operator, value=each.value, effect=each.effect)
            for each in _tolerations(asked)
        ],
        pvc_mount=[pb.PvcMount(constant=claim, mount_path=path) for path, claim in sorted(asked.volumes.items())],
    )
    config.node_selector.labels.update(asked.node_selector)
    config.pod_metadata.labels.update({"app.kubernetes.io/part-of": "weighbridge"} | asked.labels)
    if asked.timeout_s:
        config.active_deadline_seconds = asked.timeout_s
    if asked.scratch:
        config.empty_dir_mounts.add(volume_name="scratch", mount_path=SCRATCH_FOLDER, size_limit=asked.scratch)
    for number, path in enumerate(asked.empty_folders):
        config.empty_dir_mounts.add(volume_name=f"empty-{number}", mount_path=path)
    if asked.shared_memory:
        config.enabled_shared_memory.CopyFrom(
            pb.EnabledSharedMemory(volume_name="shared-memory", size=asked.shared_memory)
        )
    found = json_format.MessageToDict(config)
    # Newer than the messages that are installed here; servers since 2.4 know it.
    found["securityContext"] = {"runAsUser": USER}
    return found


def container_resources(asked: Resources) -> dict[str, Any]:
    """`resources` of a step's container in the first document; empty where nothing is asked for."""
    found: dict[str, Any] = {}
    for name, request, limit in (
        ("Cpu", asked.cpu, asked.cpu_limit),
        ("Memory", asked.memory, asked.memory_limit),
    ):
        if request:
            found[f"resource{name}Request"] = request
        if limit or request:
            found[f"resource{name}Limit"] = limit or request
    if asked.accelerator:
        # By both the older and the newer names, as kfp's own compiler does.
        found["accelerator"] = {
            "type": asked.accelerator,
            "count": str(asked.accelerator_count),
            "resourceType": asked.accelerator,
            "resourceCount": str(asked.accelerator_count),
        }
    return found


def retry_policy(asked: Resources) -> dict[str, Any]:
    """Kubeflow's own retries start a pod again that ended badly, whatever the reason: only for nodes that go away.

    A failure of the infrastructure that the step itself sees is retried by the entry point, which knows it from a
    refusal.
    """
    if not asked.spot:
        return {}
    return {
        "maxRetryCount": _SPOT_STARTS,
        "backoffDuration": f"{asked.backoff_s:g}s",
        "backoffFactor": 2.0,
        "backoffMaxDuration": "3600s",
    }


def _tolerations(asked: Resources) -> list[Toleration]:
    found = list(asked.tolerations)
    if asked.accelerator:
        found.append(_ACCELERATOR_TAINTS[asked.accelerator])
    if asked.spot:
        found += _SPOT_TAINTS
    return list(dict.fromkeys(found))
