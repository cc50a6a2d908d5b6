"""The evidence files that the steps leave, as values: what a report shows besides the verdict.

Reading is strict about what is shown and deaf to anything else, so that a step may add to its files. A number that
is not finite is read as None: not measured.
"""

import math
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _estimated(value: Any) -> Any:
    return value if value is None or isinstance(value, dict) else {"value": value}


Number = Annotated[float | None, BeforeValidator(_finite)]
Series = TypeVar("Series")


class Document(BaseModel):
    """Base of the evidence files."""

    model_config = ConfigDict(frozen=True, extra="ignore", coerce_numbers_to_str=True)


class Interval(Document):
    """A value with its confidence interval, where it has one."""

    value: Number = None
    low: Number = None
    high: Number = None


Quantity = Annotated[Interval, BeforeValidator(_estimated)]


class Compared(Document, Generic[Series]):
    """The same thing of the candidate and of the model in production, where there is one."""

    candidate: Series | None = None
    production: Series | None = None


class Metric(Interval):
    """One quality metric of one slice (`""` is all rows), and how production does on the same rows."""

    name: str
    slice: str = ""
    rows: int | None = None
    production: Interval | None = None
    change: Interval | None = None


class Metrics(Document):
    """`metrics.json` of an Evaluator; `confidence` lies between 0 and 1, `plots` are for `plots.read_plots`."""

    split: str = ""
    rows: int | None = None
    confidence: Number = None
    label: str = ""
    metrics: list[Metric] = Field(default_factory=list)
    plots: Any = Field(default_factory=dict)


class Histogram(Document):
    """Calls per bucket of latency; one edge more than counts."""

    edges_ms: list[float] = Field(default_factory=list)
    counts: list[float] = Field(default_factory=list)


class Latency(Document):
    """Latency (ms) and throughput (rows/s) of one model at one batch size."""

    p50_ms: Quantity = Interval()
    p95_ms: Quantity = Interval()
    p99_ms: Quantity = Interval()
    throughput_rows_s: Quantity = Interval()
    histogram: Histogram | None = None


class Batch(Document):
    """The latency of both models at one batch size; `ratio` is candidate divided by production."""

    batch_size: int
    calls: int | None = None
    candidate: Latency | None = None
    production: Latency | None = None
    ratio: Latency | None = None


class Variant(Document):
    """The latency of another model that was exported beside the candidate; `candidate` of its batches is this one."""

    name: str
    model_bytes: Quantity = Interval()
    batches: list[Batch] = Field(default_factory=list)


class LatencyReport(Document):
    """`latency.json` of an Evaluator."""

    signature: str = ""
    inputs: dict[str, Any] = Field(default_factory=dict)
    confidence: Number = None
    model_bytes: Compared[Quantity] = Compared()
    load_ms: Compared[Quantity] = Compared()
    peak_memory_bytes: Compared[Quantity] = Compared()
    batches: list[Batch] = Field(default_factory=list)
    variants: list[Variant] = Field(default_factory=list)


class History(Document):
    """`history.json` of a Trainer: metrics per epoch."""

    epochs: int | None = None
    metrics: dict[str, list[Number]] = Field(default_factory=dict)
    seconds: list[Number] = Field(default_factory=list)
    strategy: str = ""
    devices: list[str] = Field(default_factory=list)
    seed: int | None = None
    resumed_from_epoch: int | None = None


class Split(Document):
    """Rows and digest of one split."""

    rows: int
    content_digest: str = ""


class InputFile(Document):
    """A file that was read."""

    path: str
    bytes: int | None = None
    sha256: str = ""


class Examples(Document):
    """`summary.json` of an ExampleGen."""

    splits: dict[str, Split] = Field(default_factory=dict)
    total_rows: int | None = None
    quarantined_rows: int = 0
    content_digest: str = ""
    files: list[InputFile] = Field(default_factory=list)
    span: int | None = None


class Distance(Document):
    """How far one feature's distributions are apart: `skew`, `drift_production` or `drift_previous`."""

    feature: str
    kind: str
    measure: str
    value: Number = None
    threshold: Number = None


class Comparison(Document):
    """`comparison.json` of a DataValidator."""

    distances: list[Distance] = Field(default_factory=list)


class StepOutcome(Document):
    """How one step of the run ended: its state in a word, wall time in seconds, and one line about it."""

    name: str
    state: str
    seconds: float = 0.0
    cached: bool = False
    rows: int | str | None = None
    note: str = ""
