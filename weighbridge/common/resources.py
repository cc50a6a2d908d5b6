"""The machine a step needs: declared once with the component, ignored locally, honoured on Kubeflow."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

_QUANTITY = r"^\d+(\.\d+)?([KMGTPE]i?)?$"
_Variable = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
_SecretKey = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?/[A-Za-z0-9._-]+$")]

STEP_USER = 1000  # that steps run as: one without rights
SCRATCH_FOLDER = "/scratch"


class Toleration(BaseModel):
    """A taint that a step's pod may be scheduled in spite of, in Kubernetes' words."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: str
    operator: Literal["Exists", "Equal"] = "Exists"
    value: str = ""
    effect: Literal["", "NoSchedule", "PreferNoSchedule", "NoExecute"] = "NoSchedule"


# What keeps ordinary pods off a node with accelerators, or off one that can be taken away.
_ACCELERATOR_TAINTS = {kind: Toleration(key=kind) for kind in ("nvidia.com/gpu", "amd.com/gpu", "google.com/tpu")}
_SPOT_TAINTS = (
    Toleration(key="cloud.google.com/gke-spot", operator="Equal", value="true"),
    Toleration(key="kubernetes.azure.com/scalesetpriority", operator="Equal", value="spot"),
)


class Resources(BaseModel):
    """What one step asks of its platform.

    Attributes:
        cpu: cores that are requested, e.g. `2` or `500m`.
        memory: memory that is requested, e.g. `4Gi`.
        cpu_limit: cores at most; by default as many as requested.
        memory_limit: memory at most; by default as much as requested.
        accelerator: kind of device, in Kubernetes' resource names.
        accelerator_count: number of devices, 0 for none.
        node_selector: labels a node must have, e.g. GKE's accelerator or topology.
        tolerations: taints that do not matter, besides those of the accelerator and of spot nodes.
        spot: whether the step may run on nodes that can be taken away; it is then started again.
        retries: how often a step is tried again after a failure of the infrastructure; never after a refusal.
        backoff_s: seconds before the first of these; each later one waits twice as long.
        timeout_s: seconds after which the step is ended.
        scratch: size of an empty folder at `/scratch`, e.g. `50Gi`.
        shared_memory: size of `/dev/shm`, e.g. `2Gi`.
        volumes: persistent volume claims by where they are mounted.
        empty_folders: paths of folders that begin empty and end with the step.
        image_pull_secrets: names of secrets.
        secrets: environment variables that parameters refer to as `{env:NAME}`, each with the Kubernetes secret and the
            key in it that holds it: `{"DB_PASSWORD": "database/password"}`. Nodes of a TrainJob get none.
        labels: of the pod.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    cpu: str | None = Field(default=None, pattern=r"^\d+(\.\d+)?m?$")
    memory: str | None = Field(default=None, pattern=_QUANTITY)
    cpu_limit: str | None = Field(default=None, pattern=r"^\d+(\.\d+)?m?$")
    memory_limit: str | None = Field(default=None, pattern=_QUANTITY)
    accelerator: Literal["nvidia.com/gpu", "amd.com/gpu", "google.com/tpu"] | None = None
    accelerator_count: int = Field(default=0, ge=0)
    node_selector: dict[str, str] = Field(default_factory=dict)
    tolerations: tuple[Toleration, ...] = ()
    spot: bool = False
    retries: int = Field(default=2, ge=0)
    backoff_s: float = Field(default=30, gt=0)
    timeout_s: int | None = Field(default=None, gt=0)
    scratch: str | None = Field(default=None, pattern=_QUANTITY)
    shared_memory: str | None = Field(default=None, pattern=_QUANTITY)
    volumes: dict[str, str] = Field(default_factory=dict)
    empty_folders: tuple[str, ...] = ()
    image_pull_secrets: tuple[str, ...] = ()
    secrets: dict[_Variable, _SecretKey] = Field(default_factory=dict)
    labels: dict[str, str] = Field(default_factory=dict)

    def model_post_init(self, _context: Any) -> None:
        """Refuse a count without a kind and a kind without a count."""
        if bool(self.accelerator) != bool(self.accelerator_count):
            raise ValueError("accelerator and accelerator_count go together: give both or neither")

    @property
    def all_tolerations(self) -> tuple[Toleration, ...]:
        """Those given, and those of the accelerator and of spot nodes."""
        found = [*self.tolerations, *(_SPOT_TAINTS if self.spot else ())]
        if self.accelerator:
            found.insert(len(self.tolerations), _ACCELERATOR_TAINTS[self.accelerator])
        return tuple(dict.fromkeys(found))
