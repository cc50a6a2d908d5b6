"""The extension point for metrics: one function from a request to rows of metrics.

The Evaluator calls the dotted function `metrics_fn(request: MetricsRequest) -> MetricsResponse`. The built-in
`weighbridge.components.evaluator.quality.metrics.compute` weighs one prediction per row against a label. A provider of
the user adds to it: where there is a label, names of built-in metrics in the thresholds file are still measured by
the built-in provider, and all others are handed through to `metrics_fn`. It may use `request.predictions()`, or ignore
it and load the models at `request.candidate` and `request.production` itself, as one for rankings does. A name that it
does not return is refused; a module that also has `check_names(names, source)` has them refused before anything runs.
"""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from weighbridge.common.errors import UsageError
from weighbridge.components.evaluator.aliases import Floats, SliceKey
from weighbridge.components.evaluator.gates import Constant
from weighbridge.evidence.base import finite
from weighbridge.verdict import Estimate

if TYPE_CHECKING:
    from tensorflow_metadata.proto.v0 import schema_pb2


@dataclass(frozen=True)
class Predictions:
    """What the models predict for all rows of the split, in the order of the rows.

    Attributes:
        labels: [rows]; NaN where the Evaluator has no label.
        candidate: [rows], or [rows, classes].
        production: likewise; None where there is no production model that could predict.
        columns: value of each slicing feature and of the unit, [rows], by name; None where the row has none.
        anchor: predictions of the anchor, [rows] or [rows, classes]; None where nothing is compared with it.
    """

    labels: Floats
    candidate: Floats
    production: Floats | None
    columns: dict[str, npt.NDArray[np.object_]]
    anchor: Floats | None = None

    def with_rows_of(self, other: "Predictions") -> "Predictions":
        """These rows, and those of another split behind them."""
        return Predictions(
            labels=np.concatenate([self.labels, other.labels]),
            candidate=np.concatenate([self.candidate, other.candidate]),
            production=_both(self.production, other.production),
            columns={name: np.concatenate([column, other.columns[name]]) for name, column in self.columns.items()},
            anchor=_both(self.anchor, other.anchor),
        )

    def against_anchor(self) -> "Predictions":
        """The same rows, with the anchor where production was."""
        return dataclasses.replace(self, production=self.anchor, anchor=None)


def _both(first: Floats | None, second: Floats | None) -> Floats | None:
    return None if first is None or second is None else np.concatenate([first, second])


@dataclass(frozen=True)
class MetricsRequest:
    """What a provider is asked for.

    Attributes:
        metrics: names of the metrics that thresholds need.
        slices: features to slice by; the slice of all rows is always wanted.
        confidence: of the intervals.
        label: name of the label's column; empty where there is none.
        examples: folder of the Examples artifact.
        split: its split to weigh on.
        schema: of the examples, where there is one.
        candidate: folder of the candidate's SavedModel.
        production: the same of the model in production; None where nothing is, or it could not be read.
        predictions: both models' predictions through the serving signature, computed at the first call.
        signature: name of the serving signature.
        inputs: its inputs that have one value in all requests, by name.
        unit: column whose rows with the same value are not independent of each other, such as a customer's; None where
            every row is.
    """

    metrics: tuple[str, ...]
    slices: tuple[tuple[str, ...], ...]
    confidence: float
    label: str
    examples: str
    split: str
    schema: "schema_pb2.Schema | None"
    candidate: Path
    production: Path | None
    predictions: Callable[[], Predictions]
    signature: str = "serving_default"
    inputs: Mapping[str, Constant] = field(default_factory=dict)
    unit: str | None = None


@dataclass(frozen=True)
class MetricRow:
    """One metric on one slice.

    Attributes:
        name: of the metric.
        key: the slice as (feature, value) pairs; empty for all rows.
        rows: how many rows the slice has.
        candidate: value and interval; NaN where it is undefined.
        production: the same of the model in production on the same rows.
        change: candidate minus production, its interval measured in pairs.
        note: why a value is undefined, or its interval unknown; ends the message of a gate that refuses it.
    """

    name: str
    rows: int
    candidate: Estimate
    key: SliceKey = ()
    production: Estimate | None = None
    change: Estimate | None = None
    note: str = ""

    @property
    def slice(self) -> str:
        """`feature=value`, several joined by commas; empty for all rows."""
        return ",".join(f"{feature}={value}" for feature, value in self.key)


@dataclass(frozen=True)
class MetricsResponse:
    """What a provider measured.

    Attributes:
        rows: of the split.
        metrics: one row per metric and slice.
        plots: name of a plot to its JSON value: what the report draws is in the README beside this file.
    """

    rows: int
    metrics: tuple[MetricRow, ...]
    plots: dict[str, Any] = field(default_factory=dict)


def plain(value: Any, where: str) -> Any:
    """A value as JSON has it: NumPy's arrays and numbers become Python's, numbers that are not finite become null.

    Args:
        value: numbers, text, lists and dicts, nested.
        where: what it is, for the message.

    Raises:
        UsageError: JSON has no such value.
    """
    if isinstance(value, Mapping):
        return {str(name): plain(item, where) for name, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist(), where)
    if isinstance(value, list | tuple):
        return [plain(item, where) for item in value]
    if isinstance(value, float):
        return finite(float(value))
    if value is None or isinstance(value, bool | int | str):
        return value
    raise UsageError(
        f"{where} holds a {type(value).__name__}", "Allowed: numbers, text, and lists, dicts or NumPy arrays of these."
    )
