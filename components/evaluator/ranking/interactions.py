"""What each user had: the one form in which histories and truth come."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from weighbridge.components.evaluator.aliases import Floats, Index

Items = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Interactions:
    """Users' items as compressed sparse rows; an item may come several times.

    Attributes:
        indptr: where each user's entries begin, and where the last's end; [users + 1].
        items: number of the item, from 0; [entries].
        ages: how long ago each was, in a unit of the caller's, 0 being now; [entries], or None where nobody knows.

    Raises:
        ValueError: the arrays do not fit together, or hold negative numbers.
    """

    indptr: npt.NDArray[np.int64]
    items: Items
    ages: Floats | None = None

    def __post_init__(self) -> None:
        for name in ("indptr", "items"):
            array = getattr(self, name)
            if array.ndim != 1 or array.dtype.kind not in "iu":
                raise ValueError(f"{name} must be whole numbers in one dimension, not {array.dtype} {array.shape}")
        entries = len(self.items)
        if not len(self.indptr) or self.indptr[0] != 0 or self.indptr[-1] != entries or (self.counts < 0).any():
            raise ValueError(f"indptr must rise from 0 to {entries}, the number of entries")
        if entries and self.items.min() < 0:
            raise ValueError(f"items are numbered from 0, but there is {self.items.min()}")
        if self.ages is not None and (len(self.ages) != entries or not (self.ages >= 0).all()):
            raise ValueError(f"ages must be {entries} numbers from 0 upwards, one for each entry")

    @classmethod
    def from_pairs(
        cls, users: npt.NDArray[Any], items: npt.NDArray[Any], count: int, ages: npt.NDArray[Any] | None = None
    ) -> "Interactions":
        """From one (user, item) per event, in any order.

        Args:
            users: number of the user, from 0 to below `count`; [events].
            items: [events].
            count: of users, those without events too.
            ages: [events].
        """
        if len(users) != len(items) or (len(users) and not 0 <= users.min() <= users.max() < count):
            raise ValueError(f"every item needs a user from 0 to {count - 1}")
        order = np.argsort(users, kind="stable")
        indptr = np.zeros(count + 1, np.int64)
        np.cumsum(np.bincount(users, minlength=count), out=indptr[1:])
        taken = None if ages is None else np.asarray(ages, np.float64)[order]
        return cls(indptr, np.asarray(items)[order].astype(np.int32), taken)

    @property
    def users(self) -> int:
        """How many there are."""
        return len(self.indptr) - 1

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """Entries of each user, [users]."""
        return np.diff(self.indptr)

    @property
    def rows(self) -> Index:
        """The user of each entry, [entries]."""
        return np.repeat(np.arange(self.users), self.counts)

    def take(self, users: Index) -> "Interactions":
        """The entries of some users, in the order given."""
        counts = self.counts[users]
        indptr = np.concatenate([[0], np.cumsum(counts)])
        index = np.arange(indptr[-1]) + np.repeat(self.indptr[users] - indptr[:-1], counts)
        return Interactions(indptr, self.items[index], None if self.ages is None else self.ages[index])

    def distinct(self) -> tuple["Interactions", npt.NDArray[np.int64]]:
        """Every user's items once, by number, with the age of the latest event; and how often each came, [entries]."""
        stride = int(self.items.max(initial=0)) + 1
        keys = self.rows * stride + self.items
        order = np.argsort(keys, kind="stable") if self.ages is None else np.lexsort((self.ages, keys))
        pairs, first, events = np.unique(keys[order], return_index=True, return_counts=True)
        indptr = np.searchsorted(pairs, np.arange(self.users + 1) * stride)
        ages = None if self.ages is None else self.ages[order][first]
        return Interactions(indptr, (pairs % stride).astype(np.int32), ages), events

    def check_items(self, items: int, source: str) -> None:
        """Refuse items that the catalogue does not have.

        Args:
            items: size of the catalogue.
            source: what these interactions are, for the message.

        Raises:
            ValueError: an item's number is not below `items`.
        """
        if len(self.items) and self.items.max() >= items:
            raise ValueError(
                f"{source} has item {self.items.max()}, but the catalogue has items 0 to {items - 1}: "
                "leave out what is not in the catalogue"
            )

    def matrix(self, items: int) -> Any:
        """Who has what: a scipy CSR matrix of ones, float32 [users, items]."""
        from scipy import sparse

        distinct, _ = self.distinct()
        ones = np.ones(len(distinct.items), np.float32)
        return sparse.csr_matrix((ones, distinct.items, distinct.indptr), shape=(self.users, items))
