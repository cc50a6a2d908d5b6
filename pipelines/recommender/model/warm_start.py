"""Where vectors start from: co-purchases, or the model in production.

A few thousand customers cannot teach tens of thousands of random numbers anything but to remember them: from a random
start the held-out loss rises from the first epoch on. So both towers start where the dot product of two items is about
the cosine of who bought them, words where the items lie that they describe, and training adjusts.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


def co_purchase_vectors(rows: Iterable[Any], size: int, dim: int, seed: int) -> Floats:
    """Vectors whose dot products approximate the cosines between items' sets of rows.

    The truncated singular value decomposition of the row-by-item matrix, columns of length one: `V diag(s)`, as in
    PureSVD of Cremonesi, Koren, Turrin, "Performance of recommender algorithms on top-N recommendation tasks" (RecSys
    2010).

    Args:
        rows: batches of what customers bought: item numbers, [rows, …], 0 for none.
        size: number of items.
        dim: width of the vectors.
        seed: of the decomposition's start.

    Returns:
        [size + 1, dim] float32; zeros for number 0 and for what was never bought.
    """
    from scipy import sparse
    from scipy.sparse.linalg import svds

    def who_bought(bought: Any) -> Any:
        row, place = np.nonzero(bought)
        found = sparse.csr_matrix((np.ones(len(row)), (row, bought[row, place])), shape=(len(bought), size + 1))
        found.data[:] = 1.0
        return found

    matrix = sparse.vstack([sparse.csr_matrix((0, size + 1)), *map(who_bought, rows)], format="csr")
    lengths = np.sqrt(np.asarray(matrix.sum(axis=0)).ravel())
    matrix = matrix @ sparse.diags(1.0 / np.maximum(lengths, 1.0))
    rank = min(dim, min(matrix.shape) - 1)
    vectors = np.zeros((size + 1, dim), np.float32)
    if rank < 1:
        return vectors
    _, strengths, directions = svds(matrix, k=rank, v0=np.random.default_rng(seed).random(min(matrix.shape)))
    # The sign of a direction is arbitrary; one rule for it, so that a seed gives one model.
    signs = np.sign(directions[np.arange(rank), np.abs(directions).argmax(axis=1)])
    vectors[:, :rank] = (directions * (signs * strengths)[:, None]).T
    # The decomposition leaves rounding errors there, which are others where another number of threads computes.
    vectors[lengths == 0] = 0.0
    return vectors


def word_vectors(vectors: Floats, words: Any, size: int) -> Floats:
    """Vectors of words: the mean of the items that they describe, where a new item with these words is to begin.

    Args:
        vectors: of items, [items + 1, dim].
        words: numbers of each item's words, [items + 1, words], 0 for none.
        size: number of words.

    Returns:
        [size, dim] float32; zeros for words of no item.
    """
    from scipy import sparse

    item, place = np.nonzero(words)
    shares = 1.0 / np.count_nonzero(words, axis=1)[item]
    matrix = sparse.csr_matrix((shares, (np.asarray(words)[item, place], item)), shape=(size, len(vectors)))
    weights = np.asarray(matrix.sum(axis=1))
    return np.asarray(matrix @ vectors / np.maximum(weights, 1e-9), np.float32)


def production_vectors(folder: str, codes: npt.NDArray[np.object_], fallback: dict[str, Floats]) -> dict[str, Floats]:
    """The vectors of the model in production for items that it knows, others as in `fallback`.

    Args:
        folder: its SavedModel, as `export` made it.
        codes: of the items now, [items].
        fallback: vectors by name, [items + 1, dim].

    Returns:
        As `fallback`; unchanged where the model in production is of another width or has no vectors to give.
    """
    import tensorflow as tf

    signature = tf.saved_model.load(folder).signatures.get("vectors")
    if signature is None:
        return fallback
    found = {name: value.numpy() for name, value in signature().items()}
    if any(name not in found or found[name].shape[1] != ours.shape[1] for name, ours in fallback.items()):
        return fallback
    places = {code: number for number, code in enumerate(found["codes"], start=1)}
    theirs = np.array([0, *(places.get(code, 0) for code in codes)])
    known = (theirs > 0)[:, None]
    return {name: np.where(known, found[name][theirs], ours) for name, ours in fallback.items()}
