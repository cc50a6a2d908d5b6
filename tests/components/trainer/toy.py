"""A small model and all that can go wrong with one, as users' `run_fn`s."""

import errno
import os
import signal
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from weighbridge.components.trainer import TrainingSession

EPOCHS = 5
STEPS = 8


def fn_args(folder: Path, **custom_config: Any) -> SimpleNamespace:
    """What a run_fn reads of TFX's FnArgs."""
    return SimpleNamespace(
        model_run_dir=str(folder / "run"),
        serving_model_dir=str(folder / "model" / "Format-Serving"),
        custom_config=custom_config,
        hyperparameters=None,
    )


def data(*, broken: bool = False, shuffled: bool = True):
    import numpy as np
    import tensorflow as tf

    random = np.random.default_rng(1)
    x = random.normal(size=(STEPS * 16, 4)).astype(np.float32)
    y = (x.sum(axis=1, keepdims=True) > 0).astype(np.float32)
    if broken:
        y[len(y) // 2] = np.nan
    rows = tf.data.Dataset.from_tensor_slices((x, y)).filter(lambda *_: True).cache()  # nobody knows how many
    return (rows.shuffle(1000, seed=3) if shuffled else rows).batch(16)


def model(learning_rate: float = 0.01):
    """With dropout: its random states belong to what a resume must bring back."""
    import keras

    layers = [
        keras.Input((4,)),
        keras.layers.Dense(8, "relu"),
        keras.layers.Dropout(0.4),
        keras.layers.Dense(1, "sigmoid"),
    ]
    built = keras.Sequential(layers)
    built.compile(keras.optimizers.Adam(learning_rate), "binary_crossentropy", metrics=["accuracy"])
    return built


def run_fn(args: Any) -> None:
    session = TrainingSession.from_fn_args(args)
    with session.scope():
        built = model()
    session.fit(built, data(), epochs=EPOCHS, validation_data=data(shuffled=False), callbacks=[_killer()])
    if os.environ.get("KILL_AT") == "export":
        os.kill(os.getpid(), signal.SIGKILL)
    built.export(session.export_dir, verbose=False)


def _killer():
    import keras

    class Killer(keras.callbacks.Callback):
        """Kills this process in the middle of the epoch named in KILL_AT, the first being 0."""

        epoch = 0

        def on_epoch_begin(self, epoch, logs=None):
            self.epoch = epoch

        def on_train_batch_end(self, batch, logs=None):
            if os.environ.get("KILL_AT") == str(self.epoch) and batch == STEPS // 2:
                os.kill(os.getpid(), signal.SIGKILL)

    return Killer()


def without_session(args: Any) -> None:
    """As written for stock TFX."""
    built = model()
    built.fit(data(), verbose=0)
    built.export(args.serving_model_dir, verbose=False)


def with_variant(args: Any) -> None:
    """Exports a second model beside the served one."""
    session = TrainingSession.from_fn_args(args)
    built = model()
    session.fit(built, data(), epochs=1)
    built.export(session.export_dir, verbose=False)
    built.export(session.variant_dir("large"), verbose=False)


def nan_without_session(args: Any) -> None:
    built = model()
    built.fit(data(broken=True), verbose=0)
    built.export(args.serving_model_dir, verbose=False)


def nan_loss(args: Any) -> None:
    session = TrainingSession.from_fn_args(args)
    built = model()
    session.fit(built, data(broken=True), epochs=EPOCHS)
    built.export(session.export_dir, verbose=False)


def exports_nothing(args: Any) -> None:
    session = TrainingSession.from_fn_args(args)
    session.fit(model(), data(), epochs=1)


def raises(args: Any) -> None:
    raise KeyError("no such column: fare")


def exits(args: Any) -> None:
    sys.exit(0)


def leaves(args: Any) -> None:
    os._exit(0)


def disk_full(args: Any) -> None:
    try:
        raise OSError(errno.ENOSPC, "No space left on device")
    except OSError as error:
        raise ValueError("could not save") from error


def out_of_memory(args: Any) -> None:
    raise MemoryError


def accelerator_out_of_memory(args: Any) -> None:
    import tensorflow as tf

    raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")


not_a_function = 3


def with_tables(args: Any) -> None:
    """Exports a model with layers, tables of both kinds, and a loop."""
    import keras
    import tensorflow as tf

    session = TrainingSession.from_fn_args(args)
    built = model()
    session.fit(built, data(), epochs=1)
    tables = tf.Module()
    tables.values = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(["a"], tf.constant([1.0])), -1.0)
    lines = tf.lookup.TextFileIndex
    file = tf.lookup.TextFileInitializer(args.tables, tf.string, lines.WHOLE_LINE, tf.int64, lines.LINE_NUMBER)
    tables.words = tf.lookup.StaticHashTable(file, -1)
    archive = keras.export.ExportArchive()
    archive.track(built)
    archive.track(tables)

    def serve(x: Any, word: Any) -> dict[str, Any]:
        total = tables.values.lookup(word) + tf.cast(tables.words.lookup(word), tf.float32)
        added = lambda step, sum_: (step + 1, sum_ + built(x, training=False)[:, 0])  # noqa: E731
        return {"total": tf.while_loop(lambda step, _: step < 3, added, [tf.constant(0), total])[1]}

    archive.add_endpoint("serve", serve, [tf.TensorSpec([None, 4]), tf.TensorSpec([None], tf.string)])
    archive.write_out(session.export_dir, verbose=False)
