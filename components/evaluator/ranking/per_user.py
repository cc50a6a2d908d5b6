"""Metrics that are means over users: what each user adds to them.

Every one is a quotient of two sums over users, so that a resample of users costs two weighted sums. With binary
relevance, of a user's recommendations down to the cutoff k:

- `recall`: the hits' share of the user's relevant items (Manning, Raghavan & Schütze, Introduction to Information
  Retrieval, 2008, ch. 8). Not capped: who has more than k relevant items cannot reach 1.
- `precision`: hits / k; a list shorter than k is not the more precise for it (the same).
- `hit_rate`: whether there is a hit (Deshpande & Karypis, ACM TOIS 22(1), 2004).
- `ndcg`: hits discounted by log2(rank + 1), divided by the most that is possible down to k (Järvelin & Kekäläinen,
  ACM TOIS 20(4), 2002).
- `mrr`: 1 / rank of the first hit, 0 without one (Voorhees, TREC-8, 1999).
- `novelty`: mean of -log2 p, where p is the share of users who had the item (Zhou et al., PNAS 107(10), 2010;
  Vargas & Castells, RecSys 2011); in bits. Over the users who are recommended something.
- `popularity_lift`: how much more popular, on average, the recommended items are than those the user had, where the
  popularity of an item is the share of users who had it: GAP(recommended) / GAP(profile) - 1 (Abdollahpouri et al.,
  The Unfairness of Popularity Bias in Recommendation, 2019). Over the users who had something and are recommended
  something; 0 is no bias.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from weighbridge.components.evaluator.aliases import Floats, Index
from weighbridge.components.evaluator.ranking.blocks import blocks
from weighbridge.components.evaluator.ranking.interactions import Interactions, Items
from weighbridge.components.evaluator.ranking.lists import without_repeats
from weighbridge.components.evaluator.ranking.names import Name

_UNLISTED = np.zeros(2)  # what NONE and UNKNOWN find at the end of a table of items


@dataclass(frozen=True)
class Background:
    """What was known before: how popular items are, and what each user's were.

    Attributes:
        popularity: share of the users who had each item, [items].
        information: -log2 of it, in bits; an item that nobody had counts as had by one user; [items].
        profile: mean popularity of each user's items, NaN for users without any; [users].
    """

    popularity: Floats
    information: Floats
    profile: Floats

    @classmethod
    def of(cls, past: Interactions, items: int, histories: Interactions | None = None) -> "Background":
        """From what users had.

        Args:
            past: of all users that popularity is counted from.
            items: size of the catalogue.
            histories: of the users to judge; by default they are those of `past`.

        Raises:
            ValueError: nobody had anything, or an item is not in the catalogue.
        """
        past.check_items(items, "the past")
        if not len(past.items):
            raise ValueError("nobody had anything in the past, so no item is more popular than another")
        own = past if histories is None else histories
        own.check_items(items, "the histories")
        having = np.bincount(past.distinct()[0].items, minlength=items)
        popularity = having / past.users
        distinct, _ = own.distinct()
        with np.errstate(invalid="ignore"):
            profile = np.bincount(distinct.rows, popularity[distinct.items], own.users) / distinct.counts
        return cls(popularity, -np.log2(np.maximum(having, 1) / past.users), profile)


@dataclass(frozen=True)
class Statistics:
    """What users add to the metrics.

    Attributes:
        columns: [users, columns].
        numerators: column of each metric's numerator, [metrics].
        denominators: of its denominator.
    """

    columns: Floats
    numerators: Index
    denominators: Index


@dataclass(frozen=True)
class _Block:
    """A block of users: their lists without repeats, their hits in the order of user and rank, and the rest."""

    lists: Items
    hit_user: Index
    hit_rank: Index
    relevant: Floats
    profile: Floats
    background: Background

    def gained(self, cutoff: int, gain: Floats | None = None) -> Floats:
        """Sum of the gains at the ranks of the hits, [users]; without gains the number of hits."""
        within = self.hit_rank < cutoff
        gains = None if gain is None else gain[self.hit_rank[within]]
        return np.bincount(self.hit_user[within], gains, len(self.lists)).astype(np.float64)

    def mean(self, table: Floats, cutoff: int) -> Floats:
        """Mean over the recommended items of what a table [items] has on them, [users]; 0 where there are none."""
        total = np.concatenate([table, _UNLISTED])[self.lists[:, :cutoff]].sum(axis=1)
        return total / np.maximum(self.listed(cutoff), 1)

    def listed(self, cutoff: int) -> Index:
        """How many items of the catalogue are recommended, [users]."""
        return (self.lists[:, :cutoff] >= 0).sum(axis=1)


def _ndcg(block: _Block, cutoff: int) -> Floats:
    ranks = max(block.lists.shape[1], cutoff)
    discounts = 1 / np.log2(np.arange(ranks) + 2)
    possible = np.cumsum(discounts)[np.minimum(block.relevant, cutoff).astype(np.intp) - 1]
    return block.gained(cutoff, discounts) / possible


def _mrr(block: _Block, cutoff: int) -> Floats:
    rank = np.full(len(block.lists), np.inf)
    rank[block.hit_user[::-1]] = block.hit_rank[::-1] + 1.0  # of several the last assigned stays: the first hit
    return np.where(rank <= cutoff, 1 / rank, 0.0)


def _novelty(block: _Block, cutoff: int) -> tuple[Floats, Floats]:
    return block.mean(block.background.information, cutoff), (block.listed(cutoff) > 0).astype(np.float64)


def _popularity_lift(block: _Block, cutoff: int) -> tuple[Floats, Floats]:
    counted = (block.listed(cutoff) > 0) & np.isfinite(block.profile)
    recommended = block.mean(block.background.popularity, cutoff)
    return np.where(counted, recommended, 0.0), np.where(counted, block.profile, 0.0)


# Each gives the numerator and, unless it is the number of users, the denominator.
_COMPUTE: dict[str, Callable[[_Block, int], Floats | tuple[Floats, Floats]]] = {
    "recall": lambda block, cutoff: block.gained(cutoff) / block.relevant,
    "precision": lambda block, cutoff: block.gained(cutoff) / cutoff,
    "hit_rate": lambda block, cutoff: (block.gained(cutoff) > 0).astype(np.float64),
    "ndcg": _ndcg,
    "mrr": _mrr,
    "novelty": _novelty,
    "popularity_lift": _popularity_lift,
}
SHIFTS = {"popularity_lift": -1.0}  # added to the quotient


def statistics(
    lists: Items, truth: Interactions, names: Sequence[Name], background: Background, users: Index
) -> Statistics:
    """What each of some users adds to each metric.

    Args:
        lists: of all users [all users, ranks], checked.
        truth: every user's relevant items, each once; those that the catalogue lacks count as never found.
        names: the metrics; coverage is not among them.
        background: of all users.
        users: those wanted; each has a relevant item.
    """
    parts: list[Floats] = []
    numerators, denominators = np.zeros(len(names), np.intp), np.zeros(len(names), np.intp)
    for piece in blocks(len(users), lists.shape[1]):
        block = _block(lists, truth, background, users[piece])
        columns = [np.ones(len(block.lists))]
        for number, name in enumerate(names):
            found = _COMPUTE[name.metric](block, name.cutoff or lists.shape[1])
            numerator, denominator = found if isinstance(found, tuple) else (found, None)
            numerators[number] = len(columns)
            columns.append(numerator)
            if denominator is not None:
                denominators[number] = len(columns)
                columns.append(denominator)
        parts.append(np.stack(columns, axis=1))
    return Statistics(np.concatenate(parts), numerators, denominators)


def _block(lists: Items, truth: Interactions, background: Background, users: Index) -> _Block:
    listed, relevant = without_repeats(lists[users]), truth.take(users)
    user, width = relevant.rows, listed.shape[1]
    hits = []
    for entries in blocks(len(user), width):  # some users have very many
        found = listed[user[entries]] == relevant.items[entries, None]
        at, rank = np.nonzero(found)
        hits.append(user[entries][at] * width + rank)
    hit_user, hit_rank = np.divmod(np.sort(np.concatenate(hits)), width)
    counts = relevant.counts.astype(np.float64)
    return _Block(listed, hit_user, hit_rank, counts, background.profile[users], background)
