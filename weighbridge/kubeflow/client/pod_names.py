"""The names that Argo gives the pods of a step, where the server does not tell them.

Servers without ML Metadata list a step's pod when the step has ended by itself: not while it waits or runs, and never
where it was killed. They list its driver's from the beginning, and Argo names pods by a rule: workflow, template, and
the FNV-1a hash of the node's name (`GeneratePodName` of argo-workflows).
"""

from typing import Any

_DRIVER, _EXECUTOR = "-system-container-driver-", "system-container-impl"
# The node of a step's container; with a number per attempt where the step, or the whole graph, is retried.
_NODES = ("{}.executor", "{}.executor({})", "{}({}).executor")
_ATTEMPTS = 3


def pod_names(task: dict[str, Any]) -> list[str]:
    """Names that the pod of a task may have, the first attempt's first; none where its driver's tells no workflow.

    Args:
        task: as `task_api` lists it.
    """
    drivers = [str(pod.get("name") or "") for pod in task.get("pods") or [] if pod.get("type") == "DRIVER"]
    workflow = next((name.rpartition(_DRIVER)[0] for name in drivers if _DRIVER in name), "")
    scope = str(task.get("scope_path") or "")
    if not workflow or not scope:
        return []
    nodes = [pattern.format(f"{workflow}.{scope}", attempt) for attempt in range(_ATTEMPTS) for pattern in _NODES]
    return [f"{workflow}-{_EXECUTOR}-{_hash(node)}" for node in dict.fromkeys(nodes)]


def _hash(text: str) -> int:
    """FNV-1a of 32 bits."""
    value = 0x811C9DC5
    for byte in text.encode():
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return value
