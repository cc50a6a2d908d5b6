"""Whom the models recommend to, and what these customers then bought."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from weighbridge.components.artifacts.examples import read_batches
from weighbridge.components.evaluator import arrays
from weighbridge.components.evaluator.ranking.interactions import Interactions
from weighbridge.components.evaluator.ranking.lists import UNKNOWN
from weighbridge.components.evaluator.unmeasurable import Unmeasurable

Names = npt.NDArray[np.object_]


@dataclass(frozen=True)
class Audience:
    """The customers of a split.

    Attributes:
        batches: their rows in TFX's Arrow form.
        histories: what they had before, as numbers of the catalogue, with ages in days.
        truth: what they then bought; items that the catalogue lacks are numbered past its end.
        columns: by name, value of each customer, [customers].
    """

    batches: list[pa.RecordBatch]
    histories: Interactions
    truth: Interactions
    columns: dict[str, Names]

    @property
    def size(self) -> int:
        """How many customers there are."""
        return self.truth.users


def read_audience(examples: str, split: str, items: Names, features: Iterable[str], batch_rows: int) -> Audience:
    """Read the customers of a split.

    Args:
        examples: folder of the histories.
        split: its split.
        items: codes of the catalogue, [items], sorted.
        features: columns to keep for slicing.
        batch_rows: customers in a batch.

    Raises:
        Unmeasurable: there is nobody, or a column is missing.
    """
    batches = [batch for batch in read_batches(examples, split, batch_rows=batch_rows) if batch.num_rows]
    if not batches:
        raise Unmeasurable("rows", "present", f"Split {split!r} has no customers to recommend to.")
    kept = dict.fromkeys(["customer", "country", *features])
    return Audience(
        batches=batches,
        histories=_interactions(batches, "history", items, known_only=True),
        truth=_interactions(batches, "items", items, known_only=False),
        columns={name: np.concatenate([arrays.slice_values(batch, name) for batch in batches]) for name in kept},
    )


def numbers_of(codes: Names, items: Names) -> npt.NDArray[np.int64]:
    """Places of codes among the sorted `items`, `UNKNOWN` for those that are not there; of the same shape."""
    if not len(items):
        return np.full(codes.shape, UNKNOWN)
    places = np.minimum(np.searchsorted(items, codes), len(items) - 1)
    return np.where(items[places] == codes, places, UNKNOWN)


def _interactions(batches: list[pa.RecordBatch], name: str, items: Names, *, known_only: bool) -> Interactions:
    counts = np.concatenate([arrays.lengths(batch.column(name)) for batch in batches])
    users = np.repeat(np.arange(len(counts)), counts)
    codes = np.concatenate([arrays.values(batch.column(name)) for batch in batches]).astype(object)
    numbers: npt.NDArray[Any] = numbers_of(codes, items)
    ages = None
    if known_only:
        known = numbers >= 0
        ages = np.concatenate([arrays.values(batch.column("ages")) for batch in batches])[known]
        users, numbers = users[known], numbers[known]
    else:
        new = numbers < 0
        _, number = np.unique(codes[new], return_inverse=True)
        numbers[new] = len(items) + number
    return Interactions.from_pairs(users, numbers, len(counts), ages)
