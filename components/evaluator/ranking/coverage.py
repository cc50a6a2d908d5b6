"""Which part of the catalogue is recommended at all: a property of all lists together."""

import numpy as np
import numpy.typing as npt

from weighbridge.components.evaluator.aliases import Floats, Index
from weighbridge.components.evaluator.jackknife import Replicated
from weighbridge.components.evaluator.ranking.groups import Groups
from weighbridge.components.evaluator.ranking.interactions import Items


def exposure(lists: Items, items: int, users: Index | None = None) -> npt.NDArray[np.int64]:
    """How many users each item is recommended to, [items]; an item counts once in a list without repeats.

    Args:
        lists: [users, ranks], checked and without repeats, cut to the ranks that count.
        items: number of items in the catalogue.
        users: index of the users whose lists count; by default all.
    """
    chosen = lists if users is None else lists[users]
    return np.bincount(chosen[chosen >= 0], minlength=items)


def coverage(lists: Items, items: int, users: Index | None = None) -> float:
    """Share of the catalogue that is recommended to anyone (Ge, Delgado-Battenfeld & Jannach, RecSys 2010)."""
    return float((exposure(lists, items, users) > 0).mean())


def coverage_by_cutoff(lists: Items, items: int) -> Floats:
    """Coverage of the first 1, 2, … recommendations, [ranks]."""
    ranks = lists.shape[1]
    first = np.full(items, ranks)
    for rank in reversed(range(ranks)):  # the best rank is assigned last
        first[lists[lists[:, rank] >= 0, rank]] = rank
    return np.cumsum(np.bincount(first, minlength=ranks + 1)[:ranks]) / items


def concentration(lists: Items, items: int, points: int = 101) -> tuple[Floats, Floats]:
    """The share of recommendations that goes to the most recommended items: a Lorenz curve from the rich end.

    Returns:
        Share of the catalogue from 0 to 1 [points], and the share of all recommendations that the most recommended
        items up to there get [points]; the diagonal is equal attention for all. NaN where nothing is recommended.
    """
    counts = np.sort(exposure(lists, items))[::-1]
    shares = np.concatenate([[0.0], np.cumsum(counts)])
    with np.errstate(invalid="ignore"):
        shares = shares / shares[-1]
    at = np.linspace(0, 1, points)
    return at, np.interp(at, np.linspace(0, 1, items + 1), shares)


def coverage_without(lists: Items, items: int, users: Index, groups: Groups) -> Replicated:
    """Coverage, and coverage without each group of users: it lacks the items that nobody else is recommended.

    So coverage varies as the number of species does that samples find (Heltshe & Forrester, Biometrics 39, 1983).

    Args:
        lists: [all users, ranks], checked and without repeats, cut to the ranks that count.
        items: number of items in the catalogue.
        users: index in `lists` of the users that `groups` numbers.
        groups: of the users whose lists count.

    Returns:
        The value and [groups].
    """
    chosen = lists[users[groups.users]]
    listed, group = chosen[chosen >= 0], np.repeat(groups.each, (chosen >= 0).sum(axis=1))
    first, last = np.full(items, -1), np.full(items, -1)
    last[listed] = group  # of several the last assigned stays
    first[listed[::-1]] = group[::-1]
    found = int((last >= 0).sum())
    alone = np.bincount(last[(last >= 0) & (first == last)], minlength=len(groups.bounds) - 1)
    return found / items, (found - alone) / items
