"""The whole validation of one Examples artifact: what the component does, callable from a notebook."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from weighbridge.common.errors import UsageError
from weighbridge.common.files import write_text
from weighbridge.common.progress import report
from weighbridge.components.artifacts.examples import read_batches, read_summary
from weighbridge.components.data_validator.anomalies import anomaly_gates, find_anomalies, is_clean, write_anomalies
from weighbridge.components.data_validator.baseline import Baseline, keep_span, previous_span, production_baseline
from weighbridge.components.data_validator.drift import drift, skew
from weighbridge.components.data_validator.gates import DataGates
from weighbridge.components.data_validator.rows_and_labels import DistinctValues, label_gates, rows_gates
from weighbridge.components.data_validator.schema import SCHEMA_FILE, parse_schema
from weighbridge.components.data_validator.span import sample_of
from weighbridge.components.data_validator.statistics import (
    compute_statistics,
    dataset_of,
    statistics_path,
    write_statistics,
)
from weighbridge.components.data_validator.used_spans import keep_used, spans_of, unchanged_gates
from weighbridge.evidence.comparison import Comparison, Distance
from weighbridge.verdict import Gate, write_gates

if TYPE_CHECKING:
    from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2


@dataclass(frozen=True)
class Validation:
    """What was found.

    Attributes:
        statistics: by split.
        anomalies: departures from the schema, by split.
        distances: skew and drift.
        gates: all findings; one that blocks and did not pass refuses the data.
    """

    statistics: "dict[str, statistics_pb2.DatasetFeatureStatisticsList]"
    anomalies: "dict[str, anomalies_pb2.Anomalies]"
    distances: tuple[Distance, ...]
    gates: tuple[Gate, ...]

    @property
    def refused(self) -> bool:
        """Whether a gate refuses the data."""
        return any(gate.refuses for gate in self.gates)

    @property
    def clean_splits(self) -> dict[str, bool]:
        """Whether a split is as the schema says, by split."""
        return {split: is_clean(found) for split, found in self.anomalies.items()}

    def write(self, statistics_folder: str | Path, anomalies_folder: str | Path) -> None:
        """Write statistics, anomalies, `comparison.json` and `gates.json` as TFX and the runner expect them."""
        for split, of_split in self.statistics.items():
            write_statistics(statistics_path(statistics_folder, split), of_split)
        for split, found in self.anomalies.items():
            write_anomalies(anomalies_folder, split, found)
        Comparison(distances=list(self.distances)).write(anomalies_folder)
        write_gates(anomalies_folder, self.gates)


def validate_examples(
    uri: str,
    splits: Sequence[str],
    schema_text: str,
    gates: DataGates,
    *,
    production: Baseline | None = None,
    history: str = "",
    span: int | None = None,
    pipeline: str = "PIPELINE",
) -> Validation:
    """Weigh the data of an Examples artifact.

    Args:
        uri: folder of the artifact.
        splits: names of its splits.
        schema_text: the reviewed schema, in protobuf text format.
        gates: the thresholds.
        production: statistics of the production model's data; None for "nothing in production".
        history: folder that keeps statistics of spans, and which bytes were used; empty for none. A span that no gate
            refuses is kept there.
        span: the data's span; None where they have none.
        pipeline: its name, for messages.

    Raises:
        UsageError: the schema is none, the examples cannot be read, or a threshold has nothing it could ever
            be compared with.
    """
    check_baselines(gates, has_production=production is not None, has_history=bool(history))
    schema = parse_schema(schema_text)
    if not splits:
        raise UsageError(f"The examples in {uri} have no splits")
    statistics, distinct = _weigh_splits(uri, splits, schema, gates)
    datasets = {split: dataset_of(of_split, f"split {split}") for split, of_split in statistics.items()}
    anomalies = {split: find_anomalies(of_split, schema) for split, of_split in statistics.items()}
    production = production or production_baseline(None)
    comparisons = [
        skew(gates, datasets),
        drift("production", gates.drift.production, datasets, production),
        drift("previous_span", gates.drift.previous_span, datasets, previous_span(history, span)),
    ]
    spans = spans_of(read_summary(uri)) if history else {}
    found = [
        *unchanged_gates(history, spans, gates.changed_spans, pipeline),
        *rows_gates(datasets, gates.rows, {split: _rows(production, split) for split in gates.rows}, sample_of(uri)),
        *(label_gates(gates.label, datasets, distinct) if gates.label else ()),
        *(
            gate
            for split, of_split in anomalies.items()
            for gate in anomaly_gates(split, of_split, datasets[split], schema, gates.anomalies, pipeline)
        ),
        *(gate for comparison in comparisons for gate in comparison.gates()),
    ]
    distances = tuple(distance for comparison in comparisons for distance in comparison.distances())
    result = Validation(statistics, anomalies, distances, tuple(found))
    if history and span is not None and not result.refused:
        keep_used(history, spans)
        keep_span(history, span, statistics)
    return result


def check_baselines(gates: DataGates, *, has_production: bool, has_history: bool) -> None:
    """Refuse thresholds that could never refuse anything.

    Raises:
        UsageError: a threshold compares with what the component is not given.
    """
    relative = sorted(split for split, bounds in gates.rows.items() if bounds.compares)
    if not has_production and (gates.drift.production or relative):
        where = "data.drift.production" if gates.drift.production else f"data.rows.{relative[0]}"
        raise UsageError(
            f"gates.yaml compares {where} with production, but DataValidator is not told what is in production",
            "Give it production_statistics=ProductionModel(...).outputs['statistics'].",
        )
    if not has_history and gates.drift.previous_span:
        raise UsageError(
            "gates.yaml has thresholds in data.drift.previous_span, but DataValidator keeps no history",
            "Give it history_dir.",
        )


def write_schema(folder: str | Path, schema_text: str) -> Path:
    """Write the reviewed schema, as it is, where TFX keeps it in a Schema artifact."""
    return write_text(Path(folder, SCHEMA_FILE), schema_text)


def _weigh_splits(
    uri: str, splits: Sequence[str], schema: "schema_pb2.Schema", gates: DataGates
) -> "tuple[dict[str, statistics_pb2.DatasetFeatureStatisticsList], dict[str, int]]":
    """Statistics, and distinct values of the label, of each split; one pass over the data."""
    statistics, distinct = {}, {}
    for split in splits:
        counted = DistinctValues(gates.label.feature, gates.label.min_distinct) if gates.label else None
        statistics[split] = compute_statistics(
            read_batches(uri, split), schema=schema, watch=counted.add if counted else None, title=f"{split}:"
        )
        distinct[split] = counted.count if counted else 0
    report(f"{sum(of_split.datasets[0].num_examples for of_split in statistics.values()):,} rows")
    return statistics, distinct


def _rows(production: Baseline, split: str) -> float | None:
    """Rows of the production model's data; NaN where they should be there but cannot be read."""
    try:
        dataset = production.dataset(split)
    except UsageError:
        return math.nan
    return None if dataset is None else dataset.num_examples
