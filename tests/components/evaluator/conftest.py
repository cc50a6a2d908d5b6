"""Taxi rows and models that are better, worse, slower or broken, each exported once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.components.evaluator.helpers import LABEL, export, taxi_columns, write_examples

ROWS = 3000
RAW = {"payment_type": ((None,), "string"), "trip_miles": ((None,), "float32"), "fare": ((None,), "float32")}


@pytest.fixture(scope="session")
def columns(taxi_csv: Path) -> dict[str, list[Any]]:
    return taxi_columns(taxi_csv, ROWS)


@pytest.fixture(scope="session")
def examples(columns: dict[str, list[Any]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_examples(tmp_path_factory.mktemp("examples"), columns)


def good_score(payment_type: Any, trip_miles: Any, fare: Any) -> Any:
    """Who pays by card tips; cash tips are not recorded."""
    import tensorflow as tf

    card = tf.cast(payment_type == "Credit Card", tf.float32)
    miles = tf.where(tf.math.is_nan(trip_miles), 0.0, trip_miles)
    fare = tf.where(tf.math.is_nan(fare), 0.0, fare)
    return tf.sigmoid(4 * card - 3 - 0.01 * miles - 0.001 * fare)


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Each kind of model, exported when it is first asked for."""
    root = tmp_path_factory.mktemp("models")

    def get(kind: str) -> Path:
        folder = root / kind
        if not folder.exists():
            EXPORTS[kind](folder)
        return folder

    return get


def _good(folder: Path) -> None:
    export(folder, lambda **inputs: {"p": good_score(**inputs)}, RAW)


def _shuffled(folder: Path) -> None:
    """What is learnt from shuffled labels: nothing."""
    import tensorflow as tf

    def serve(payment_type: Any, trip_miles: Any, fare: Any) -> Any:
        text = tf.strings.join([tf.strings.as_string(trip_miles), tf.strings.as_string(fare)])
        return {"p": tf.cast(tf.strings.to_hash_bucket_fast(text, 1000), tf.float32) / 1000}

    export(folder, serve, RAW)


def _slow(folder: Path) -> None:
    """The good one, after work that takes many times as long."""
    import tensorflow as tf

    def serve(**inputs: Any) -> Any:
        score = good_score(**inputs)
        start = tf.reshape(score[0], [1, 1]) * tf.ones([200, 200])
        burnt = tf.while_loop(
            lambda turn, _: turn < 60, lambda turn, value: (turn + 1, tf.tanh(value @ value)), (0, start)
        )[1]
        return {"p": score + 0 * tf.reduce_sum(burnt)}

    export(folder, serve, RAW)


def _raising(folder: Path) -> None:
    import tensorflow as tf

    def serve(**inputs: Any) -> Any:
        score = good_score(**inputs)
        with tf.control_dependencies([tf.debugging.assert_less(score, -1.0, "the vocabulary is gone")]):
            return {"p": tf.identity(score)}

    export(folder, serve, RAW)


def _serialized(folder: Path) -> None:
    """The good one, taking serialized tf.Examples; would fail if it were sent the label's column only."""
    import tensorflow as tf

    def serve(examples: Any) -> Any:
        parsed = tf.io.parse_example(
            examples,
            {
                "payment_type": tf.io.FixedLenFeature([], tf.string, ""),
                "trip_miles": tf.io.FixedLenFeature([], tf.float32, float("nan")),
                "fare": tf.io.FixedLenFeature([], tf.float32, float("nan")),
            },
        )
        return {"p": good_score(**parsed)[:, None]}

    export(folder, serve, {"examples": ((None,), "string")})


def _nan(folder: Path) -> None:
    export(folder, lambda **inputs: {"p": good_score(**inputs) * float("nan")}, RAW)


def _leaking(folder: Path) -> None:
    import tensorflow as tf

    export(folder, lambda **inputs: {"p": tf.cast(inputs[LABEL], tf.float32)}, {LABEL: ((None,), "int64")})


def _two_outputs(folder: Path) -> None:
    export(folder, lambda **inputs: {"p": good_score(**inputs), "q": 1 - good_score(**inputs)}, RAW)


def _garbage(folder: Path) -> None:
    serving = folder / "Format-Serving"
    serving.mkdir(parents=True)
    (serving / "saved_model.pb").write_bytes(b"no model")


EXPORTS = {
    "good": _good,
    "shuffled": _shuffled,
    "slow": _slow,
    "raising": _raising,
    "serialized": _serialized,
    "nan": _nan,
    "leaking": _leaking,
    "two_outputs": _two_outputs,
    "garbage": _garbage,
}
