"""Rows of histories as tensors."""

from collections.abc import Iterable
from typing import Any

import tensorflow as tf

from weighbridge.common.errors import UsageError
from weighbridge.components.trainer import shuffled_batches
from weighbridge.pipelines.recommender.model.vocabulary import Vocabulary

_READ_ROWS = 1024
WIDEST = 128  # targets of a row that are kept to draw from


def read(patterns: Iterable[str], vocabulary: Vocabulary, longest: int) -> tf.data.Dataset:
    """Rows of a split of customers who bought something known before, in the files' order.

    Args:
        patterns: globs of TFRecord files, as in `fn_args.train_files`.
        vocabulary: numbers the codes.
        longest: width of a history.

    Returns:
        Batches of dense columns: `history` int32 and `ages` float32 [rows, longest], `items` int32
        [rows, targets], `country` and `period` int32 [rows]; 0 where a row has fewer.

    Raises:
        UsageError: no file matches.
    """
    patterns = list(patterns)
    names = sorted(name for pattern in patterns for name in tf.io.gfile.glob(pattern))
    if not names:
        raise UsageError(f"There are no histories at {', '.join(patterns)}")
    compression = "GZIP" if names[0].endswith(".gz") else ""
    kinds = {
        "history": tf.io.RaggedFeature(tf.string),
        "items": tf.io.RaggedFeature(tf.string),
        "ages": tf.io.RaggedFeature(tf.float32),
        "country": tf.io.FixedLenFeature([], tf.string, ""),
        "period": tf.io.FixedLenFeature([], tf.int64),
    }
    widths = {"history": longest, "ages": longest, "items": WIDEST}

    def parse(serialized: Any) -> dict[str, Any]:
        raw = tf.io.parse_example(serialized, kinds)
        for name in ("history", "items"):
            raw[name] = raw[name].with_values(vocabulary.items(raw[name].values))
        row = {name: raw[name].to_tensor(0, shape=[None, width]) for name, width in widths.items()}
        row |= {"country": vocabulary.country(raw["country"]), "period": tf.cast(raw["period"], tf.int32)}
        warm = tf.reduce_any(row["history"] > 0, axis=1) & tf.reduce_any(row["items"] > 0, axis=1)
        return {name: tf.boolean_mask(column, warm) for name, column in row.items()}

    return tf.data.TFRecordDataset(names, compression).batch(_READ_ROWS).map(parse)


def training_batches(rows: tf.data.Dataset, batch_size: int, targets: int, seed: int) -> tf.data.Dataset:
    """Shuffled batches with `targets` of each row's items, drawn anew in every pass.

    Returns:
        (row, 0): the model computes its own loss; `items` is [rows, targets], 0 where a row has fewer.
    """
    draws = tf.random.Generator.from_seed(seed)

    def draw(row: dict[str, Any]) -> tuple[dict[str, Any], Any]:
        items = row["items"]
        luck = draws.uniform(tf.shape(items)) - tf.cast(items == 0, tf.float32)
        chosen = tf.math.top_k(luck, targets).indices
        return row | {"items": tf.gather(items, chosen, batch_dims=1)}, tf.zeros(tf.shape(row["country"]))

    return shuffled_batches(rows, batch_size, seed=seed).map(draw)


def evaluation_batches(rows: tf.data.Dataset, batch_size: int, targets: int) -> tf.data.Dataset:
    """Batches in the files' order, with the first `targets` items of each row."""
    whole = rows.unbatch().batch(batch_size)
    return whole.map(lambda row: (row | {"items": row["items"][:, :targets]}, tf.zeros(tf.shape(row["country"]))))
