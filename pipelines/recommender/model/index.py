"""An approximate index: items in cells around centroids, of which a query looks at the nearest few only.

Faiss finds the cells (Johnson, Douze, Jégou, "Billion-scale similarity search with GPUs", 2017; an inverted file);
searching is a few of TensorFlow's own operations, so that the exported model is served wherever TensorFlow is.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from weighbridge.common.errors import UsageError

_NEVER = -1e9


class Approximate(tf.Module):
    """Compares with the items of the cells whose centroids have the largest dot products with the query.

    Args:
        vectors: [items, dim]; the variable is shared with whoever else looks vectors up.
        probes: cells that a query looks at.
        seed: of the clustering.

    Raises:
        UsageError: faiss is not installed.
    """

    def __init__(self, vectors: tf.Variable, probes: int = 16, seed: int = 20) -> None:
        super().__init__(name="approximate")
        self.vectors = vectors
        centroids, cells = _cells(vectors.numpy(), seed)
        self.centroids = tf.Variable(centroids, trainable=False)
        self.cells = tf.Variable(cells, trainable=False)
        self.probes = min(len(cells), probes)

    def __call__(self, queries: Any, count: Any) -> tuple[Any, Any]:
        """See `retrieve.Search`; where the cells hold fewer than `count` items, the rest has place -1."""
        near = tf.math.top_k(tf.matmul(queries, self.centroids, transpose_b=True), self.probes).indices
        places = tf.reshape(tf.gather(self.cells, near), [tf.shape(queries)[0], -1])
        candidates = tf.gather(self.vectors, tf.maximum(places, 0))
        products = tf.where(places >= 0, tf.einsum("bcd,bd->bc", candidates, queries), _NEVER)
        short = tf.maximum(count - tf.shape(places)[1], 0)
        places = tf.pad(places, [[0, 0], [0, short]], constant_values=-1)
        products, best = tf.math.top_k(tf.pad(products, [[0, 0], [0, short]], constant_values=_NEVER), count)
        return tf.gather(places, best, batch_dims=1), products


def _cells(vectors: npt.NDArray[np.float32], seed: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32]]:
    """Centroids [cells, dim] and the places of their items [cells, width], -1 where a cell has fewer.

    Cells that are larger than most are cut in two and more: padding all to the largest would cost memory and time.
    """
    try:
        import faiss
    except ImportError as error:
        raise UsageError(
            "An approximate index needs faiss", "Install faiss-cpu, or compare exactly: --set index=exact."
        ) from error
    count = min(len(vectors), int(2 * np.sqrt(len(vectors))))
    clustering = faiss.Kmeans(
        vectors.shape[1], count, niter=10, seed=seed, min_points_per_centroid=1, max_points_per_centroid=64
    )
    clustering.train(vectors)
    centroids = np.asarray(clustering.centroids, np.float32)
    _, nearest = clustering.index.search(vectors, 1)
    cell = nearest[:, 0]
    sizes = np.bincount(cell, minlength=count)
    width = int(np.ceil(len(vectors) / count))
    order = np.argsort(cell, kind="stable")
    rank = np.arange(len(cell)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    pieces = -(-sizes // width)
    first = np.cumsum(pieces) - pieces
    cells = np.full((int(pieces.sum()), width), -1, np.int32)
    cells[first[cell[order]] + rank // width, rank % width] = order
    return np.repeat(centroids, pieces, axis=0), cells
