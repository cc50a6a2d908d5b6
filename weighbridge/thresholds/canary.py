"""The `canary` section of a thresholds file: the steps of a live canary, and what it must show at each."""

import itertools
from typing import Annotated

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, field_validator, model_validator

from weighbridge.thresholds.canary_queries import CanaryQueries, of_one_version
from weighbridge.verdict import Bounds, Section, told
from weighbridge.verdict.risk import Allowed

HOLDS = "holds the canary, and rolls it back when `hold_minutes` are over"
_NO_ANSWER = f"no requests of the canary, or of production beside it: {HOLDS}"
WHOLE = 100  # percent: production answers nothing any more


class CanaryRisk(Section):
    """How often a canary may end wrongly, over all its steps, quantities and looks together."""

    false_alarm: Allowed = Field(
        default=0.05,
        description="How often, at most, a canary is rolled back as proven worse that keeps every threshold, as one "
        "as good as production does: over all steps, thresholds and looks together.",
        json_schema_extra=told(unit="probability"),
    )
    miss: Allowed = Field(
        default=0.05,
        description="How often, at most, a canary is promoted that misses a threshold: its true value lies exactly "
        "there, however often it is looked at.",
        json_schema_extra=told(unit="probability"),
    )


class CanaryStep(Section):
    """One step on the way to all requests."""

    percent: Annotated[float, Field(ge=0, le=WHOLE)] = Field(
        default=0.0,
        description="Share of the users' requests that the canary answers. Only the last step may be 100: production "
        "then answers none, so only absolute thresholds are judged.",
        json_schema_extra=told(unit="%"),
    )
    shadow: bool = Field(
        default=False,
        description="It gets copies of requests instead, and nobody sees what it answers. Metrics of the business are "
        "not judged. Only at the beginning.",
    )
    requests: PositiveInt = Field(
        default=2500,
        description="Requests that the canary must have answered in this step before the next, at least. Where they "
        "are too few to decide a threshold, the step goes on: `weighbridge gates PIPELINE` tells how many it takes.",
        json_schema_extra=told(unit="requests", missing=HOLDS),
    )
    minutes: NonNegativeFloat = Field(
        default=5.0, description="Time that the step lasts, at least.", json_schema_extra=told(unit="min")
    )
    settle_s: NonNegativeFloat | None = Field(
        default=None,
        description="Time from its first answer on in which connections open and caches fill: how long requests "
        "take then does not count; failures do. By default a tenth of `minutes`.",
        json_schema_extra=told(unit="s"),
    )

    @model_validator(mode="after")
    def _either(self) -> "CanaryStep":
        if self.shadow == bool(self.percent):
            raise ValueError("a step is either shadow: true, or has a percent above 0")
        return self

    @property
    def settles_s(self) -> float:
        """How long times do not count, s."""
        return 60 * self.minutes / 10 if self.settle_s is None else self.settle_s

    @property
    def name(self) -> str:
        """As people call it: `shadow`, `10 %`."""
        return "shadow" if self.shadow else f"{self.percent:g} %"


class BusinessGates(Section):
    """A metric of the business, such as recommendations bought of those that were shown."""

    successes: str = Field(
        description="Selector of a counter, in PromQL, with `$version` for the model's version: see `queries`.",
        json_schema_extra=told(missing="no series is no success, where there are trials"),
    )
    trials: str = Field(
        description="The same of the counter of all that could have succeeded.",
        json_schema_extra=told(missing=HOLDS),
    )
    rate: Bounds = Field(
        description="Thresholds on successes by trials.",
        json_schema_extra=told(unit="share", against="successes by trials", missing=HOLDS),
    )

    @field_validator("successes", "trials")
    @classmethod
    def _of_one_version(cls, query: str) -> str:
        return of_one_version(query)


def _steps() -> tuple[CanaryStep, ...]:
    return (
        CanaryStep(shadow=True, requests=6000),
        CanaryStep(percent=1, minutes=10),
        CanaryStep(percent=10, requests=5000, minutes=15),
        CanaryStep(percent=50, requests=10000, minutes=15),
    )


class CanaryGates(Section):
    """How a model goes to users step by step, and what its requests must show beside production's.

    What is not measured where a model is served, and has a default, is only shown with `severity: warning`.
    """

    steps: tuple[CanaryStep, ...] = Field(
        default_factory=_steps,
        min_length=1,
        description="The steps, in order; behind the last it is production. Each is judged by its own requests.",
    )
    hold_minutes: PositiveFloat = Field(
        default=60.0,
        description="How long a step may take longer than its `minutes` before what is still open rolls it back.",
        json_schema_extra=told(unit="min"),
    )
    risk: CanaryRisk = Field(default_factory=CanaryRisk, description="How often it may end wrongly.")
    p50_ms: Bounds | None = Field(
        default=Bounds(max_ratio=1.2),
        description="Thresholds on the median of the time that requests take.",
        json_schema_extra=told(unit="ms", against="the median of the requests of this step", missing=_NO_ANSWER),
    )
    p95_ms: Bounds | None = Field(
        default=Bounds(max_ratio=1.5),
        description="Thresholds on the time that 95 % of requests take at most.",
        json_schema_extra=told(
            unit="ms", against="the 95th percentile of the requests of this step", missing=_NO_ANSWER
        ),
    )
    p99_ms: Bounds | None = Field(
        default=Bounds(max_ratio=2.0, severity="warning"),
        description="Thresholds on the time that 99 % of requests take at most. By default it only warns: where a few "
        "stalls make the slowest hundredth, it takes ten thousands of requests to prove.",
        json_schema_extra=told(
            unit="ms", against="the 99th percentile of the requests of this step", missing=_NO_ANSWER
        ),
    )
    error_rate: Bounds | None = Field(
        default=Bounds(max_change=0.01),
        description="Thresholds on the share of requests that the server fails to answer (5xx) or refuses (4xx). What "
        "senders do wrong hits production alike, and falls out of `max_change`.",
        json_schema_extra=told(unit="share", against="failures by requests of this step", missing=_NO_ANSWER),
    )
    prediction_distance: Bounds | None = Field(
        default=Bounds(max=0.1),
        description="Most that what the two predict may differ: by how much the share of predictions below any value "
        "does, at most (Kolmogorov-Smirnov), 0 to 1. Only `max`.",
        json_schema_extra=told(
            unit="share", against="the predictions of this step, each output by itself", missing=_NO_ANSWER
        ),
    )
    memory_ratio: Bounds | None = Field(
        default=Bounds(max=1.5),
        description="Most that the canary's memory may be of what it had when it began, now and if it goes on to grow "
        "as lately. Only `max`.",
        json_schema_extra=told(unit="x", against="memory of a server by what it began with", missing=HOLDS),
    )
    business: dict[str, BusinessGates] = Field(
        default_factory=dict,
        description="Metrics of the business, by name, such as recommendations bought of those shown.",
        json_schema_extra=told(each="metric"),
    )
    queries: CanaryQueries = Field(
        default_factory=CanaryQueries,
        description="How another server than Weighbridge's own is asked for: TensorFlow Serving, a service mesh.",
    )

    @model_validator(mode="after")
    def _sound(self) -> "CanaryGates":
        _check_steps(self.steps)
        for name in ("prediction_distance", "memory_ratio"):
            bounds: Bounds | None = getattr(self, name)
            if bounds is not None and set(bounds.rules()) != {"max"}:
                raise ValueError(f"{name} takes max alone, not {', '.join(sorted(set(bounds.rules()) - {'max'}))}")
        if not any(bounds.severity == "blocking" for bounds in self.thresholds().values()):
            raise ValueError("no threshold could roll the canary back: at least one must be blocking")
        for name in self.business:
            if not name or not name.replace("_", "").replace("-", "").isalnum():
                raise ValueError(f"{name!r} is no name of a metric: letters, digits, _ and -")
            if all(step.shadow for step in self.steps):
                raise ValueError(f"business.{name} is never judged: nobody sees what a shadow answers")
        return self

    def thresholds(self) -> dict[str, Bounds]:
        """All thresholds that are given, by what they judge, as gates are called: `p99_ms`, `business.bought`."""
        plain = ("p50_ms", "p95_ms", "p99_ms", "error_rate", "prediction_distance", "memory_ratio")
        found = {name: bounds for name in plain if (bounds := getattr(self, name)) is not None}
        return found | {f"business.{name}": metric.rate for name, metric in self.business.items()}


def _check_steps(steps: tuple[CanaryStep, ...]) -> None:
    for before, after in itertools.pairwise(steps):
        if after.shadow and not before.shadow:
            raise ValueError(f"a shadow comes before the steps that users see, not after {before.name}")
        if not after.shadow and after.percent <= before.percent:
            raise ValueError(f"the steps grow, but {after.name} comes after {before.name}")
    if steps[0].percent == WHOLE:
        raise ValueError("100 % can only be the last of several steps: a canary that takes all requests is none")
