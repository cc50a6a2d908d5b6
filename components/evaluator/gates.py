"""The Evaluator's two sections of a thresholds file: what quality and what latency a model must have."""

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field, FiniteFloat, PositiveFloat, PositiveInt, model_validator

from weighbridge.components.artifacts.models import VARIANT_NAME
from weighbridge.verdict import Bounds, Section, Severity

Confidence = Annotated[float, Field(gt=0.5, lt=1.0)]
Metrics = Annotated[dict[str, Bounds], Field(min_length=1)]
Features = Annotated[tuple[str, ...], Field(min_length=1)]
SliceValue = str | int | float
Constant = bool | int | FiniteFloat | str
VariantName = Annotated[str, Field(pattern=VARIANT_NAME)]


class SliceGates(Section):
    """Thresholds on slices of the rows.

    Attributes:
        slice: features whose every value (or combination of values) is weighed, `[region]`; or one slice by its
            values, `{region: north}`, which must then be there.
        metrics: thresholds by name of the metric.
        min_rows: fewest rows that a slice is judged on; by default the section's `min_slice_rows`.
        small: what a slice with fewer rows is, a `warning` or `blocking`. It is reported in either case.
    """

    slice: Features | Annotated[dict[str, SliceValue], Field(min_length=1)]
    metrics: Metrics
    min_rows: PositiveInt | None = None
    small: Severity = "warning"

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the features that cut the rows into slices."""
        return tuple(self.slice)

    @property
    def wanted(self) -> str | None:
        """The one slice that is named by its values, as `feature=value`; None where all values are weighed."""
        if not isinstance(self.slice, dict):
            return None
        return ",".join(f"{feature}={value}" for feature, value in self.slice.items())


class QualityGates(Section):
    """What quality a model must have.

    Attributes:
        metrics: thresholds on all rows, by name of the metric.
        signature: serving signature that predicts.
        inputs: inputs of the signature that have one value in all requests, by name; all others are columns.
        prediction: name of the output that is the prediction; not needed where there is one output only.
        slices: features to report metrics by, in addition to those of `slice_metrics`.
        slice_metrics: thresholds on slices.
        min_slice_rows: fewest rows that a slice is judged on.
        confidence: of the intervals.
        judge: `estimate` compares the measured value with its threshold; `interval` wants the whole confidence
            interval on the allowed side.
    """

    metrics: Metrics
    signature: str = "serving_default"
    inputs: dict[str, Constant] = Field(default_factory=dict)
    prediction: str | None = None
    slices: tuple[Features, ...] = ()
    slice_metrics: tuple[SliceGates, ...] = ()
    min_slice_rows: PositiveInt = 50
    confidence: Confidence = 0.95
    judge: Literal["estimate", "interval"] = "estimate"

    def metric_names(self) -> tuple[str, ...]:
        """All metrics that a threshold names, each once, in the order of the file."""
        names = [*self.metrics, *(name for gates in self.slice_metrics for name in gates.metrics)]
        return tuple(dict.fromkeys(names))

    def all_slices(self) -> tuple[tuple[str, ...], ...]:
        """All slicings that are reported or judged, each once."""
        return tuple(dict.fromkeys((*self.slices, *(gates.features for gates in self.slice_metrics))))


class BatchGates(Section):
    """Thresholds on calls with one batch size; one that is not given is measured and reported only.

    A model's tail belongs to the machine as much as to the model: where `p99_ms` is compared with production, so is the
    median, by default with `max_ratio: 1.5`.
    """

    p50_ms: Bounds | None = None
    p95_ms: Bounds | None = None
    p99_ms: Bounds | None = None
    p999_ms: Bounds | None = None
    throughput_rows_s: Bounds | None = None

    def given(self) -> dict[str, Bounds]:
        """The thresholds that are in force, by name of the quantity."""
        return with_median(_given(self, BATCH_QUANTITIES))


BatchSizes = Annotated[dict[PositiveInt, BatchGates], Field(min_length=1)]


class VariantGates(Section):
    """How fast another model may be that training exported beside the served one: over a larger catalogue, quantised.

    Only `min` and `max`: a variant is not served, so production has nothing to compare it with.

    Attributes:
        batch_sizes: rows in a call, and the thresholds for calls of that size.
    """

    batch_sizes: BatchSizes

    @model_validator(mode="after")
    def _absolute_thresholds(self) -> "VariantGates":
        every = [bounds for gates in self.batch_sizes.values() for bounds in gates.given().values()]
        if not every:
            raise ValueError("a variant without any threshold could refuse nothing")
        if any(bounds.compares for bounds in every):
            raise ValueError("production has no variants to compare with: only min and max are possible")
        return self


class LatencyGates(Section):
    """How fast, how large and how hungry a model may be.

    Attributes:
        batch_sizes: rows in a call, and the thresholds for calls of that size.
        signature: serving signature that is called.
        inputs: inputs of the signature that have one value in all requests, by name; all others are columns.
        variants: thresholds on models exported beside the served one, by the variant's name.
        calls: calls per model and batch size to begin with.
        budget_s: seconds to measure at most; what is undecided by then is refused as inconclusive. Each variant may
            take as long again.
        confidence: of the intervals.
        load_ms: thresholds on the time to load the model.
        model_bytes: thresholds on the size of the exported model's files.
        peak_memory_bytes: thresholds on the memory that loading and calling with the largest batch need.
    """

    batch_sizes: BatchSizes
    signature: str = "serving_default"
    inputs: dict[str, Constant] = Field(default_factory=dict)
    variants: dict[VariantName, VariantGates] = Field(default_factory=dict)
    calls: Annotated[int, Field(ge=20)] = 400
    budget_s: PositiveFloat = 30.0
    confidence: Confidence = 0.95
    load_ms: Bounds | None = None
    model_bytes: Bounds | None = None
    peak_memory_bytes: Bounds | None = None

    @model_validator(mode="after")
    def _some_threshold(self) -> "LatencyGates":
        if not self.given() and not any(gates.given() for gates in self.batch_sizes.values()):
            raise ValueError("a latency section without any threshold could refuse nothing")
        return self

    def given(self) -> dict[str, Bounds]:
        """The thresholds on the model as a whole, by name of the quantity."""
        return _given(self, MODEL_QUANTITIES)


MEDIAN_RATIO = 1.5

BATCH_QUANTITIES = ("p50_ms", "p95_ms", "p99_ms", "p999_ms", "throughput_rows_s")
MODEL_QUANTITIES = ("load_ms", "model_bytes", "peak_memory_bytes")


def _given(section: Section, names: Iterable[str]) -> dict[str, Bounds]:
    return {name: bounds for name in names if (bounds := getattr(section, name)) is not None}


def with_median(given: dict[str, Bounds]) -> dict[str, Bounds]:
    """Thresholds on calls, and the one on their median that a comparison of the 99th percentile brings along."""
    tail = given.get("p99_ms")
    if tail is None or "p50_ms" in given or not tail.compares:
        return given
    return {"p50_ms": Bounds(max_ratio=MEDIAN_RATIO, severity=tail.severity), **given}
