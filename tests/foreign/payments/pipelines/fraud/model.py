from typing import Any

from pipelines.fraud.layers import logistic
from weighbridge.components.trainer import TrainingSession


def run_fn(fn_args: Any) -> None:
    import tensorflow as tf

    TrainingSession.from_fn_args(fn_args)
    names = [name for pattern in fn_args.train_files for name in tf.io.gfile.glob(pattern)]
    spec = {name: tf.io.FixedLenFeature([], kind) for name, kind in (("amount", tf.float32), ("fraud", tf.int64))}
    rows = tf.io.parse_example(list(tf.data.TFRecordDataset(names, "GZIP").as_numpy_iterator()), spec)
    logistic(rows["amount"], rows["fraud"], fn_args.custom_config["steps"], fn_args.serving_model_dir)
