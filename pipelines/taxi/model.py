"""The big-tipper model: a small wide-and-deep network in Keras 3, and its `run_fn` for the Trainer.

Each step is a function of its own, so that a notebook or a variant of the model can take what it needs.
"""

from collections.abc import Iterable
from typing import Any

import keras
import tensorflow as tf
from pydantic import Field

from weighbridge.common.errors import UsageError
from weighbridge.components.trainer import ModelOptions, TrainingSession, shuffled_batches
from weighbridge.pipelines.taxi import features
from weighbridge.pipelines.taxi.preprocessing import Preprocessor, parse, raw_types

_READ_ROWS = 1024


class TaxiOptions(ModelOptions):
    """What `custom_config` and `hyperparameters` can set.

    Attributes:
        epochs: passes over the training examples.
        batch_size: examples per step.
        learning_rate: Adam's.
        embedding: width of the tokens' embeddings.
        hidden: widths of the hidden layers.
    """

    epochs: int = Field(default=5, ge=1)
    batch_size: int = Field(default=256, ge=1)
    learning_rate: float = Field(default=2e-3, gt=0)
    embedding: int = Field(default=8, ge=1)
    hidden: tuple[int, ...] = (64, 32)


def run_fn(fn_args: Any) -> None:
    """Train on the train split, export to `fn_args.serving_model_dir`; called by the Trainer."""
    session = TrainingSession.from_fn_args(fn_args)
    options = TaxiOptions.of(fn_args)
    preprocessor = Preprocessor.from_statistics(fn_args.custom_config["statistics_path"])
    with session.scope():
        model = build(preprocessor, options)
    train, evaluation = read(fn_args.train_files, preprocessor), read(fn_args.eval_files, preprocessor)
    fit(session, model, train, evaluation, options, fn_args)
    export(model, preprocessor, session.export_dir)


def build(preprocessor: Preprocessor, options: TaxiOptions) -> keras.Model:
    """The compiled model, from preprocessed features to the probability of a big tip, shape [batch, 1]."""
    places = len(features.BUCKETISED) + len(features.CATEGORIES) + len(features.TEXTS)
    numbers = keras.Input((len(features.NUMERIC),), name="numbers")
    tokens = keras.Input((places,), dtype="int32", name="tokens")
    # Deep: embeddings and numbers through hidden layers. Wide: one weight per token, straight to the outcome.
    embedded = keras.layers.Flatten()(keras.layers.Embedding(preprocessor.tokens, options.embedding)(tokens))
    deep = keras.layers.Concatenate()([embedded, numbers])
    for width in options.hidden:
        deep = keras.layers.Dense(width, activation="relu")(deep)
    wide = keras.layers.Flatten()(keras.layers.Embedding(preprocessor.tokens, 1)(tokens))
    # In float32, also where the rest is in half precision: probabilities near 0 and 1 need the digits.
    joined = keras.layers.Concatenate()([deep, wide])
    probability = keras.layers.Dense(1, activation="sigmoid", dtype="float32", name="probability")(joined)
    model = keras.Model({"numbers": numbers, "tokens": tokens}, probability)
    model.compile(
        optimizer=keras.optimizers.Adam(options.learning_rate),
        loss="binary_crossentropy",
        metrics=[keras.metrics.AUC(name="auc"), keras.metrics.BinaryAccuracy(name="accuracy")],
        jit_compile=False,  # compiling takes longer than this training
    )
    return model


def read(patterns: Iterable[str], preprocessor: Preprocessor) -> tf.data.Dataset:
    """Preprocessed rows of a split.

    Args:
        patterns: globs of TFRecord files, as in `fn_args.train_files`; names ending in `.gz` are compressed.
        preprocessor: what rows are preprocessed with.

    Returns:
        Batches of up to `_READ_ROWS` rows in the files' order: (features, label of shape [rows], float32).

    Raises:
        UsageError: no file matches.
    """
    patterns = list(patterns)
    names = sorted(name for pattern in patterns for name in tf.io.gfile.glob(pattern))
    if not names:
        raise UsageError(f"There are no examples at {', '.join(patterns)}")
    compression = "GZIP" if names[0].endswith(".gz") else ""
    records = tf.data.Dataset.from_tensor_slices(names).interleave(
        lambda name: tf.data.TFRecordDataset(name, compression).batch(_READ_ROWS),
        num_parallel_calls=tf.data.AUTOTUNE,
    )

    def preprocess(serialized: tf.Tensor) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        raw = parse(serialized, label=True)
        return preprocessor(raw), tf.cast(raw[features.LABEL], tf.float32)

    return records.map(preprocess, num_parallel_calls=tf.data.AUTOTUNE)


def fit(
    session: TrainingSession,
    model: keras.Model,
    train: tf.data.Dataset,
    evaluation: tf.data.Dataset,
    options: TaxiOptions,
    fn_args: Any,
) -> None:
    """Train `model` on the rows of `train`, shuffled, and evaluate it on `evaluation` after each epoch.

    `fn_args.train_steps` and `eval_steps`, where given, are the steps of the whole training and of one evaluation.
    """
    session.fit(
        model,
        shuffled_batches(train, options.batch_size, seed=session.seed),
        epochs=options.epochs,
        steps_per_epoch=max(1, fn_args.train_steps // options.epochs) if fn_args.train_steps else None,
        validation_data=evaluation.cache(),
        validation_steps=fn_args.eval_steps,
    )


def export(model: keras.Model, preprocessor: Preprocessor, folder: str) -> None:
    """Export a SavedModel that takes raw features.

    Signatures, both giving `probability` of shape [batch]: `serving_default` takes each raw feature by name, shape
    [batch], missing values as NaN, -1 or empty text; `serving_examples` takes serialized tf.Examples.
    """
    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.track(preprocessor)

    def predict(raw: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        return {"probability": tf.squeeze(model(preprocessor(raw), training=False), axis=1)}

    def predict_examples(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        return predict(parse(examples))

    raw_signature = {name: tf.TensorSpec([None], dtype, name) for name, dtype in raw_types().items()}
    archive.add_endpoint("serving_default", predict, [raw_signature])
    archive.add_endpoint("serving_examples", predict_examples, [tf.TensorSpec([None], tf.string, "examples")])
    archive.write_out(folder, verbose=False)
