"""How the nodes of a TrainJob find each other, and what TensorFlow must be told of it."""

from collections.abc import Sequence
from typing import Any

# Of Kubeflow Trainer: its runtimes open this port, and name a TrainJob's pods so.
PORT = 29500
NODE = "node"


def addresses(job: str, nodes: int) -> list[str]:
    """Addresses of a TrainJob's nodes, the chief first.

    JobSet names the pods of its only replica `<job>-node-0-<index>`, in a headless service that is called as the job.

    Args:
        job: name of the TrainJob.
        nodes: how many there are.
    """
    return [f"{job}-{NODE}-0-{index}.{job}:{PORT}" for index in range(nodes)]


def tf_config(workers: Sequence[str], index: int) -> dict[str, Any] | None:
    """`TF_CONFIG` of one node; None where a node trains alone, since TensorFlow needs no cluster for that.

    Args:
        workers: addresses of all nodes; the first one is the chief, which writes.
        index: which of them this is: Kubernetes' `JOB_COMPLETION_INDEX`.

    Raises:
        ValueError: there is no such node.
    """
    if not 0 <= index < len(workers):
        raise ValueError(f"node {index} is none of {len(workers)}")
    if len(workers) == 1:
        return None
    return {"cluster": {"worker": list(workers)}, "task": {"type": "worker", "index": index}}
