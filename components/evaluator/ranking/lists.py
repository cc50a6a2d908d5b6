"""Recommendations: each user's items in the order of their ranks."""

from typing import Any

import numpy as np
import numpy.typing as npt

from weighbridge.components.evaluator.ranking.blocks import blocks
from weighbridge.components.evaluator.ranking.interactions import Items
from weighbridge.components.evaluator.unmeasurable import Unmeasurable

NONE = -1  # no recommendation at this rank
UNKNOWN = -2  # something that is not in the catalogue


def check_lists(lists: npt.NDArray[Any], users: int, items: int, model: str) -> Items:
    """What a model recommends, as int32 [users, ranks].

    Args:
        lists: item numbers, `NONE` or `UNKNOWN`; the best first.
        users: how many there must be.
        items: size of the catalogue.
        model: name of the model, for the message.

    Raises:
        Unmeasurable: these are no lists of items in the catalogue, or not one for each user.
    """
    lists = np.asarray(lists)
    if lists.ndim != 2 or len(lists) != users or not lists.shape[1]:
        shape = " x ".join(map(str, lists.shape))
        wanted = f"{users:,} lists were asked for, one for each user, of at least one rank."
        raise Unmeasurable("recommendations", "complete", f"Model {model} recommends {shape} items: {wanted}")
    if lists.dtype.kind not in "iu":
        numbers = f"Model {model} recommends {lists.dtype}: the numbers of items are whole."
        raise Unmeasurable("recommendations", "numbered", numbers)
    least, most = int(lists.min(initial=0)), int(lists.max(initial=0))
    if least < UNKNOWN or most >= items:
        odd = least if least < UNKNOWN else most
        allowed = f"from 0 to {items - 1}, {NONE} for none and {UNKNOWN} for one that is not in the catalogue."
        raise Unmeasurable("recommendations", "known", f"Model {model} recommends item {odd}: allowed are {allowed}")
    return lists.astype(np.int32, copy=False)


def without_repeats(lists: Items) -> Items:
    """Every item at its best rank; where it comes again stands `NONE`."""
    order = np.argsort(lists, axis=1, kind="stable")
    ranked = np.take_along_axis(lists, order, axis=1)
    rows, at = np.nonzero((ranked[:, 1:] == ranked[:, :-1]) & (ranked[:, 1:] >= 0))
    if not len(rows):
        return lists
    lists = lists.copy()
    lists[rows, order[rows, at + 1]] = NONE
    return lists


def fill_up(lists: Items, popular: Items, ranks: int) -> Items:
    """Lists of `ranks` ranks without gaps and repeats, filled up with what is popular.

    Args:
        lists: [users, any].
        popular: what follows them: the same for all users [any], or each user's own [users, any].
        ranks: of the result; `NONE` stands where even the popular items are at an end.
    """
    width = max(ranks, 1)
    popular = np.broadcast_to(popular[..., :width], (len(lists), min(width, popular.shape[-1])))
    result = np.full((len(lists), ranks), NONE, np.int32)
    for block in blocks(len(lists), lists.shape[1] + width):
        both = without_repeats(np.concatenate([lists[block], popular[block]], axis=1))
        closed = np.take_along_axis(both, np.argsort(both < 0, axis=1, kind="stable"), axis=1)[:, :ranks]
        result[block, : closed.shape[1]] = np.maximum(closed, NONE)
    return result
