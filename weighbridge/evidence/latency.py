"""`latency.json`: what calling and loading the models took, as the Evaluator measured it."""

from typing import ClassVar, Generic, TypeVar

from pydantic import Field, StrictBool, StrictFloat, StrictInt, StrictStr

from weighbridge.evidence.base import Document, EvidenceFile, Interval, Number

LATENCY_FILE = "latency.json"

Quantity = TypeVar("Quantity")


class Compared(Document, Generic[Quantity]):
    """The same quantity of the candidate and of the model in production, where there is one."""

    candidate: Quantity
    production: Quantity | None = None


class Histogram(Document):
    """Calls by how long they took; one edge more than counts."""

    edges_ms: list[float]
    counts: list[int]


class Calls(Document):
    """Percentiles of calls (ms) and throughput (rows/s): of a model, or its ratio to another's (without a unit)."""

    p50_ms: Interval
    p95_ms: Interval
    p99_ms: Interval
    p999_ms: Interval | None = None  # files of earlier versions have none
    throughput_rows_s: Interval


class Latency(Calls):
    """The calls of one model with one batch size."""

    histogram: Histogram


class Responses(Document):
    """What a model makes of requests at a declared rate.

    Attributes:
        p99_ms: time from the arrival of a request to its answer that 99 % take at most, ms; without a value where more
            arrives than can be answered.
        utilisation: share of their time that the servers are busy; from 1 on they are too few.
        capacity_rps: the highest rate at which the threshold still holds, requests/s; None where there is none.
    """

    p99_ms: Interval
    utilisation: Number
    capacity_rps: Number = None


class AtRate(Document):
    """Requests at a declared rate, of both models; `ratio` is candidate divided by production, of `p99_ms`.

    Attributes:
        rate_rps: requests that arrive in a second.
        servers: requests that are answered at once.
    """

    rate_rps: float
    servers: int
    candidate: Responses
    production: Responses | None = None
    ratio: Interval | None = None


class AtOnce(Document):
    """The calls of both models by several threads at once; `ratio` is candidate divided by production.

    Attributes:
        threads: that called.
        calls: of each model.
        slices: of time in which each model was called.
        looks: how often they might have been looked at before a decision.
    """

    threads: int
    calls: int
    slices: int
    candidate: Calls
    production: Calls | None = None
    ratio: Calls | None = None
    looks: int = 1


class Batch(Document):
    """The calls of both models with one batch size.

    Attributes:
        batch_size: rows in a call.
        calls: of each model.
        candidate: what they took.
        production: what those of production took; None where nothing is.
        ratio: candidate divided by production.
        looks: how often they might have been looked at before a decision: the intervals share what they may miss.
        at_rate: requests at a declared rate; None where none is declared.
        at_once: calls by several threads at once.
    """

    batch_size: int
    calls: int
    candidate: Latency
    production: Latency | None = None
    ratio: Calls | None = None
    looks: int = 1
    at_rate: AtRate | None = None
    at_once: list[AtOnce] = Field(default_factory=list)


class Variant(Document):
    """A model that was exported beside the candidate; `candidate` of its batches is this one."""

    name: str
    model_bytes: int
    batches: list[Batch]


class LatencyReport(EvidenceFile):
    """The file.

    Attributes:
        signature: name of the serving signature that was called.
        inputs: its inputs that had one value in all requests, by name.
        confidence: of the intervals, between 0 and 1.
        model_bytes: size of the exported files.
        load_ms: time to load the model.
        peak_memory_bytes: that loading and calling with the largest batch needed.
        batches: one per batch size, in the order of the thresholds file.
        variants: those that could be measured.
    """

    FILE: ClassVar[str] = LATENCY_FILE

    signature: str
    inputs: dict[str, StrictBool | StrictInt | StrictFloat | StrictStr]
    confidence: Number
    model_bytes: Compared[int]
    load_ms: Compared[Interval]
    peak_memory_bytes: Compared[Interval]
    batches: list[Batch]
    variants: list[Variant]
