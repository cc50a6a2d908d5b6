"""Small users, items and lists."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st

from weighbridge.components.evaluator.ranking.interactions import Interactions
from weighbridge.components.evaluator.ranking.names import parse_name
from weighbridge.components.evaluator.ranking.per_user import Background
from weighbridge.components.evaluator.ranking.weigh import Measured, weigh


def interactions(users: Sequence[Sequence[int]], ages: Sequence[Sequence[float]] | None = None) -> Interactions:
    """From each user's items."""
    indptr = np.concatenate([[0], np.cumsum([len(own) for own in users])]).astype(np.int64)
    flat = np.array(list(itertools.chain.from_iterable(users)), np.int32)
    when = None if ages is None else np.array(list(itertools.chain.from_iterable(ages)), float)
    return Interactions(indptr, flat, when)


def measure(
    lists: Any, truth: Sequence[Sequence[int]], *names: str, past: Sequence[Sequence[int]] = (), items: int = 10
) -> dict[str, float]:
    """Values of metrics of one model on all users; without a past everybody had item 0."""
    own = list(past) or [[0]] * len(truth)
    rows = weigh(
        {"model": np.array(lists)},
        interactions(truth),
        Background.of(interactions(own), items),
        [parse_name(name, "a test") for name in names],
    )
    return {str(row.name): row.values["model"] for row in rows}


def one(rows: list[Measured], name: str, key: tuple[Any, ...] = ()) -> Measured:
    """The row of a metric and slice."""
    (found,) = [row for row in rows if str(row.name) == name and row.key == key]
    return found


ITEMS = 8


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[list[int]], list[list[int]], list[list[int]]]:
    """Lists with repeats, gaps and unknown items; truth with items that the catalogue lacks; a past."""
    users, ranks = draw(st.integers(1, 6)), draw(st.integers(1, 6))

    def each(least: int, most: int, **size: int) -> list[list[int]]:
        return draw(st.lists(st.lists(st.integers(least, most), **size), min_size=users, max_size=users))

    lists = each(-2, ITEMS - 1, min_size=ranks, max_size=ranks)
    truth = each(0, ITEMS + 2, max_size=6)
    past = each(0, ITEMS - 1, max_size=6)
    truth[0] = truth[0] or [1]
    past[0] = past[0] or [2]
    return lists, truth, past
