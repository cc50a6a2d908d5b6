"""Batches of rows that fit into memory, in a new random order each time they are gone through.

`tf.data`'s `unbatch().shuffle().batch()` handles row after row, in every epoch, which for a small network takes longer
than the training itself. Here a batch is one gather. Rows that do not fit into memory need `tf.data`'s way.
"""

from typing import TYPE_CHECKING

from weighbridge.common.errors import UsageError

if TYPE_CHECKING:
    import tensorflow as tf


def shuffled_batches(data: "tf.data.Dataset", batch_size: int, *, seed: int) -> "tf.data.Dataset":
    """Read all rows of `data` into memory, once, and give them in shuffled batches.

    Args:
        data: batches of any size and structure, every tensor of shape [rows, …]; all but its first dimension equal.
        batch_size: rows of a batch; the last one may have fewer.
        seed: of the orders; the same seed gives the same orders.

    Returns:
        Batches of the same structure. Each pass over them is in another order, every row once.

    Raises:
        UsageError: there is no row in `data`.
    """
    import tensorflow as tf

    # By name: on a machine with an accelerator the rows would fill its memory, and strings have no place there.
    with tf.device("/CPU:0"):
        batches = list(data)
        if not batches:
            raise UsageError("There is no training data: not one batch", "Are the split's files empty?")
        # Variables, not constants: tf.data rewrites its graph, constants included, and keeps a copy of them.
        table = tf.nest.map_structure(lambda *parts: tf.Variable(tf.concat(parts, axis=0), trainable=False), *batches)
    rows = int(tf.nest.flatten(table)[0].shape[0])
    if not rows:
        raise UsageError("There is no training data: not one row", "Are the split's files empty?")
    steps = -(-rows // batch_size)

    def batch(order: tf.Tensor, step: tf.Tensor) -> object:
        places = tf.range(step * batch_size, tf.minimum((step + 1) * batch_size, rows))
        # A permutation that can be asked at any place, so that nobody has to keep it.
        chosen = tf.random.experimental.index_shuffle(places, seed=tf.stack([order, order]), max_index=rows - 1)
        return tf.nest.map_structure(lambda column: tf.gather(column, chosen), table)

    def one_pass(order: tf.Tensor) -> tf.data.Dataset:
        return tf.data.Dataset.range(steps).map(lambda step: (order, step))

    orders = tf.data.Dataset.random(seed, rerandomize_each_iteration=True).take(1)
    positions = orders.flat_map(one_pass).apply(tf.data.experimental.assert_cardinality(steps))
    return positions.map(batch, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True).prefetch(tf.data.AUTOTUNE)
