"""Thresholds on calls of a model: one at a time, at a rate of requests, and many at once."""

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PositiveFloat, PositiveInt, model_validator

from weighbridge.verdict import Bounds, Section, told
from weighbridge.verdict.bounds import RELATIVE_RULES

UNMEASURED = "what could not be measured refuses"
MEDIAN_RATIO = 1.5

AT_RATE = "at_rate.p99_ms"
BATCH_QUANTITIES = ("p50_ms", "p95_ms", "p99_ms", "p999_ms", "throughput_rows_s")


def given_of(section: Section, names: Iterable[str]) -> dict[str, Bounds]:
    """The thresholds of a section that are in force, of those names."""
    return {name: bounds for name in names if (bounds := getattr(section, name)) is not None}


def with_median(given: Any) -> Any:
    """Thresholds on calls as a file gives them, and the one on their median that comparing their p99 brings along."""
    tail = given.get("p99_ms") if isinstance(given, Mapping) else None
    if tail is None or given.get("p50_ms") is not None:
        return given
    bounds = tail.model_dump(exclude_none=True) if isinstance(tail, Bounds) else tail
    if not isinstance(bounds, Mapping) or not any(bounds.get(rule) is not None for rule in RELATIVE_RULES):
        return given
    severity = {"severity": "warning"} if bounds.get("severity") == "warning" else {}
    return {**given, "p50_ms": {"max_ratio": MEDIAN_RATIO, **severity}}


def _number_of(what: str) -> BeforeValidator:
    """A key that is text, as all are in JSON, must be a plain whole number: Python would take ` +1_0 ` for one."""

    def plain(key: object) -> object:
        if isinstance(key, bool) or (isinstance(key, str) and not re.fullmatch(r"[1-9][0-9]{0,8}", key)):
            raise ValueError(f"{key!r} is no number of {what}")
        return key

    return BeforeValidator(plain)


BatchSize = Annotated[PositiveInt, _number_of("rows")]
Threads = Annotated[int, Field(ge=1, le=256), _number_of("threads")]


class RateGates(Section):
    """What requests at a declared rate take, waiting included: from the recorded times of calls, by a queue."""

    rate_rps: PositiveFloat = Field(
        description="Requests of that many rows that arrive in a second, at random (a Poisson process).",
        json_schema_extra=told(unit="requests/s", missing="a rate that the model cannot answer refuses"),
    )
    servers: Annotated[int, Field(ge=1, le=256)] = Field(
        default=1,
        description="Requests that are answered at once, each as fast as the recorded calls; the others wait.",
        json_schema_extra=told(unit="requests"),
    )
    p99_ms: Bounds | None = Field(
        default=None,
        description="Time from the arrival of a request to its answer that 99 % of them take at most.",
        json_schema_extra=told(unit="ms", against="the 99th percentile of the responses", missing=UNMEASURED),
    )


class CallGates(Section):
    """Thresholds on calls made in one way; a quantity without any is measured and reported only.

    A model's tail belongs to the machine as much as to the model: where `p99_ms` is compared with production, so is the
    median, by default with `max_ratio: 1.5`.
    """

    p50_ms: Bounds | None = Field(
        default=None,
        description="Median time of a call. Where `p99_ms` is compared with production, by default `{max_ratio: 1.5}`.",
        json_schema_extra=told(unit="ms", against="the median of the calls", missing=UNMEASURED),
    )
    p95_ms: Bounds | None = Field(
        default=None,
        description="Time that 95 % of the calls take at most.",
        json_schema_extra=told(unit="ms", against="the 95th percentile of the calls", missing=UNMEASURED),
    )
    p99_ms: Bounds | None = Field(
        default=None,
        description="Time that 99 % of the calls take at most.",
        json_schema_extra=told(unit="ms", against="the 99th percentile of the calls", missing=UNMEASURED),
    )
    p999_ms: Bounds | None = Field(
        default=None,
        description="Time that 99.9 % of the calls take at most; 3,688 calls tell it at the earliest.",
        json_schema_extra=told(unit="ms", against="the 99.9th percentile of the calls", missing=UNMEASURED),
    )
    throughput_rows_s: Bounds | None = Field(
        default=None,
        description="Rows that are answered in a second.",
        json_schema_extra=told(unit="rows/s", against="the rows answered in a second", missing=UNMEASURED),
    )

    @model_validator(mode="before")
    @classmethod
    def _median(cls, given: Any) -> Any:
        return with_median(given)

    def given(self) -> dict[str, Bounds]:
        """The thresholds that are in force, by name of the quantity."""
        return given_of(self, BATCH_QUANTITIES)


class BatchGates(CallGates):
    """Thresholds on calls with one batch size; a quantity without any is measured and reported only."""

    at_rate: RateGates | None = Field(
        default=None, description="What requests take that arrive at a declared rate, and wait for each other."
    )
    concurrency: dict[Threads, CallGates] = Field(
        default_factory=dict,
        description="Threads that call the model at once, and the thresholds for calls made so; the time of a call is "
        "then its response time under that load.",
        json_schema_extra=told(
            each="threads", missing="a model that fails when called at once, or does not answer, refuses"
        ),
    )

    @property
    def parts(self) -> int:
        """How many measurements share the budget: calls one at a time, and those by each number of threads."""
        return 1 + len(self.concurrency)

    def given(self) -> dict[str, Bounds]:
        """The thresholds on calls one at a time that are in force, by name of the quantity."""
        return super().given() | ({AT_RATE: self.at_rate.p99_ms} if self.at_rate and self.at_rate.p99_ms else {})

    def every(self) -> dict[str, Bounds]:
        """All thresholds that are in force, by their keys: `p99_ms`, `at_rate.p99_ms`, `concurrency.4.p99_ms`."""
        at_once = {
            f"concurrency.{threads}.{name}": bounds
            for threads, level in self.concurrency.items()
            for name, bounds in level.given().items()
        }
        return self.given() | at_once
