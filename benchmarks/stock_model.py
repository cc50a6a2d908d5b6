"""The taxi model the stock way: Transform computes what the network takes, the network itself is ours."""

from types import SimpleNamespace
from typing import Any

import keras
import tensorflow as tf
import tensorflow_transform as tft

from weighbridge.components.trainer import TrainingSession, shuffled_batches
from weighbridge.pipelines.taxi import features
from weighbridge.pipelines.taxi.model import TaxiOptions, build

_VOCABULARY = 100
_WIDTH = max(features.BUCKETS, _VOCABULARY) + 2
_TOKENS = _WIDTH * (len(features.BUCKETISED) + len(features.CATEGORIES) + len(features.TEXTS))


def preprocessing_fn(inputs: dict[str, Any]) -> dict[str, Any]:
    """Numbers as z-scores; everything else as one token, in ranges that do not overlap. Called by Transform."""
    numbers = [tft.scale_to_z_score(_dense(inputs[name], 0)) for name in features.NUMERIC]
    tokens = [tft.bucketize(_dense(inputs[name], 0), features.BUCKETS) for name in features.BUCKETISED]
    tokens += [_token(tf.strings.as_string(_dense(inputs[name], -1))) for name in features.CATEGORIES]
    tokens += [_token(_dense(inputs[name], "")) for name in features.TEXTS]
    offset = [tf.cast(token, tf.int64) + place * _WIDTH for place, token in enumerate(tokens)]
    tips, fare = (tf.cast(_dense(inputs[name], 0), tf.float32) for name in ("tips", "fare"))
    return {
        "numbers": tf.stack([tf.cast(number, tf.float32) for number in numbers], axis=1),
        "tokens": tf.stack(offset, axis=1),
        features.LABEL: tf.cast(tips > fare * 0.2, tf.int64),
    }


def run_fn(fn_args: Any) -> None:
    """The same network, loop and steps as the taxi pipeline's; called by stock Trainer."""
    session = TrainingSession.from_fn_args(fn_args)
    options = TaxiOptions()
    transformed = tft.TFTransformOutput(fn_args.transform_graph_path)
    model = build(SimpleNamespace(tokens=_TOKENS), options)  # type: ignore[arg-type]
    train, evaluation = (_read(files, transformed) for files in (fn_args.train_files, fn_args.eval_files))
    rows = shuffled_batches(train, options.batch_size, seed=session.seed)
    session.fit(model, rows, epochs=options.epochs, validation_data=evaluation.cache())

    archive = keras.export.ExportArchive()
    archive.track(model)
    layer = transformed.transform_features_layer()
    archive.track(layer)
    raw_spec = transformed.raw_feature_spec()

    def transform(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        return layer(tf.io.parse_example(examples, raw_spec))

    def serve(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        ready = transform(examples)
        return {"probability": model({name: ready[name] for name in ("numbers", "tokens")}, training=False)}

    signature = [tf.TensorSpec([None], tf.string, "examples")]
    archive.add_endpoint("serving_default", serve, signature)
    archive.add_endpoint("transform_features", transform, signature)
    archive.write_out(fn_args.serving_model_dir, verbose=False)


def _read(patterns: list[str], transformed: tft.TFTransformOutput) -> tf.data.Dataset:
    spec = transformed.transformed_feature_spec()
    names = sorted(name for pattern in patterns for name in tf.io.gfile.glob(pattern))

    def parse(serialized: tf.Tensor) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        parsed = tf.io.parse_example(serialized, spec)
        label = tf.cast(parsed.pop(features.LABEL), tf.float32)
        return parsed | {"tokens": tf.cast(parsed["tokens"], tf.int32)}, label

    records = tf.data.TFRecordDataset(names, "GZIP").batch(1024)
    return records.map(parse, num_parallel_calls=tf.data.AUTOTUNE)


def _token(text: tf.Tensor) -> tf.Tensor:
    return tft.compute_and_apply_vocabulary(text, top_k=_VOCABULARY, num_oov_buckets=1)


def _dense(column: Any, missing: Any) -> tf.Tensor:
    """One value per row, `missing` where there is none."""
    if not isinstance(column, tf.SparseTensor):
        return tf.reshape(column, [-1])
    rows = tf.SparseTensor(column.indices, column.values, [column.dense_shape[0], 1])
    return tf.squeeze(tf.sparse.to_dense(rows, tf.constant(missing, column.dtype)), axis=1)
