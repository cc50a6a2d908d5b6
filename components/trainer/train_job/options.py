"""What a pipeline says of a TrainJob: how many nodes, what each one needs, where they share files."""

from pathlib import PurePosixPath
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from weighbridge.common.resources import Resources

_NAME = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"
_TPU = "google.com/tpu"


class TrainJob(BaseModel):
    """Train in pods of Kubeflow Trainer instead of the step's own; ignored where the step is no pod of Kubeflow.

    Attributes:
        nodes: pods that train one model together, each with `resources`.
        resources: the machine of each node; `timeout_s` bounds the whole TrainJob, `retries` are the step's own.
        runtime: name of the runtime; `infra/kubernetes/train-jobs` brings the default one.
        runtime_kind: `TrainingRuntime` of the namespace, or `ClusterTrainingRuntime`, e.g. `torch-distributed`.
        claim: volume claim through which step and nodes exchange files; on several machines it must be ReadWriteMany.
        folder: where the claim is mounted, in the step and in the nodes.
        image: that the nodes run in; empty for the step's own.
        env: further environment variables of the nodes; no secrets, they are in plain view.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    nodes: int = Field(default=1, ge=1, le=1000)
    resources: Resources = Resources()
    runtime: str = Field(default="weighbridge-training", pattern=_NAME, max_length=253)
    runtime_kind: Literal["TrainingRuntime", "ClusterTrainingRuntime"] = "TrainingRuntime"
    claim: str = Field(default="weighbridge-training", pattern=_NAME, max_length=253)
    folder: str = "/weighbridge/training"
    image: str = ""
    env: dict[str, str] = Field(default_factory=dict)

    def model_post_init(self, _context: Any) -> None:
        """Refuse what no node could start with."""
        path = PurePosixPath(self.folder)
        if not path.is_absolute() or ".." in path.parts or path == PurePosixPath("/"):
            raise ValueError(f"folder={self.folder!r} must be an absolute path below /")
        if self.folder in self.resources.volumes:
            raise ValueError(f"folder={self.folder!r} is mounted from resources.volumes already")
        if self.nodes > 1 and self.resources.accelerator == _TPU:
            raise ValueError("TensorFlow trains on the TPUs of one machine: give nodes=1 and a topology of one machine")
