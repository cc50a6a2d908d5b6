"""The Evaluator's two sections of a thresholds file: what quality and what latency a model must have."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    FiniteFloat,
    PositiveFloat,
    PositiveInt,
    StrictInt,
    model_validator,
)

from weighbridge.components.artifacts.models import VARIANT_NAME
from weighbridge.components.evaluator.call_gates import UNMEASURED, BatchGates, BatchSize, given_of
from weighbridge.components.evaluator.metric_gates import NO_ROW, Features, Metrics, SliceGates
from weighbridge.components.evaluator.served_gates import ServedGates
from weighbridge.verdict import Bounds, Risk, Section, told
from weighbridge.verdict.risk import OnUndecided

_OPEN = "an interval that is not known refuses in either case"


Constant = bool | int | FiniteFloat | str
Inputs = Annotated[
    dict[str, Constant],
    Field(
        description="Inputs of the signature that have one value in all requests, by name; all others are columns.",
        json_schema_extra=told(
            each="input", missing="an input that the signature lacks, or that is neither named nor a column, refuses"
        ),
    ),
]
VariantName = Annotated[str, Field(pattern=VARIANT_NAME)]
BatchSizes = Annotated[dict[BatchSize, BatchGates], Field(min_length=1)]


class QualityGates(Section):
    """What quality a model must have."""

    metrics: Metrics = Field(
        description="Thresholds on all rows, by name of the metric; at least one.",
        json_schema_extra=told(
            unit="of the metric",
            missing="a metric that is not measured, or is NaN, refuses",
            against="the metric on all rows",
            each="metric",
        ),
    )
    signature: str = Field(
        default="serving_default",
        description="Serving signature that predicts.",
        json_schema_extra=told(missing="a model without it refuses"),
    )
    inputs: Inputs = Field(default_factory=dict)
    prediction: str | None = Field(
        default=None,
        description="Name of the output that is the prediction; not needed where there is one output only.",
        json_schema_extra=told(missing="several outputs and no name, or one that is not there, refuse"),
    )
    slices: tuple[Features, ...] = Field(
        default=(), description="Features to report metrics by, besides those of `slice_metrics`; they refuse nothing."
    )
    slice_metrics: tuple[SliceGates, ...] = Field(
        default=(), description="Thresholds on slices.", json_schema_extra=told(missing=NO_ROW)
    )
    min_slice_rows: PositiveInt = Field(
        default=50,
        description="Fewest rows that a slice is judged on.",
        json_schema_extra=told(
            unit="rows",
            against="the slice's rows",
            missing="a smaller slice is not judged: it warns or refuses, see `small`",
        ),
    )
    unit: str | None = Field(
        default=None,
        min_length=1,
        description="Column whose rows with the same value belong together and are not independent, such as those of "
        "one customer: intervals leave them out together. By default each row is independent, and so is a row without "
        "a value.",
        json_schema_extra=told(
            missing="a column that is not there refuses; with fewer than 20 units intervals are not known"
        ),
    )
    risk: Risk = Field(default=Risk(), description="How often the thresholds on quality may be wrong.")
    on_undecided: OnUndecided | Literal["more_data"] = Field(
        default="refuse",
        description="What an interval does that leaves a threshold open: `refuse`; `warn`, which refuses only what is "
        "proven to be on the wrong side; or `more_data`, which weighs once more, on the rows of `reserve` as well, and "
        "refuses what is open then. The two looks share the risk.",
        json_schema_extra=told(missing=_OPEN),
    )
    reserve: str | None = Field(
        default=None,
        description="Split that `on_undecided: more_data` weighs on besides, where the first look leaves a threshold "
        "open; training must not see it.",
        json_schema_extra=told(missing="examples without such a split are an error"),
    )

    @model_validator(mode="after")
    def _reserve_for_more_data(self) -> "QualityGates":
        if (self.on_undecided == "more_data") != (self.reserve is not None):
            raise ValueError(
                "on_undecided: more_data and reserve: <name of a split> belong together: ExampleGen makes the split by "
                'splits={"train": 8, "eval": 1, "reserve": 1}'
            )
        return self

    anchor: Literal["first"] | Annotated[StrictInt, Field(ge=1)] = Field(
        default="first",
        description="Version in production's destination that the rules under `anchor` of a metric compare with: the "
        "first that was ever pushed there, or a number. A later number accepts what was lost until then.",
        json_schema_extra=told(missing="a version that is gone refuses, where a metric has rules under `anchor`"),
    )
    attempts: Literal["spend", "ignore"] = Field(
        default="spend",
        description="What several candidates cost that are weighed on the same evaluation data: `spend` judges the "
        "k-th at 6/(pi² k²) of `risk.false_pass`, so that all of them together keep it; `ignore` judges each at the "
        "whole, and counts none. With `on_undecided: warn` none is counted either.",
        json_schema_extra=told(
            missing="a ledger that is broken ends the run; one that cannot be reached does so too, and is safe to retry"
        ),
    )

    @model_validator(mode="before")
    @classmethod
    def _replaced(cls, given: Any) -> Any:
        return without_replaced(given)

    @property
    def confidence(self) -> float:
        """Confidence of the intervals."""
        return self.risk.confidence_of(self.looks)

    @property
    def looks(self) -> int:
        """How often a model is looked at, at most, before its quality is decided."""
        return 1 if self.reserve is None else 2

    def metric_names(self) -> tuple[str, ...]:
        """All metrics that a threshold names, each once, in the order of the file."""
        names = [*self.metrics, *(name for gates in self.slice_metrics for name in gates.metrics)]
        return tuple(dict.fromkeys(names))

    def columns(self) -> tuple[str, ...]:
        """All columns that intervals and slices need besides predictions, each once."""
        units = () if self.unit is None else (self.unit,)
        return tuple(dict.fromkeys((*units, *(name for slicing in self.all_slices() for name in slicing))))

    def all_slices(self) -> tuple[tuple[str, ...], ...]:
        """All slicings that are reported or judged, each once."""
        return tuple(dict.fromkeys((*self.slices, *(gates.features for gates in self.slice_metrics))))


class VariantGates(Section):
    """How fast another model may be that training exported beside the served one: over a larger catalogue, quantised.

    Only `min` and `max`: a variant is not served, so production has nothing to compare it with.
    """

    batch_sizes: BatchSizes = Field(
        description="Rows in a call, and the thresholds for calls of that size; at least one.",
        json_schema_extra=told(each="rows", missing="a variant that is not exported, or cannot be called, refuses"),
    )

    @model_validator(mode="after")
    def _absolute_thresholds(self) -> "VariantGates":
        every = [bounds for gates in self.batch_sizes.values() for bounds in gates.every().values()]
        if not every:
            raise ValueError("a variant without any threshold could refuse nothing")
        if any(bounds.compares for bounds in every):
            raise ValueError("production has no variants to compare with: only min and max are possible")
        return self


class LatencyGates(Section):
    """How fast, how large and how hungry a model may be; at least one threshold."""

    batch_sizes: BatchSizes = Field(
        description="Rows in a call, and the thresholds for calls of that size.",
        json_schema_extra=told(each="rows", missing="a model that cannot be called, or examples without a row, refuse"),
    )
    signature: str = Field(
        default="serving_default",
        description="Serving signature that is called.",
        json_schema_extra=told(missing="a model without it refuses"),
    )
    inputs: Inputs = Field(default_factory=dict)
    variants: dict[VariantName, VariantGates] = Field(
        default_factory=dict,
        description="Thresholds on models exported beside the served one, by the variant's name.",
        json_schema_extra=told(each="variant", missing="a variant that is not exported, or cannot be called, refuses"),
    )
    served: ServedGates | None = Field(
        default=None,
        description="Thresholds on the model as a real server serves it, under load; None starts no server.",
    )
    calls: Annotated[int, Field(ge=20)] = Field(
        default=400,
        description="Calls per model and batch size to begin with, at least 20.",
        json_schema_extra=told(unit="calls"),
    )
    budget_s: PositiveFloat = Field(
        default=30.0,
        description="Time to measure at most. Each variant may take as long again.",
        json_schema_extra=told(unit="s", missing="what is undecided by then is inconclusive, and refuses"),
    )
    risk: Risk = Field(
        default=Risk(false_pass=0.025),
        description="How often the thresholds on latency may be wrong; all looks at a quantity share it.",
    )
    on_undecided: OnUndecided = Field(
        default="refuse",
        description="What an interval does that leaves a threshold open when the budget is spent: `refuse`, or `warn`, "
        "which refuses only what is proven to be on the wrong side.",
        json_schema_extra=told(missing=_OPEN),
    )
    load_ms: Bounds | None = Field(
        default=None,
        description="Time to load the model.",
        json_schema_extra=told(unit="ms", against="the time to load", missing="a model that cannot be loaded refuses"),
    )
    model_bytes: Bounds | None = Field(
        default=None,
        description="Size of the exported model's files.",
        json_schema_extra=told(
            unit="bytes", against="the size of the files", missing="a model that is not there refuses"
        ),
    )
    peak_memory_bytes: Bounds | None = Field(
        default=None,
        description="Memory that loading and calling with the largest batch need.",
        json_schema_extra=told(unit="bytes", against="the memory needed", missing=UNMEASURED),
    )

    @model_validator(mode="before")
    @classmethod
    def _replaced(cls, given: Any) -> Any:
        return without_replaced(given)

    @property
    def confidence(self) -> float:
        """Confidence of the intervals."""
        return self.risk.confidence

    @model_validator(mode="after")
    def _some_threshold(self) -> "LatencyGates":
        calls = any(gates.every() for gates in self.batch_sizes.values())
        if not self.given() and not calls and not (self.served and self.served.given()):
            raise ValueError("a latency section without any threshold could refuse nothing")
        return self

    def given(self) -> dict[str, Bounds]:
        """The thresholds on the model as a whole, by name of the quantity."""
        return given_of(self, MODEL_QUANTITIES)


def without_replaced(given: Any) -> Any:
    """Say of keys of earlier versions what stands there now."""
    if isinstance(given, Mapping):
        if "confidence" in given:
            raise ValueError("confidence is said by risk now: confidence: 0.95 is risk: {false_pass: 0.025}")
        if "judge" in given:
            raise ValueError("judge is not needed any more: intervals decide, by risk; remove it")
    return given


MODEL_QUANTITIES = ("load_ms", "model_bytes", "peak_memory_bytes")
