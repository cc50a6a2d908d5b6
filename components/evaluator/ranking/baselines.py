"""Recommendations that need no model: what a model has to beat.

All of them order equals by popularity, then by number; a user about whom too little is known gets what is popular.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from weighbridge.components.evaluator.aliases import Floats
from weighbridge.components.evaluator.ranking.interactions import Interactions, Items
from weighbridge.components.evaluator.ranking.lists import NONE, fill_up


def popularity_scores(
    past: Interactions, items: int, *, half_life: float | None = None, oldest: float | None = None
) -> Floats:
    """How many users had each item, [items]: a user counts once for an item, by the latest time.

    Args:
        past: interactions to count; with ages where `half_life` or `oldest` is given.
        items: number of items in the catalogue.
        half_life: age at which a user counts half; None counts all the same.
        oldest: age beyond which a user does not count.

    Raises:
        ValueError: there are no ages for what needs them, or an item is not in the catalogue.
    """
    past.check_items(items, "the past")
    latest, _ = past.distinct()
    counted = np.ones(len(latest.items))
    if half_life is not None or oldest is not None:
        if latest.ages is None:
            raise ValueError("half_life and oldest need interactions with ages")
        if half_life is not None and not half_life > 0:
            raise ValueError(f"half_life must be above 0, not {half_life}")
        if half_life is not None:
            counted = 0.5 ** (latest.ages / half_life)
        if oldest is not None:
            counted = np.where(latest.ages <= oldest, counted, 0.0)
    return np.bincount(latest.items, counted, items).astype(np.float64)


def popular_items(scores: Floats) -> Items:
    """Items with a score above 0, from the most popular down; the lower number first among equals."""
    order = np.lexsort((np.arange(len(scores)), -scores))
    return order[scores[order] > 0].astype(np.int32)


def popularity(
    past: Interactions,
    users: int,
    items: int,
    ranks: int,
    *,
    half_life: float | None = None,
    oldest: float | None = None,
) -> Items:
    """What most users had, the same for everybody, [users, ranks]; arguments as for `popularity_scores`."""
    popular = popular_items(popularity_scores(past, items, half_life=half_life, oldest=oldest))
    return fill_up(np.empty((1, 0), np.int32), popular, ranks).repeat(users, axis=0)


def popularity_by_group(
    past: Interactions,
    past_groups: npt.NDArray[Any],
    groups: npt.NDArray[Any],
    items: int,
    ranks: int,
    *,
    least: int = 50,
    half_life: float | None = None,
    oldest: float | None = None,
) -> Items:
    """What most users of the user's own group had, [users, ranks].

    Args:
        past: what popularity is counted from.
        past_groups: number of the group of each of its users, from 0; -1 for none; [past users].
        groups: the same of the users to recommend to, [users].
        items: number of items in the catalogue.
        ranks: how many items to recommend to each user.
        least: users of the past that a group needs; a smaller group gets what is popular overall.
        half_life: as for `popularity_scores`.
        oldest: as for `popularity_scores`.

    Raises:
        ValueError: there is not one group for each user of the past.
    """
    if len(past_groups) != past.users:
        raise ValueError(f"there are {past.users} users in the past, but groups for {len(past_groups)}")
    overall = popularity_scores(past, items, half_life=half_life, oldest=oldest)
    popular = popular_items(overall)
    nothing = np.empty((1, 0), np.int32)
    lists = np.repeat(fill_up(nothing, popular, ranks), len(groups), axis=0)
    for group in np.unique(groups[groups >= 0]):
        members = np.flatnonzero(past_groups == group)
        if len(members) < least:
            continue
        own = popularity_scores(past.take(members), items, half_life=half_life, oldest=oldest)
        order = np.lexsort((np.arange(items), -overall, -own))
        first = order[own[order] > 0][:ranks].astype(np.int32)
        lists[groups == group] = fill_up(first[None], popular, ranks)
    return lists


def repeat(histories: Interactions, popular: Items, items: int, ranks: int, *, latest_first: bool = False) -> Items:
    """What the user had before, most often first, then what is popular, [users, ranks].

    A strong baseline where people buy again (Anderson, Kumar, Tomkins & Vassilvitskii, WWW 2014).

    Args:
        histories: of the users to recommend to.
        popular: from the most popular down; see `popular_items`.
        items: number of items in the catalogue.
        ranks: how many items to recommend to each user.
        latest_first: order by time, then by how often; needs ages. Else by how often, then by time where it is known.

    Raises:
        ValueError: there are no ages for what needs them, or an item is not in the catalogue.
    """
    histories.check_items(items, "the histories")
    if latest_first and histories.ages is None:
        raise ValueError("latest_first needs interactions with ages")
    own, events = histories.distinct()
    place = np.full(items, items)
    place[popular] = np.arange(len(popular))
    ages = np.zeros(len(own.items)) if own.ages is None else own.ages
    keys = (-events, ages) if latest_first else (ages, -events)
    rows = own.rows
    order = np.lexsort((own.items, place[own.items], *keys, rows))
    rank = np.arange(len(rows)) - own.indptr[rows]
    lists = np.full((own.users, ranks), NONE, np.int32)
    within = rank < ranks
    lists[rows[within], rank[within]] = own.items[order][within]
    return fill_up(lists, popular, ranks)
