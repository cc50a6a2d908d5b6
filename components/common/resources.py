"""The machine a step needs: declared once with the component, ignored locally, honoured on Kubeflow."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Resources(BaseModel):
    """Requests of one step.

    Attributes:
        cpu: cores, e.g. `2` or `500m`.
        memory: e.g. `4Gi`.
        accelerator: kind of device, in Kubernetes' resource names.
        accelerator_count: number of devices, 0 for none.
        node_selector: labels a node must have, e.g. GKE's accelerator or topology.
        spot: whether the step may run on nodes that can be taken away.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    cpu: str | None = None
    memory: str | None = Field(default=None, pattern=r"^\d+(\.\d+)?([KMGTPE]i?)?$")
    accelerator: Literal["nvidia.com/gpu", "amd.com/gpu", "google.com/tpu"] | None = None
    accelerator_count: int = Field(default=0, ge=0)
    node_selector: dict[str, str] = Field(default_factory=dict)
    spot: bool = False

    def model_post_init(self, _context: Any) -> None:
        """Refuse a count without a kind and a kind without a count."""
        if bool(self.accelerator) != bool(self.accelerator_count):
            raise ValueError("accelerator and accelerator_count go together: give both or neither")
