"""Taxi models that must not reach production, each for a reason of its own."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from weighbridge.components.trainer import TrainingSession
from weighbridge.pipelines.taxi import model as taxi
from weighbridge.pipelines.taxi.preprocessing import Preprocessor

SLEEP_S = 0.1

Rows = tf.data.Dataset


def shuffled_labels(fn_args: Any) -> None:
    """Trained on labels of other rows: it can know nothing."""

    def shuffle(features, labels):
        return features, tf.random.shuffle(labels, seed=1)

    session, model, preprocessor = _train(fn_args, lambda rows: rows.map(shuffle))
    taxi.export(model, preprocessor, session.export_dir)


def nan_loss(fn_args: Any) -> None:
    """Its labels are no numbers."""
    session, model, preprocessor = _train(
        fn_args, lambda rows: rows.map(lambda features, labels: (features, labels * float("nan")))
    )
    taxi.export(model, preprocessor, session.export_dir)


def no_export(fn_args: Any) -> None:
    """Trained, and forgotten."""
    _train(fn_args)


def slow_serving(fn_args: Any) -> None:
    """Right, but each call sleeps in the graph."""
    session, model, preprocessor = _train(fn_args)
    taxi.export(_followed_by(model, Sleep()), preprocessor, session.export_dir)


def raising_signature(fn_args: Any) -> None:
    """Exports and loads, but every call of it fails."""
    session, model, preprocessor = _train(fn_args)
    taxi.export(_followed_by(model, Raise()), preprocessor, session.export_dir)


class Sleep(keras.layers.Layer):
    """Passes its input on after a sleep that costs no CPU, and that TensorFlow cannot optimise away."""

    def call(self, inputs):
        from tensorflow.python.data.experimental.ops.testing import sleep

        waited = tf.data.Dataset.from_tensors(0.0).apply(sleep(int(SLEEP_S * 1e6))).get_single_element()
        return inputs + waited


class Raise(keras.layers.Layer):
    """Fails when it is called, not when it is traced."""

    def call(self, inputs):
        failed = tf.debugging.Assert(tf.reduce_all(inputs > 1.0), ["the model refuses to answer"])
        with tf.control_dependencies([failed]):
            return tf.identity(inputs)


def _train(
    fn_args: Any, spoil: Callable[[Rows], Rows] = lambda rows: rows
) -> tuple[TrainingSession, keras.Model, Preprocessor]:
    """As `weighbridge.pipelines.taxi.model.run_fn`, with the training rows spoiled."""
    session = TrainingSession.from_fn_args(fn_args)
    options = taxi.TaxiOptions.of(fn_args)
    preprocessor = Preprocessor.from_statistics(fn_args.custom_config["statistics_path"])
    model = taxi.build(preprocessor, options)
    train, evaluation = taxi.read(fn_args.train_files, preprocessor), taxi.read(fn_args.eval_files, preprocessor)
    taxi.fit(session, model, spoil(train), evaluation, options, fn_args)
    return session, model, preprocessor


def _followed_by(model: keras.Model, layer: keras.layers.Layer) -> keras.Model:
    return keras.Model(model.input, layer(model.output))
