"""Models that sleep in their graphs, and tell for how long: what the latency gates measure is that time."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tests.components.evaluator.helpers import latency_gates
from weighbridge.components.evaluator.flavours import SAVED_MODEL, StoredModel
from weighbridge.components.evaluator.latency.measure import measure
from weighbridge.components.evaluator.latency.served import ServedModel
from weighbridge.components.evaluator.signature import Signature


def export(folder: Path, delay_ms: float, tail_ms: float = 0.0, every: int = 70) -> Path:
    """A SavedModel that sleeps for `delay_ms` in a call, in every `every`th one for `tail_ms`; 0 is not at all."""
    import tensorflow as tf
    from tensorflow.python.data.experimental.ops.testing import sleep

    def waited(milliseconds: float) -> Any:
        if not milliseconds:
            return tf.constant(0.0)
        # It is asked once more whether there is another element: only the first may sleep.
        zeros = tf.data.Dataset.from_tensors(0.0).repeat().apply(sleep(int(1000 * milliseconds))).take(1)
        return zeros.get_single_element()

    class Model(tf.Module):
        def __init__(self) -> None:
            self.calls = tf.Variable(0)

        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, "x")])
        def serve(self, x):
            turn = self.calls.assign_add(1)
            with tf.control_dependencies([turn]):
                begin = tf.timestamp()
            with tf.control_dependencies([begin]):
                zero = tf.cond((turn % every == 0) & (tail_ms > 0), lambda: waited(tail_ms), lambda: waited(delay_ms))
            with tf.control_dependencies([zero]):
                end = tf.timestamp()
            return {"p": x + zero, "slept_ms": 1000 * (end - begin)}

    model = Model()
    tf.saved_model.save(model, str(folder), {"serving_default": model.serve})
    return folder


def contender(folder: Path, slept_ms: list[float]) -> ServedModel:
    """The model, writing down in `slept_ms` what it tells of each call."""
    stored = StoredModel(folder, SAVED_MODEL, "serving_default")
    loaded = stored.load()
    assert isinstance(loaded, Signature)

    def function(**request: Any) -> Any:
        outputs = loaded.function(**request)
        slept_ms.append(float(outputs["slept_ms"]))
        return outputs

    rows = pa.RecordBatch.from_arrays([pa.array([[1.0]] * 64, pa.list_(pa.float32()))], ["x"])
    return ServedModel(stored, dataclasses.replace(loaded, function=function), rows, "label", 1)


@pytest.fixture
def clock() -> Iterator[None]:
    """TensorFlow tells no time where a training in this process, of a test before, asked for the same numbers again."""
    from tensorflow.python.framework import config

    asked = config.is_op_determinism_enabled()
    config.disable_op_determinism()
    yield
    if asked:
        config.enable_op_determinism()


@pytest.mark.slow
@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize(
    ("delay_ms", "tail_ms", "calls"),
    [(5, 0, 400), (20, 0, 120), (5, 100, 420)],
    ids=["5 ms", "20 ms", "a tail of 100 ms"],
)
def test_an_injected_delay_is_measured(delay_ms: float, tail_ms: float, calls: int, tmp_path: Path) -> None:
    gates = latency_gates(batch_sizes={1: {"p50_ms": {"max": 1000}}}, calls=calls, budget_s=60)
    slept_ms: list[float] = []
    contenders = {
        "candidate": contender(export(tmp_path / "slow", delay_ms, tail_ms), slept_ms),
        "production": contender(export(tmp_path / "plain", 0), []),
    }
    measured = measure(gates, contenders)
    found, truth = measured.batches[1], slept_ms[-len(measured.times[1]) :]
    assert delay_ms <= np.median(truth) < 1.5 * delay_ms
    # On a busy machine what a call costs besides sleeping is not the same for both.
    besides = found["production"]["p50_ms"].value
    assert found["change"]["p50_ms"].value == pytest.approx(np.median(truth), abs=0.05 * np.median(truth) + besides)
    if tail_ms:
        assert found["candidate"]["p99_ms"].value == pytest.approx(
            np.quantile(truth, 0.99), abs=0.10 * np.quantile(truth, 0.99) + besides
        )
        assert found["candidate"]["p99_ms"].value > 0.9 * tail_ms
