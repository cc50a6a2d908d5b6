"""Whether there are enough rows to learn from, and a label that says something."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from weighbridge.components.data_validator.gates import LabelGates
from weighbridge.components.data_validator.summary import feature_name, missing_fraction
from weighbridge.verdict import Bounds, Gate, passed_if
from weighbridge.verdict.gate import format_value

if TYPE_CHECKING:
    import pyarrow as pa
    from tensorflow_metadata.proto.v0 import statistics_pb2

    Datasets = Mapping[str, statistics_pb2.DatasetFeatureStatistics]

_SOME_ROWS = Bounds(min=1)


class DistinctValues:
    """Counts the distinct values of one column over batches; TFDV does not count those of numbers.

    Args:
        column: name of the column.
        enough: where counting stops: memory is bounded by it.
    """

    def __init__(self, column: str, enough: int) -> None:
        self._column, self._enough = column, enough
        self._values: set[Any] = set()

    @property
    def count(self) -> int:
        """Distinct values seen so far, at most `enough`. NaN is none."""
        return min(len(self._values), self._enough)

    def add(self, batch: "pa.RecordBatch") -> None:
        """Look at a batch in TFX's Arrow form, until enough was seen."""
        import pyarrow as pa

        position = batch.schema.get_field_index(self._column)
        if len(self._values) >= self._enough or position < 0:
            return
        values = batch.column(position)
        while pa.types.is_list(values.type) or pa.types.is_large_list(values.type):
            values = values.flatten()
        self._values.update(value for value in values.unique().to_pylist() if value is not None and value == value)


def rows_gates(
    datasets: "Datasets", bounds: Mapping[str, Bounds], baseline: Mapping[str, float | None], sample: float = 1.0
) -> list[Gate]:
    """Gates `data.rows.<split>.<rule>`.

    A sample must have its share of what all the data must have, and is compared with its share of production's rows.

    Args:
        datasets: statistics by split.
        bounds: thresholds by split; a split without any must have a row.
        baseline: rows of the production model's data by split: None where nothing is in production, NaN where
            they cannot be read.
        sample: share of the rows that the datasets are, more than 0 and at most 1.
    """
    gates = []
    for split in sorted({*datasets, *bounds}):
        there = split in datasets
        known = f"The data have the splits {', '.join(sorted(datasets)) or 'none'}."
        of_split, rows = bounds.get(split), baseline.get(split)
        found = (_SOME_ROWS if of_split is None else _shared(of_split, sample)).judge(
            f"data.rows.{split}",
            datasets[split].num_examples if there else None,
            baseline=None if rows is None else rows * sample,
            unit="rows",
            advice="Give the pipeline more data, or lower the threshold in gates.yaml." if there else known,
        )
        gates += found if of_split is None or sample == 1 else [_explained(gate, of_split, sample) for gate in found]
    return gates


def _shared(bounds: Bounds, sample: float) -> Bounds:
    """What a sample must have at least, in whole rows."""
    if bounds.min is None or sample == 1:
        return bounds
    # 5,000 × 0.07 is a hair more than 350 in floating point.
    return bounds.model_copy(update={"min": math.ceil(round(bounds.min * sample, 6))})


def _explained(gate: Gate, bounds: Bounds, sample: float) -> Gate:
    """Say where the numbers of a sample's gate come from."""
    if gate.rule == "min":
        origin = f"{gate.allowed} is {format_value(bounds.min)} × sample {sample:g}"
    elif gate.rule != "max" and gate.baseline is not None:
        origin = f"against production's rows × sample {sample:g}"
    else:
        return gate
    return gate.model_copy(update={"message": f"{gate.message} ({origin})"})


def label_gates(label: LabelGates, datasets: "Datasets", distinct: Mapping[str, int]) -> list[Gate]:
    """Gates `data.label.present` and `data.label.distinct.min`; they judge the split where it stands worst.

    Args:
        label: what the label must be.
        datasets: statistics by split.
        distinct: distinct values of the label by split, counted up to `label.min_distinct`.
    """
    return [_present_gate(label, datasets), _distinct_gate(label, distinct)]


def _present_gate(label: LabelGates, datasets: "Datasets") -> Gate:
    present = {split: 1.0 - _missing(label.feature, dataset) for split, dataset in datasets.items()}
    worst = min(present, key=lambda split: present[split], default=None)
    required = 1.0 - label.max_missing_fraction
    share = present[worst] if worst is not None else 0.0
    # Counted rows over all rows: a hair of rounding must not refuse.
    enough = share >= required - 1e-12
    if enough and worst is not None:
        message = f"The label {label.feature!r} is there in {share:.2%} of the rows or more, in every split."
    elif share == 0:
        columns = sorted(feature_name(feature) for feature in datasets[worst].features) if worst is not None else []
        message = (
            f"The label {label.feature!r} is missing from the {worst or 'data'} split."
            f" Columns there: {', '.join(columns) or 'none'}. Correct the data or data.label.feature in gates.yaml."
        )
    else:
        message = (
            f"The label {label.feature!r} is there in only {share:.2%} of the rows of the {worst} split."
            " Drop the rows without it when the data are prepared, or raise max_missing_fraction in gates.yaml."
        )
    return Gate(
        name="data.label.present",
        status=passed_if(enough) if worst is not None else "unmeasured",
        severity=label.severity,
        observed=share if worst is not None else None,
        threshold=required,
        message=message,
    )


def _missing(label: str, dataset: "statistics_pb2.DatasetFeatureStatistics") -> float:
    found = next((feature for feature in dataset.features if feature_name(feature) == label), None)
    return 1.0 if found is None else missing_fraction(found, dataset.num_examples)


def _distinct_gate(label: LabelGates, distinct: Mapping[str, int]) -> Gate:
    worst = min(distinct, key=lambda split: distinct[split], default=None)
    count = distinct[worst] if worst is not None else 0
    enough = count >= label.min_distinct
    if enough and worst is not None:
        message = f"The label {label.feature!r} has at least {count} distinct values in every split."
    else:
        what = "All labels are equal" if count == 1 else f"The label has {count} distinct values"
        message = (
            f"{what}: {label.feature!r} in the {worst or 'data'} split must have at least {label.min_distinct}"
            " distinct values, or there is nothing to learn. Look at how the label is made."
        )
    return Gate(
        name="data.label.distinct.min",
        status=passed_if(enough) if worst is not None else "unmeasured",
        severity=label.severity,
        observed=count if worst is not None else None,
        threshold=label.min_distinct,
        message=message,
    )
