"""How far a canary is: `canary.json` beside the record of production, there as long as the canary is on its way."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from weighbridge.components.production_model.record import ProductionRecord

Percent = Annotated[float, Field(ge=0, le=100)]


class CanaryState(BaseModel):
    """What `canary.json` says. Whoever sets traffic (Argo CD with KServe, a proxy) follows it.

    Attributes:
        canary: the record that production would get, of a version that is at the destination already.
        stable: version in production when the canary began; 0 for none.
        step: position of the step in `canary.steps` of `gates.yaml`, from 0.
        percent: share of the users' requests that the canary answers.
        shadow: whether it gets copies of requests instead, whose answers nobody sees.
        step_since: when this step began; UTC.
        since: when the canary began; UTC.
        run_id: the run that walks it; its folder has the timeline.
        phase: `walking`, or why it ends: nobody takes an ending canary up again as if nothing were.
        traffic: who divides the requests: whoever follows this file, or an Envoy whose routes the command writes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    canary: ProductionRecord
    stable: int = Field(ge=0)
    step: int = Field(ge=0)
    percent: Percent
    shadow: bool = False
    step_since: AwareDatetime
    since: AwareDatetime
    run_id: str
    phase: Literal["walking", "rolling_back"] = "walking"
    traffic: Literal["declared", "envoy"] = "declared"
