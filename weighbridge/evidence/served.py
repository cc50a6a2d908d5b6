"""`served.json`: what a served model showed under open-loop load, as the Evaluator measured it."""

from typing import ClassVar

from pydantic import Field

from weighbridge.evidence.base import Document, EvidenceFile, Interval, Number
from weighbridge.evidence.latency import Histogram

SERVED_FILE = "served.json"


class Rate(Document):
    """What a rate showed while the highest was sought.

    Attributes:
        rate_rps: requests that were sent in a second.
        held: whether the limits held.
        surely: whether that is certain.
        limited: whether the generator could do no more, so that nothing is known.
        requests: that were measured.
        p50_ms: median of the responses.
        p99_ms: their 99th percentile.
        error_rate: share of failures.
        answered_rps: that were answered in a second.
    """

    rate_rps: float
    held: bool
    surely: bool
    limited: bool
    requests: int
    p50_ms: Number = None
    p99_ms: Number = None
    error_rate: Number = None
    answered_rps: Number = None


class Loaded(Document):
    """One served model under load.

    Attributes:
        requests: that were measured at the declared rate.
        p50_ms: median of the responses, and so on; without a value where the generator did not keep its plan.
        p95_ms: likewise.
        p99_ms: likewise.
        p999_ms: likewise.
        error_rate: share of failures.
        errors: how many failed, by what became of them: `503`, `timed out`, `connection lost`.
        queued: share of the requests that waited for a free connection.
        lag_ms: by which the generator itself was late, in the 99th percentile.
        lag_share: that, as a share of the 99th percentile of the responses.
        generator_cpu: share of one processor that the generator took.
        histogram: of the responses.
        max_rate_rps: the highest rate at which the limits hold; None where it was not sought.
        rates: that were tried, in that order.
        cost_per_million: predictions; None where no price is known.
        cpu_ms: processor time that the server took for a request; None where that is not known.
        memory_bytes: that it needed at most; likewise.
    """

    requests: int
    p50_ms: Interval
    p95_ms: Interval
    p99_ms: Interval
    p999_ms: Interval
    error_rate: Interval
    errors: dict[str, int] = Field(default_factory=dict)
    queued: Number = None
    lag_ms: Number = None
    lag_share: Number = None
    generator_cpu: Number = None
    histogram: Histogram | None = None
    max_rate_rps: Interval | None = None
    rates: list[Rate] = Field(default_factory=list)
    cost_per_million: Interval | None = None
    cpu_ms: Number = None
    memory_bytes: int | None = None


class LoadRatio(Document):
    """The candidate's percentiles divided by production's, measured in pairs of segments."""

    p50_ms: Interval
    p95_ms: Interval
    p99_ms: Interval
    p999_ms: Interval


class ServedReport(EvidenceFile):
    """The file.

    Attributes:
        server: what answered: `KServe`, or an address.
        protocol: of the requests.
        rate_rps: requests that were sent in a second.
        rows: predictions that a request asks for.
        connections: at once, at most.
        seconds: of load on each model.
        segments: that candidate and production got in turn.
        timeout_ms: that a failed request counts as.
        confidence: of the intervals, between 0 and 1.
        limit_ms: 99th percentile up to which a rate holds; None where none was given.
        candidate: what it showed.
        production: likewise; None where nothing is in production, or it could not be served.
        ratio: of the two.
    """

    FILE: ClassVar[str] = SERVED_FILE

    server: str
    protocol: str
    rate_rps: float
    rows: int
    connections: int
    seconds: float
    segments: int
    timeout_ms: float
    confidence: Number
    limit_ms: Number = None
    candidate: Loaded
    production: Loaded | None = None
    ratio: LoadRatio | None = None
