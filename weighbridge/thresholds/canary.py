"""The `canary` section of a thresholds file: the steps of a live canary, and what it must show at each."""

from typing import Annotated

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from weighbridge.verdict import Bounds, Section, told
from weighbridge.verdict.risk import Allowed

_HOLDS = "holds the canary, and rolls it back when `hold_minutes` are over"


class CanaryRisk(Section):
    """How often a canary may end wrongly, over all its steps, quantities and looks together."""

    false_alarm: Allowed = Field(
        default=0.05,
        description="How often, at most, a canary is rolled back as proven worse that is as good as production.",
        json_schema_extra=told(unit="probability"),
    )
    miss: Allowed = Field(
        default=0.05,
        description="How often, at most, a canary is promoted that misses a threshold: its true value lies there.",
        json_schema_extra=told(unit="probability"),
    )


class CanaryStep(Section):
    """One step on the way to all requests."""

    percent: Annotated[float, Field(ge=0, le=100)] = Field(
        default=0.0,
        description="Share of the users' requests that the canary answers.",
        json_schema_extra=told(unit="%"),
    )
    shadow: bool = Field(
        default=False, description="It gets copies of requests instead, and nobody sees what it answers."
    )
    requests: PositiveInt = Field(
        default=1000,
        description="Requests that the canary must have answered before the next step, at least.",
        json_schema_extra=told(unit="requests", missing=_HOLDS),
    )
    minutes: NonNegativeFloat = Field(
        default=5.0, description="Time that the step lasts, at least.", json_schema_extra=told(unit="min")
    )

    @model_validator(mode="after")
    def _either(self) -> "CanaryStep":
        if self.shadow == bool(self.percent):
            raise ValueError("a step is either shadow: true, or has a percent above 0")
        return self


class BusinessGates(Section):
    """A metric of the business, such as recommendations bought of those that were shown."""

    successes: str = Field(description="PromQL of a counter, with `$version` for the model's version.")
    trials: str = Field(description="PromQL of the counter of all that could have succeeded, likewise.")
    rate: Bounds = Field(description="Thresholds on successes by trials.", json_schema_extra=told(missing=_HOLDS))


def _steps() -> tuple[CanaryStep, ...]:
    return (
        CanaryStep(shadow=True),
        CanaryStep(percent=1),
        CanaryStep(percent=10, requests=5000, minutes=15),
        CanaryStep(percent=50, requests=10000, minutes=15),
    )


class CanaryGates(Section):
    """How a model goes to users step by step, and what its requests must show beside production's."""

    steps: tuple[CanaryStep, ...] = Field(
        default_factory=_steps, min_length=1, description="The steps, in order; behind the last it is production."
    )
    hold_minutes: PositiveFloat = Field(
        default=60.0,
        description="How long a step may take longer than its `minutes` before what is still open rolls it back.",
        json_schema_extra=told(unit="min"),
    )
    risk: CanaryRisk = Field(default_factory=CanaryRisk, description="How often it may end wrongly.")
    p50_ms: Bounds | None = Field(
        default=Bounds(max_ratio=1.2), description="Thresholds on the median time.", json_schema_extra=told(unit="ms")
    )
    p99_ms: Bounds | None = Field(
        default=Bounds(max_ratio=1.5),
        description="Thresholds on the 99th percentile.",
        json_schema_extra=told(unit="ms"),
    )
    error_rate: Bounds | None = Field(
        default=Bounds(max_change=0.01), description="Thresholds on the share of failures.", json_schema_extra=told()
    )
    prediction_distance: Bounds | None = Field(
        default=Bounds(max=0.1),
        description="Thresholds on the distance between the distributions that the two predict.",
        json_schema_extra=told(),
    )
    memory_ratio: Bounds | None = Field(
        default=Bounds(max=1.5),
        description="Thresholds on the canary's memory by what it had when the canary began.",
        json_schema_extra=told(unit="x"),
    )
    business: dict[str, BusinessGates] = Field(
        default_factory=dict, description="Metrics of the business, by name.", json_schema_extra=told(each="metric")
    )
