"""Thresholds on a model as it is served: by a real server, under requests that come as users' do."""

import math
from typing import Annotated, Any, Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from weighbridge.components.evaluator.call_gates import UNMEASURED, given_of, with_median
from weighbridge.verdict import Bounds, Section, told
from weighbridge.verdict.outcome import kind_of

LATENCIES = ("p50_ms", "p95_ms", "p99_ms", "p999_ms")
ERROR_RATE, MAX_RATE, COST = "error_rate", "max_rate_rps", "cost_per_million"
SERVED_QUANTITIES = (*LATENCIES, ERROR_RATE, MAX_RATE, COST)
LEAD = 0.2  # of a segment: its first requests find a server emptier than it will be

_NO_SERVER = "without an environment for model servers, or where the server fails, it refuses"
_KEPT_PLAN = "a generator that could not keep its plan measured itself: refuses"


class RampGates(Section):
    """How the highest rate is sought: rates that grow until the limits break, then halved intervals between."""

    start_rps: PositiveFloat | None = Field(
        default=None,
        description="Rate to begin with; by default half of `rate_rps`.",
        json_schema_extra=told(unit="requests/s"),
    )
    growth: Annotated[float, Field(ge=1.1, le=4)] = Field(
        default=1.5,
        description="What a rate is multiplied by as long as the limits hold.",
        json_schema_extra=told(unit="x"),
    )
    resolution: Annotated[float, Field(ge=0.02, le=0.5)] = Field(
        default=0.1,
        description="How far apart, as a share, the highest rate that held and the lowest that did not may end.",
        json_schema_extra=told(unit="share"),
    )
    load_s: Annotated[float, Field(ge=1, le=600)] = Field(
        default=5.0,
        description="Load at each rate, at least; the highest rate is confirmed for three times as long.",
        json_schema_extra=told(unit="s"),
    )
    tries: Annotated[int, Field(ge=3, le=100)] = Field(
        default=20,
        description="Rates that are tried, at most.",
        json_schema_extra=told(unit="rates", missing="what is not found by then has no upper end"),
    )
    limit_ms: PositiveFloat | None = Field(
        default=None,
        description="The 99th percentile up to which a rate holds; by default the `max` of `p99_ms`. Without either "
        "only failures and saturation end the ramp.",
        json_schema_extra=told(unit="ms", against="the 99th percentile at each rate"),
    )
    limit_errors: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        default=None,
        description="The share of failures up to which a rate holds; by default the `max` of `error_rate`, else 0.01.",
        json_schema_extra=told(unit="share", against="the share of failures at each rate"),
    )


class ServedGates(Section):
    """What a served model must show under open-loop load; times count from when a request was planned to be sent."""

    rate_rps: PositiveFloat = Field(
        description="Requests that are sent in a second, at random (a Poisson process), whatever became of others.",
        json_schema_extra=told(unit="requests/s", missing=_NO_SERVER),
    )
    load_s: Annotated[float, Field(ge=10, le=86_400)] = Field(
        default=60.0,
        description="Load on each model, in 20 to 40 segments that candidate and production get in turn. The first "
        "fifth of each segment only fills the server.",
        json_schema_extra=told(unit="s"),
    )
    rows: PositiveInt = Field(
        default=1, description="Rows in a request: predictions that it asks for.", json_schema_extra=told(unit="rows")
    )
    connections: Annotated[int, Field(ge=1, le=512)] = Field(
        default=64,
        description="Connections at once, at most, each kept alive; a request that finds none free waits, and its time "
        "runs.",
        json_schema_extra=told(unit="connections"),
    )
    protocol: Literal["v1", "v2"] = Field(
        default="v1",
        description="REST of requests: `v1` is TensorFlow Serving's and KServe's, `v2` the Open Inference Protocol.",
    )
    timeout_ms: Annotated[float, Field(ge=10, le=600_000)] = Field(
        default=10_000.0,
        description="A request without an answer by then has failed. A failed request counts as one that took so long.",
        json_schema_extra=told(unit="ms"),
    )
    max_lag: Annotated[float, Field(gt=0, le=1)] = Field(
        default=0.25,
        description="How late the generator itself may send, in the 99th percentile, as a share of the 99th percentile "
        "of the responses.",
        json_schema_extra=told(unit="share", missing=_KEPT_PLAN),
    )
    headroom: Annotated[float, Field(ge=0, lt=1)] = Field(
        default=0.3,
        description="Share of what a replica can answer, and of its memory, that `sizing.json` leaves free.",
        json_schema_extra=told(unit="share"),
    )
    cost_per_hour: PositiveFloat | None = Field(
        default=None,
        description="What the machine of a replica costs in an hour, in any currency.",
        json_schema_extra=told(unit="currency/h"),
    )
    ramp: RampGates | None = Field(
        default=None,
        description="How the highest rate is sought; `{}` seeks it with the defaults. It is sought, too, where "
        "`max_rate_rps` or `cost_per_million` has thresholds.",
    )
    p50_ms: Bounds | None = Field(
        default=None,
        description="Median time of a request. Where `p99_ms` is compared with production, by default "
        "`{max_ratio: 1.5}`.",
        json_schema_extra=told(unit="ms", against="the median of the responses", missing=UNMEASURED),
    )
    p95_ms: Bounds | None = Field(
        default=None,
        description="Time that 95 % of the requests take at most.",
        json_schema_extra=told(unit="ms", against="the 95th percentile of the responses", missing=UNMEASURED),
    )
    p99_ms: Bounds | None = Field(
        default=None,
        description="Time that 99 % of the requests take at most.",
        json_schema_extra=told(unit="ms", against="the 99th percentile of the responses", missing=UNMEASURED),
    )
    p999_ms: Bounds | None = Field(
        default=None,
        description="Time that 99.9 % of the requests take at most; 3,688 requests tell it at the earliest.",
        json_schema_extra=told(unit="ms", against="the 99.9th percentile of the responses", missing=UNMEASURED),
    )
    error_rate: Bounds | None = Field(
        default=Bounds(max=0.01),
        description="Share of requests that fail: no answer, or a status that is no success.",
        json_schema_extra=told(unit="share", against="the share of failures", missing=UNMEASURED),
    )
    max_rate_rps: Bounds | None = Field(
        default=None,
        description="The highest rate at which the limits of `ramp` hold: the knee.",
        json_schema_extra=told(unit="requests/s", against="the highest rate", missing=UNMEASURED),
    )
    cost_per_million: Bounds | None = Field(
        default=None,
        description="What a million predictions cost where a replica answers the highest rate less `headroom`.",
        json_schema_extra=told(unit="currency", against="the cost", missing=UNMEASURED),
    )

    @model_validator(mode="before")
    @classmethod
    def _median(cls, given: Any) -> Any:
        return with_median(given)

    @model_validator(mode="after")
    def _measurable(self) -> "ServedGates":
        if self.cost_per_million is not None and self.cost_per_hour is None:
            raise ValueError("cost_per_million needs cost_per_hour: what a replica's machine costs in an hour")
        if self.error_rate is not None and any(kind_of(rule) == "ratio" for rule in self.error_rate.rules()):
            raise ValueError("error_rate is compared by max_change: production may have no errors to divide by")
        limits = {name: bounds.max for name in LATENCIES if (bounds := getattr(self, name)) is not None}
        for name, limit in limits.items():
            if limit is not None and limit >= self.timeout_ms:
                raise ValueError(f"{name}: max {limit:g} is never exceeded with timeout_ms {self.timeout_ms:g}")
        return self

    def given(self) -> dict[str, Bounds]:
        """The thresholds that are in force, by name of the quantity."""
        return given_of(self, SERVED_QUANTITIES)

    @property
    def ramping(self) -> RampGates | None:
        """How the highest rate is sought; None where it is not."""
        wanted = self.max_rate_rps is not None or self.cost_per_million is not None
        return self.ramp or (RampGates() if wanted else None)

    @property
    def limit_ms(self) -> float:
        """The 99th percentile up to which a rate holds; infinite where there is none."""
        ramp, own = self.ramping, self.p99_ms
        found = ramp.limit_ms if ramp and ramp.limit_ms else own.max if own else None
        return math.inf if found is None else found

    @property
    def limit_errors(self) -> float:
        """The share of failures up to which a rate holds."""
        ramp, own = self.ramping, self.error_rate
        return (ramp.limit_errors if ramp else None) or (own.max if own else None) or 0.01

    @property
    def segments(self) -> int:
        """Segments of load on each model: of two seconds, where that makes 20 to 40."""
        return min(40, max(20, round(self.load_s / 2)))

    @property
    def requests(self) -> int:
        """Requests of each model that are measured, about."""
        return int(self.rate_rps * self.load_s * (1 - LEAD))
