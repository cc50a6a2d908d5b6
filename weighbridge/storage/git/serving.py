"""The part `serving` of `weighbridge.yaml`: how the cluster is to run the model, beyond what was measured."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

# What a namespace may be called; it goes into PromQL, too.
Namespace = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
Address = Annotated[str, Field(pattern=r"^https?://[^\s\"\\]+$")]


class ServingSettings(BaseModel):
    """What people decide about the servers of a model.

    Attributes:
        autoscaling: who sets the number of replicas: Kubernetes' own autoscaler, KEDA, or nobody.
        max_replicas: most that an autoscaler may start; None for four times as many as were measured to be needed.
        p99_ms: 99th percentile of the time of requests, in milliseconds, above which an autoscaler starts more; None to
            look at the rate of requests alone.
        namespace: of the servers, for KEDA's queries; empty where one Prometheus sees one namespace with this model.
        prometheus: address that KEDA asks.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    autoscaling: Literal["hpa", "keda", "none"] = "hpa"
    max_replicas: Annotated[int, Field(ge=1)] | None = None
    p99_ms: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    namespace: Namespace | Literal[""] = ""
    prometheus: Address = "http://prometheus-operated.monitoring.svc:9090"
