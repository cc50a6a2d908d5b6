"""Writes a user's own pipeline whose model takes no time to train: which payments are fraud."""

import random
from pathlib import Path

_PIPELINE = '''"""Payments: which are fraud."""

from typing import Any

from pydantic import Field

from weighbridge import StandardParameters, standard_pipeline


class Parameters(StandardParameters):
    data: str = "{folder}/payments.csv"
    run_fn: str = "{name}.model.run_fn"
    luck: float = Field(0.1, description="how much a model owes to its seed")


def create_pipeline(parameters: Parameters, context: Any) -> Any:
    return standard_pipeline(parameters, context, label="fraud", {options})
'''
_MODEL = """from pathlib import Path
from typing import Any

from weighbridge.components.trainer import TrainingSession


def run_fn(fn_args: Any) -> None:
    import numpy as np
    import tensorflow as tf

    session = TrainingSession.from_fn_args(fn_args)
    luck = np.random.default_rng(session.seed).normal(0, fn_args.custom_config["luck"])
    module = tf.Module()
    module.weight = tf.Variable(2.0 + luck)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name) for name in ("amount", "age")])
    def serve(amount: Any, age: Any) -> Any:
        return {"probability": tf.sigmoid(module.weight * (amount - 100) / 50 + age / 10)}

    module.serve = serve
    tf.saved_model.save(module, fn_args.serving_model_dir, signatures={"serving_default": serve})
"""
_METRICS = """from weighbridge.components.evaluator.quality import metrics
from weighbridge.components.evaluator.quality.metrics_api import MetricsRequest, MetricsResponse


def weigh(request: MetricsRequest) -> MetricsResponse:
    import dataclasses

    found = metrics.compute(dataclasses.replace(request, metrics=("auc",)))
    rows = tuple(dataclasses.replace(row, name="my_auc") for row in found.metrics if row.name == "auc")
    return MetricsResponse(found.rows, rows)
"""
_SCHEMA = "\n".join(
    f'feature {{ name: "{name}" type: {kind} presence {{ min_count: 1 }} shape {{ dim {{ size: 1 }} }} }}'
    for name, kind in (("amount", "FLOAT"), ("age", "FLOAT"), ("fraud", "INT"))
)
GATES = """data:
  skew: {amount: {jensen_shannon: {max: 0.05}}}
quality:
  metrics:
    auc: {min: 0.8, min_change: -0.03}
latency:
  budget_s: 2
  batch_sizes:
    1: {p50_ms: {max: 500}}
  model_bytes: {max: 1000000}
"""
OWN_GATES = GATES.replace("auc: {", "my_auc: {")


def write(folder: Path, name: str, gates: str = GATES, *, own_metrics: bool = False) -> str:
    """Write the package and its data below a folder that is to be on the path; returns its module."""
    package = folder / name
    package.mkdir(parents=True)
    options = f'evaluator={{"metrics_fn": "{name}.metrics.weigh"}}' if own_metrics else ""
    texts = {"__init__": "", "pipeline": _PIPELINE.format(folder=folder, name=name, options=options)}
    for file, text in (texts | {"model": _MODEL, "metrics": _METRICS}).items():
        (package / f"{file}.py").write_text(text)
    (package / "gates.yaml").write_text(gates)
    (package / "schema.pbtxt").write_text(_SCHEMA)
    draw = random.Random(3)
    rows = [(draw.uniform(1, 200), draw.uniform(0, 10)) for _ in range(1500)]
    lines = [f"{amount:.2f},{age:.2f},{int(amount + draw.gauss(0, 30) > 100)}" for amount, age in rows]
    (folder / "payments.csv").write_text("\n".join(["amount,age,fraud", *lines]) + "\n")
    return f"{name}.pipeline"
