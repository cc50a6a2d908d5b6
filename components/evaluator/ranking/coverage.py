"""Which part of the catalogue is recommended at all: a property of all lists together."""

import numpy as np
import numpy.typing as npt

from weighbridge.components.evaluator.aliases import Floats, Index
from weighbridge.components.evaluator.ranking.interactions import Items

RESAMPLES = 200
_RARE = 16  # users; an item recommended to more is missing in one of 10 million resamples


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


def presence(users: int, seed: int) -> npt.NDArray[np.uint8]:
    """Whether each user is drawn at least once in each resample of a Poisson bootstrap, [users, RESAMPLES]."""
    drawn = 1 - np.exp(-1.0)
    rng = np.random.default_rng(seed)
    result = np.empty((users, RESAMPLES), np.uint8)
    for begin in range(0, users, 10_000):  # random numbers take eight times the memory
        part = result[begin : begin + 10_000]
        part[:] = rng.random(part.shape) < drawn
    return result


def resampled_coverage(lists: Items, items: int, users: Index, present: npt.NDArray[np.uint8]) -> tuple[float, Floats]:
    """Coverage, and coverage of resamples of the users.

    A resample leaves out a third of the users and so counts fewer items than the sample, however many users there
    are. What it tells is how much the count varies: the resamples are moved so that their mean is the value.
    Items that more than 16 users get are taken for always there, which spares nearly all of the work.

    Args:
        lists: [all users, ranks], checked and without repeats, cut to the ranks that count.
        items: number of items in the catalogue.
        users: index of the users whose lists count.
        present: which of them each resample draws, [at least as many, resamples].

    Returns:
        The value and [resamples].
    """
    from scipy import sparse

    chosen = lists[users]
    counts = np.bincount(chosen[chosen >= 0], minlength=items)
    rare = (counts > 0) & (counts <= _RARE)
    number = np.concatenate([np.where(rare, np.cumsum(rare) - 1, -1), [-1, -1]])[chosen]
    user, rank = np.nonzero(number >= 0)
    entries = (np.ones(len(user), np.uint8), (number[user, rank], user))
    incidence = sparse.csr_matrix(entries, shape=(int(rare.sum()), len(users)))
    there = (incidence @ present[: len(users)]) > 0  # at most 16 each: uint8 holds it
    value = float((counts > 0).mean())
    found = there.sum(axis=0) / items
    return value, value + found - found.mean()
