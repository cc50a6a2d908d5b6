"""Item-to-item recommendations: what goes with the items that a user had."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from weighbridge.components.evaluator.aliases import Index
from weighbridge.components.evaluator.ranking.interactions import Interactions, Items
from weighbridge.components.evaluator.ranking.lists import NONE, fill_up

_BLOCK = 1024  # rows of a sparse product
_CELLS = 1 << 22


def item_to_item(
    past: Interactions,
    histories: Interactions,
    popular: Items,
    items: int,
    ranks: int,
    *,
    neighbours: int = 100,
    include_self: bool = False,
) -> Items:
    """Items whose users are those of the user's items, [users, ranks]; filled up with what is popular.

    Items are similar by the cosine of their columns in the matrix of who had what (Sarwar, Karypis, Konstan & Riedl,
    WWW 2001); an item scores the sum of its similarities to the user's items, each of which lends a score to its
    nearest neighbours only (Deshpande & Karypis, ACM TOIS 22(1), 2004).

    Args:
        past: what similarities are counted from.
        histories: of the users to recommend to.
        popular: from the most popular down, for equals and for filling up; see `baselines.popular_items`.
        items: number of items in the catalogue.
        ranks: how many items to recommend to each user.
        neighbours: number of the most similar items that are kept of each item.
        include_self: whether an item is a neighbour of its own, with similarity 1: what users had is then
            recommended again.

    Raises:
        ValueError: an item is not in the catalogue, or a number is below 1.
    """
    past.check_items(items, "the past")
    histories.check_items(items, "the histories")
    if min(items, ranks, neighbours) < 1:
        raise ValueError("items, ranks and neighbours must be at least 1")
    # Columns in the order of popularity: of equals the first is the more popular.
    rest = np.setdiff1d(np.arange(items), popular)
    order = np.concatenate([popular, rest]).astype(np.int32)
    nearest = _nearest(past.matrix(items)[:, order], neighbours, include_self)
    own = histories.matrix(items)[:, order]
    lists = np.full((histories.users, ranks), NONE, np.int32)
    for begin in range(0, histories.users, _BLOCK):
        scores = own[begin : begin + _BLOCK] @ nearest
        for rows, best, _ in _top(scores, ranks):
            lists[begin + rows, : best.shape[1]] = np.where(best >= 0, order[best], NONE)
    return fill_up(lists, popular, ranks)


def _nearest(matrix: Any, neighbours: int, include_self: bool) -> Any:
    """Each item's nearest items with their cosines, CSR float32 [items, items]."""
    from scipy import sparse

    items = matrix.shape[1]
    norms = np.sqrt(np.asarray(matrix.sum(axis=0)).ravel())
    scaled = (matrix @ sparse.diags(1 / np.maximum(norms, 1))).tocsr().astype(np.float32)
    columns = scaled.T.tocsr()
    found, near, cosines = [], [], []
    for begin in range(0, items, _BLOCK):
        similar = (columns[begin : begin + _BLOCK] @ scaled).tocoo()
        kept = similar.row + begin != similar.col
        similar = sparse.csr_matrix((similar.data[kept], (similar.row[kept], similar.col[kept])), shape=similar.shape)
        for rows, best, scores in _top(similar, neighbours - include_self):
            at, place = np.nonzero(best >= 0)
            found.append(begin + rows[at])
            near.append(best[at, place])
            cosines.append(scores[at, place])
    if include_self:
        had = np.flatnonzero(norms)
        found.append(had)
        near.append(had)
        cosines.append(np.ones(len(had), np.float32))
    entries = (np.concatenate(cosines), (np.concatenate(found), np.concatenate(near)))
    return sparse.csr_matrix(entries, shape=(items, items))


def _top(scores: Any, ranks: int) -> Iterator[tuple[Index, Index, npt.NDArray[np.float32]]]:
    """The columns with the highest scores in each row, the first of equals.

    Args:
        scores: CSR float32, no entry below 0.
        ranks: most columns to return of a row.

    Yields:
        Some rows; their best columns, -1 where there are no more; and their scores: [rows, up to `ranks`].
    """
    columns = scores.shape[1]
    lengths = np.diff(scores.indptr)
    # The bits of a float that is not negative, read as a whole number, are in the order of the floats. With the column
    # below them, a row's entries are sorted as plain numbers, and each says where it was.
    keys = (scores.data.view(np.int32).astype(np.int64) << 32) | (columns - 1 - scores.indices)
    by_length = np.argsort(lengths, kind="stable")
    begin = 0
    while begin < len(by_length):
        # Rows are padded to the longest beside them; a single very long one makes a block of its own.
        widths = lengths[by_length[begin:]]
        fits = int(np.searchsorted(widths * np.arange(1, len(widths) + 1), _CELLS, "right"))
        rows = by_length[begin : begin + max(fits, 1)]
        begin += len(rows)
        width = max(int(lengths[rows[-1]]), 1)
        at = np.arange(width)
        inside = at < lengths[rows, None]
        padded = np.full(inside.shape, -1, np.int64)
        padded[inside] = keys[(scores.indptr[rows, None] + at)[inside]]
        if width > ranks:
            padded = np.partition(padded, width - max(ranks, 1), axis=1)[:, width - ranks :]
        best = np.sort(padded, axis=1)[:, ::-1]
        there = best >= 0
        values = np.where(there, best >> 32, 0).astype(np.int32).view(np.float32)
        yield rows, np.where(there, columns - 1 - (best & 0xFFFFFFFF), -1), values
