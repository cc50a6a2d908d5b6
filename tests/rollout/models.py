"""Small real SavedModels: one as good as the other, and four that misbehave by what is in their own graphs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.made_once import made_once

WAIT_MS = 20
"""A call takes this time as one does that asks a feature store: waiting. So what else two processors do counts less."""

SLOW_WAIT_MS = 26.5
"""A request of it takes about 30 % longer, with the two or three milliseconds of the server's own."""

FAILING = 0.02
"""Share of the rows that the failing model cannot take: those of the shortest trips, for rides up to `MOST_MILES`."""

MOST_MILES = 10.0
KINDS = ("stable", "good", "slow", "failing", "collapsed", "leaking")

_LEAK_FLOATS = 1 << 17  # half a MiB with each request


def export(folder: Path, kind: str) -> Path:
    """A SavedModel that says how likely a ride of `miles` is tipped."""
    import tensorflow as tf

    weight = {"good": 0.51, "collapsed": 0.0}.get(kind, 0.5)
    bias = 0.0 if kind == "collapsed" else -2.0
    wait_ms = SLOW_WAIT_MS if kind == "slow" else WAIT_MS

    class Module(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="miles")])
        def serve(self, miles: Any) -> dict[str, Any]:
            miles = _waited(miles, wait_ms)
            if kind == "failing":
                short = tf.debugging.assert_greater_equal(tf.reduce_min(miles), FAILING * MOST_MILES)
                with tf.control_dependencies([short]):
                    miles = tf.identity(miles)
            if kind == "leaking":
                tf.raw_ops.Stage(values=[tf.fill([_LEAK_FLOATS], miles[0])], container="", shared_name="leak")
            return {"tipped": tf.sigmoid(miles * weight + bias)}

    module = Module()
    tf.saved_model.save(module, str(folder), signatures={"serving_default": module.serve})
    return folder


def _waited(values: Any, wait_ms: float) -> Any:
    """The values, after a time, by an operation of TensorFlow's own: it waits, and uses no processor."""
    import tensorflow as tf
    from tensorflow.python.data.experimental.ops import testing

    options = tf.data.Options()
    options.autotune.enabled = False
    options.threading.private_threadpool_size = 0
    options.experimental_optimization.apply_default_optimizations = False
    # The only element is asked for, and then whether it was the only one: it waits twice.
    dataset = tf.data.Dataset.from_tensors(values).apply(testing.sleep(round(wait_ms * 1000 / 2)))
    return dataset.with_options(options).get_single_element()


def models_of(factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of the model of a kind; all are made once in a session, for reading."""
    folder = made_once(factory, "rollout-models", lambda home: [export(home / kind, kind) for kind in KINDS])
    return lambda kind: folder / kind
