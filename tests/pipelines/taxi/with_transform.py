"""A taxi model for stock TFX's Transform: a `preprocessing_fn`, and a `run_fn` on what it puts out."""

from typing import Any

import keras
import tensorflow as tf
import tensorflow_transform as tft

from weighbridge.components.trainer import TrainingSession
from weighbridge.pipelines.taxi import features

TEXTS = ("payment_type", "company")
BUCKETS = 10
VOCABULARY = 100


def preprocessing_fn(inputs: dict[str, Any]) -> dict[str, Any]:
    """Normalised fares and miles, vocabularies, buckets of the hour; called by Transform."""
    outputs = {f"{name}_xf": tft.scale_to_z_score(_dense(inputs[name], 0.0)) for name in ("fare", "trip_miles")}
    for name in TEXTS:
        text = _dense(inputs[name], "")
        outputs[f"{name}_xf"] = tft.compute_and_apply_vocabulary(text, top_k=VOCABULARY, num_oov_buckets=1)
    hour = tf.cast(_dense(inputs["trip_start_hour"], 0), tf.float32)
    outputs["trip_start_hour_xf"] = tft.bucketize(hour, BUCKETS)
    outputs[features.LABEL] = _dense(inputs[features.LABEL], 0)
    return outputs


def run_fn(fn_args: Any) -> None:
    """Train on Transform's examples; serve raw serialized tf.Examples through its graph."""
    session = TrainingSession.from_fn_args(fn_args)
    transformed = tft.TFTransformOutput(fn_args.transform_graph_path)
    with session.scope():
        model = _build()
    session.fit(
        model,
        _read(fn_args.train_files, transformed),
        epochs=3,
        steps_per_epoch=fn_args.train_steps,
        validation_data=_read(fn_args.eval_files, transformed),
        validation_steps=fn_args.eval_steps,
    )

    archive = keras.export.ExportArchive()
    archive.track(model)
    layer = transformed.transform_features_layer()
    archive.track(layer)
    raw_spec = {name: spec for name, spec in transformed.raw_feature_spec().items() if name != features.LABEL}

    def serve(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        ready = layer(tf.io.parse_example(examples, raw_spec))
        inputs = {name: ready[name] for name in model.input}
        return {"probability": tf.squeeze(model(inputs, training=False), axis=1)}

    archive.add_endpoint("serving_default", serve, [tf.TensorSpec([None], tf.string, "examples")])
    archive.write_out(session.export_dir, verbose=False)


def _build() -> keras.Model:
    numbers = {f"{name}_xf": keras.Input((1,), name=f"{name}_xf") for name in ("fare", "trip_miles")}
    tokens = {f"{name}_xf": keras.Input((1,), dtype="int64", name=f"{name}_xf") for name in (*TEXTS, "trip_start_hour")}
    embedded = [keras.layers.Flatten()(keras.layers.Embedding(VOCABULARY + 1, 4)(token)) for token in tokens.values()]
    hidden = keras.layers.Dense(32, "relu")(keras.layers.Concatenate()([*numbers.values(), *embedded]))
    model = keras.Model(numbers | tokens, keras.layers.Dense(1, "sigmoid")(hidden))
    model.compile(keras.optimizers.Adam(5e-3), "binary_crossentropy", metrics=[keras.metrics.AUC(name="auc")])
    return model


def _read(patterns: list[str], transformed: tft.TFTransformOutput) -> tf.data.Dataset:
    spec = transformed.transformed_feature_spec()
    names = sorted(name for pattern in patterns for name in tf.io.gfile.glob(pattern))
    records = tf.data.TFRecordDataset(names, "GZIP").batch(256)

    def parse(serialized: tf.Tensor) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        parsed = tf.io.parse_example(serialized, spec)
        label = tf.cast(parsed.pop(features.LABEL), tf.float32)
        return {name: tf.reshape(value, [-1, 1]) for name, value in parsed.items()}, tf.reshape(label, [-1, 1])

    return records.map(parse).cache()


def _dense(column: Any, missing: Any) -> tf.Tensor:
    """One value per row, `missing` where there is none."""
    if not isinstance(column, tf.SparseTensor):
        return tf.reshape(column, [-1])
    rows = tf.SparseTensor(column.indices, column.values, [column.dense_shape[0], 1])
    return tf.squeeze(tf.sparse.to_dense(rows, tf.constant(missing, column.dtype)), axis=1)
