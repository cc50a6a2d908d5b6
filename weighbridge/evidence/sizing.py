"""`sizing.json`: what a served model asks of a cluster; delivery writes it into manifests."""

from typing import Annotated, ClassVar

from pydantic import Field

from weighbridge.evidence.base import EvidenceFile, Number

SIZING_FILE = "sizing.json"
SIZING_SUBJECT = "sizing"  # of a verdict: the digest of the file


class Sizing(EvidenceFile):
    """What to run a model with.

    Attributes:
        cpu_millicores: to request for a replica that answers as much as it is meant to.
        memory_bytes: to request for a replica.
        rate_rps: requests that arrive in a second, of all replicas together.
        max_rps_per_replica: most that one replica answered within the limits, or was shown to.
        replicas: that answer `rate_rps`, each with `headroom` left.
        cost_per_million: of a million predictions; None where no price is known.
        headroom: share of `max_rps_per_replica` that a replica is to have left, and of memory beyond what it needed.
    """

    FILE: ClassVar[str] = SIZING_FILE

    cpu_millicores: Annotated[int, Field(ge=1)]
    memory_bytes: Annotated[int, Field(ge=1)]
    rate_rps: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    max_rps_per_replica: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    replicas: Annotated[int, Field(ge=1)]
    cost_per_million: Number = None
    headroom: Annotated[float, Field(ge=0, lt=1)] = 0.3
