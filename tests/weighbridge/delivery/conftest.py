"""Real SavedModels, examples and a run that delivered to staging, made without any training."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from tests.pipelines.taxi.data import write_split
from weighbridge.common.digests import tree_digest
from weighbridge.components.pusher import push
from weighbridge.runs.record import ArtifactReference, Run, RunRecord
from weighbridge.verdict import Gate, Verdict

ROWS = "sha256:rows"

GATES = """
quality: {metrics: {auc: {min: 0.5}}}
latency: {batch_sizes: {1: {p99_ms: {max: 1000}}}}
delivery:
  - stage: staging
  - {stage: canary, calls: 20, budget_s: 20, p99_ms: {max: 1000, max_ratio: 50}}
  - {stage: production, approval: required}
"""

PIPELINE = """
from weighbridge import definition


class Parameters(definition.Parameters):
    data: str = "none"


def create_pipeline(parameters, context):
    raise NotImplementedError
"""


def export(folder: Path, weight: float = 2.0, slow: bool = False) -> Path:
    """A SavedModel that multiplies `miles`; a slow one takes tens of milliseconds for it."""
    import tensorflow as tf

    class Module(tf.Module):
        def __init__(self):
            super().__init__()
            self.weight = tf.Variable(weight)

        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="miles")])
        def serve(self, miles):
            if slow:
                work = tf.fill([400, 400], miles[0] * 1e-6)
                for _ in tf.range(40):
                    work = tf.tanh(work @ work)
                miles += 1e-12 * work[0, 0]
            return {"fare": miles * self.weight}

    module = Module()
    tf.saved_model.save(module, str(folder), signatures={"serving_default": module.serve})
    return folder


@dataclass
class Shop:
    """A work directory with a delivered model, and what a test changes of it."""

    home: Path
    folder: Path
    examples: Path

    def deliver(self, model: Path, place: str = "staging", run_id: str = "run-1", against: Path | None = None) -> None:
        """Weigh nothing, and push `model` as a run would that weighed it against production's model at `against`.

        A place is a stage's folder, or an address.
        """
        gate = Gate(name="quality.auc.min", status="passed", observed=0.9, threshold=0.5, message="auc is 0.9.")
        subject = {"model": tree_digest(model), "data": ROWS}
        subject |= {"production": tree_digest(against)} if against else {}
        evaluation = self.folder / f"evaluation-{run_id}-{Path(place).name}"
        Verdict.of([gate], pipeline="shop", run_id=run_id, subject=subject).write(evaluation / "verdict.json")
        assert push(model, evaluation, place if "://" in place else self.home / place).record is not None

    def record_run(self, run_id: str = "run-1", rows: str = "", model: Path | None = None) -> None:
        """The record of that run, which names its examples; `rows` is the digest of those it worked on.

        With a `model` it has ended, and passed with that.
        """
        reference = ArtifactReference(step="ExampleGen", key="examples", type="Examples", uri=str(self.examples))
        record = RunRecord(
            run_id=run_id, pipeline="shop", module="shop.pipeline", started=datetime.now(UTC), artifacts=[reference]
        )
        folder = self.home / "runs" / run_id
        if rows:
            Verdict.of([], pipeline="shop", run_id=run_id, subject={"data": rows}).write(folder / "verdict.json")
        if model:
            gate = Gate(name="quality.auc.min", status="passed", observed=0.9, threshold=0.5, message="auc is 0.9.")
            verdict = Verdict.of([gate], pipeline="shop", run_id=run_id, subject={"model": tree_digest(model)})
            verdict.write(folder / "verdict.json")
            record = record.model_copy(update={"state": "passed", "verdict_digest": verdict.digest})
        Run(folder, record).save()


@pytest.fixture(scope="session")
def models(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("models")
    return {name: export(folder / name, weight) for name, weight in (("two", 2.0), ("three", 3.0), ("four", 4.0))}


@pytest.fixture
def shop(tmp_path, workdir, models, monkeypatch) -> Iterator[Shop]:
    """Pipeline `shop` with a model at staging, its run, and the examples of that run."""
    package = tmp_path / "shop"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "pipeline.py").write_text(PIPELINE)
    (package / "gates.yaml").write_text(GATES)
    monkeypatch.syspath_prepend(tmp_path)
    _forget_shop()
    made = Shop(workdir / "shop", tmp_path, tmp_path / "examples")
    rows = pa.table({"miles": pa.array([float(row) for row in range(100)], pa.float32())})
    write_split(rows, made.examples, "eval")
    made.deliver(models["two"])
    made.record_run()
    yield made
    _forget_shop()


def _forget_shop() -> None:
    """Another test's package of this name is another one."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "shop"]:
        del sys.modules[name]
