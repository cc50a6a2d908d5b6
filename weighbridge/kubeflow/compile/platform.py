"""What steps ask of Kubernetes: the second document of a package, and what the first one knows of resources.

Source: kfp-kubernetes' `KubernetesExecutorConfig`, keyed by the label of the step's executor.
"""

from typing import Any

from weighbridge.common.resources import SCRATCH_FOLDER, STEP_USER, Resources

_SPOT_STARTS = 3


def platform_document(resources: dict[str, Resources]) -> dict[str, Any]:
    """The PlatformSpec.

    Args:
        resources: by executor label.
    """
    executors = {label: executor_config(requested) for label, requested in resources.items()}
    return {"platforms": {"kubernetes": {"deploymentSpec": {"executors": executors}}}}


def executor_config(requested: Resources) -> dict[str, Any]:
    """One step's `KubernetesExecutorConfig` as JSON, run as a user without rights."""
    from google.protobuf import json_format
    from kfp.kubernetes import kubernetes_executor_config_pb2 as pb

    config = pb.KubernetesExecutorConfig(
        image_pull_secret=[pb.ImagePullSecret(secret_name=name) for name in requested.image_pull_secrets],
        tolerations=[
            pb.Toleration(key=each.key, operator=each.operator, value=each.value, effect=each.effect)
            for each in requested.all_tolerations
        ],
        pvc_mount=[pb.PvcMount(constant=claim, mount_path=path) for path, claim in sorted(requested.volumes.items())],
    )
    for variable, place in sorted(requested.secrets.items()):
        secret, key = place.split("/")
        keys = [pb.SecretAsEnv.SecretKeyToEnvMap(secret_key=key, env_var=variable)]
        config.secret_as_env.add(secret_name=secret, key_to_env=keys)
    config.node_selector.labels.update(requested.node_selector)
    config.pod_metadata.labels.update({"app.kubernetes.io/part-of": "weighbridge"} | requested.labels)
    if requested.timeout_s:
        config.active_deadline_seconds = requested.timeout_s
    if requested.scratch:
        config.empty_dir_mounts.add(volume_name="scratch", mount_path=SCRATCH_FOLDER, size_limit=requested.scratch)
    for number, path in enumerate(requested.empty_folders):
        config.empty_dir_mounts.add(volume_name=f"empty-{number}", mount_path=path)
    if requested.shared_memory:
        config.enabled_shared_memory.CopyFrom(
            pb.EnabledSharedMemory(volume_name="shared-memory", size=requested.shared_memory)
        )
    found = json_format.MessageToDict(config)
    # Newer than the messages that are installed here; servers since 2.4 know it.
    found["securityContext"] = {"runAsUser": STEP_USER}
    return found


def container_resources(requested: Resources) -> dict[str, Any]:
    """`resources` of a step's container in the first document; empty where nothing is asked for."""
    found: dict[str, Any] = {}
    for name, request, limit in (
        ("Cpu", requested.cpu, requested.cpu_limit),
        ("Memory", requested.memory, requested.memory_limit),
    ):
        if request:
            found[f"resource{name}Request"] = request
        if limit or request:
            found[f"resource{name}Limit"] = limit or request
    if requested.accelerator:
        # By both the older and the newer names, as kfp's own compiler does.
        found["accelerator"] = {
            "type": requested.accelerator,
            "count": str(requested.accelerator_count),
            "resourceType": requested.accelerator,
            "resourceCount": str(requested.accelerator_count),
        }
    return found


def retry_policy(requested: Resources) -> dict[str, Any]:
    """Kubeflow's own retries start a pod again that ended badly, whatever the reason: only for nodes that go away.

    A failure of the infrastructure that the step itself sees is retried by the entry point, which knows it from a
    refusal.
    """
    if not requested.spot:
        return {}
    return {
        "maxRetryCount": _SPOT_STARTS,
        "backoffDuration": f"{requested.backoff_s:g}s",
        "backoffFactor": 2.0,
        "backoffMaxDuration": "3600s",
    }
