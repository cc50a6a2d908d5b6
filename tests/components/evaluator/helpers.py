"""Small data and models for the Evaluator's tests."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from weighbridge.components.evaluator.gates import LatencyGates, QualityGates
from weighbridge.components.evaluator.request import EvaluationRequest
from weighbridge.verdict import Gate, Verdict, write_gates

LABEL = "big_tipper"


def listed(values: list[Any], kind: pa.DataType) -> pa.Array:
    """A column in TFX's Arrow form: one value per row, none where it is None."""
    return pa.array([None if value is None else [value] for value in values], pa.large_list(kind))


def batch_of(columns: Mapping[str, list[Any]]) -> pa.RecordBatch:
    """Text becomes bytes, whole numbers int64, others float32."""

    def column(values: list[Any]) -> pa.Array:
        first = next(value for value in values if value is not None)
        if isinstance(first, str):
            return listed([None if value is None else value.encode() for value in values], pa.large_binary())
        return listed(values, pa.int64() if isinstance(first, int) else pa.float32())

    return pa.RecordBatch.from_arrays([column(values) for values in columns.values()], list(columns))


def write_examples(folder: Path, columns: Mapping[str, list[Any]], split: str = "eval") -> Path:
    """An Examples artifact as stock TFX writes it, with gates as ours does."""
    import tensorflow as tf
    from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder

    target = folder / f"Split-{split}" / "data_tfrecord-00000-of-00001.gz"
    target.parent.mkdir(parents=True)
    with tf.io.TFRecordWriter(str(target), "GZIP") as writer:
        for example in RecordBatchToExamplesEncoder(None).encode(batch_of(columns)):
            writer.write(example)
    write_gates(folder, [Gate(name="data.rows.min", status="passed", message="enough")])
    return folder


def export(folder: Path, function: Callable[..., Any], specs: Mapping[str, Any], name: str = "serving_default") -> Path:
    """A Model artifact whose signature calls `function` with a tensor per input."""
    import tensorflow as tf

    module = tf.Module()
    module.scale = tf.Variable(1.0)
    module.serve = tf.function(lambda **inputs: function(**inputs))
    concrete = module.serve.get_concrete_function(
        **{key: tf.TensorSpec(shape, dtype, name=key) for key, (shape, dtype) in specs.items()}
    )
    tf.saved_model.save(module, str(folder / "Format-Serving"), signatures={name: concrete})
    return folder


def taxi_columns(csv: Path, rows: int) -> dict[str, list[Any]]:
    """The first taxi trips, with the label: whether the tip was over a fifth of the fare."""
    from pyarrow import csv as arrow_csv

    table = arrow_csv.read_csv(csv).slice(0, rows)
    columns = {
        name: table.column(name).to_pylist()
        for name in ("payment_type", "fare", "trip_miles", "trip_start_hour", "tips")
    }
    tips, fares = np.array(columns.pop("tips"), float), np.array(columns["fare"], float)
    columns[LABEL] = (tips > 0.2 * fares).astype(int).tolist()
    for name in ("fare", "trip_miles"):
        columns[name] = [None if value is None else float(value) for value in columns[name]]
    return columns


def quality_gates(**sections: Any) -> QualityGates:
    """With a threshold that all models of these tests but the bad one meet."""
    return QualityGates.model_validate({"metrics": {"auc": {"min": 0.8}}, **sections})


def latency_gates(**sections: Any) -> LatencyGates:
    """Quick to measure, with a threshold that any model meets."""
    defaults = {"batch_sizes": {1: {"p50_ms": {"max": 10_000}}}, "calls": 20, "budget_s": 2}
    return LatencyGates.model_validate({**defaults, **sections})


def weighing(examples: Path, model: Path, **changes: Any) -> EvaluationRequest:
    """Of a model on examples, with those gates unless others are given."""
    settings: dict[str, Any] = {
        "examples": str(examples),
        "model": str(model),
        "quality": quality_gates(),
        "latency": latency_gates(),
        "label": LABEL,
        "upstream": {"examples": str(examples)},
        "pipeline": "taxi",
        "run_id": "run-1",
        "subject": {"data": "sha256:" + "0" * 64},
    }
    return EvaluationRequest(**{**settings, **changes})


def gate(verdict: Verdict, name: str) -> Gate:
    """The gate of that name; the test fails, telling all names, where there is none."""
    found = [gate for gate in verdict.gates if gate.name == name]
    assert found, f"no {name} among {[gate.name for gate in verdict.gates]}"
    return found[0]


def load(path: Path) -> Any:
    """A JSON file's value."""
    return json.loads(path.read_text())


def rank_auc(labels: np.ndarray, scores: np.ndarray) -> float:
    """The area under the ROC curve by its meaning: how often a positive is ranked above a negative."""
    positive, negative = scores[labels == 1], scores[labels == 0]
    higher = (positive[:, None] > negative[None]).sum()
    equal = (positive[:, None] == negative[None]).sum()
    return float((higher + equal / 2) / (len(positive) * len(negative)))
