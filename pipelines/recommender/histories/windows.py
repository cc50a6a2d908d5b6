"""Rows to learn from and to be judged on: what a customer bought before a moment, and what within a window after it.

Training and evaluation rows are made by the same function, so that what is known at the moment of the request is the
same for both: the history ends strictly before the moment, the targets lie in the window, and of the rest only the
country that the customer orders from is looked at, which a request tells. No tfx.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from weighbridge.pipelines.recommender.histories.lines import Purchases

DAY = 86_400_000_000  # microseconds
ACTIVITY = ((0, "new"), (1, "1 order"), (4, "2-4 orders"), (9, "5-9 orders"))
"""Bands of customers by the number of their earlier orders, each with its largest number; beyond: `MOST_ACTIVE`."""
MOST_ACTIVE = "10+ orders"
MARKET = 30
"""Customers of a window that make their country a market of its own."""
OTHERS = b"other countries"


@dataclass(frozen=True)
class Window:
    """A moment of request and the purchases after it that are to be foretold.

    Attributes:
        at: moment of the request, microseconds; the history ends strictly before it.
        until: end of the targets, exclusive, microseconds.
        period: number of the moment: counts training moments from the oldest, the evaluation's is the last.
    """

    at: int
    until: int
    period: int


def training_windows(first: int, end: int, days: int, step_days: int) -> list[Window]:
    """Windows of `days` days whose targets end at `end` or earlier, oldest first.

    Args:
        first: time of the first purchase; the oldest window begins at least `days` days after it.
        end: where evaluation begins: no target lies there or later.
        days: length of a window.
        step_days: days between the moments.
    """
    moments = []
    at = end - days * DAY
    while at >= first + days * DAY:
        moments.append(at)
        at -= step_days * DAY
    return [Window(at, at + days * DAY, period) for period, at in enumerate(reversed(moments))]


def rows_of(purchases: Purchases, window: Window, longest: int) -> pa.RecordBatch:
    """One row per customer that buys within the window.

    Args:
        purchases: all purchases; only those before `window.until` are looked at.
        window: see `Window`.
        longest: most purchases of a history; older ones are left out.

    Returns:
        Columns: `customer`, `country`, `market` (a country with enough customers, or `OTHERS`), `activity` (one of
        `ACTIVITY`), `returning` (`new` or `returning`): binary;
        `at` and `period`: int64; `history`: item codes, newest first, and `ages`: days before `at` as float32, lists
        of the same lengths; `items`: the distinct items bought within the window, sorted.
    """
    p = purchases
    inside = np.flatnonzero((p.time >= window.at) & (p.time < window.until))
    customers, first_inside = np.unique(p.customer[inside], return_index=True)
    # Sorted by customer and time: the history of each is the run of lines that ends where the window begins.
    starts = np.searchsorted(p.customer, customers)
    ends = starts + _counts(p.customer[p.before(window.at)], customers)
    lengths = np.minimum(ends - starts, longest)
    newest_first = np.repeat(ends - 1, lengths) - _positions(lengths)
    ages = (window.at - p.time[newest_first]) / DAY
    buyer, bought = distinct_pairs(p.customer[inside], p.item[inside])
    orders = _orders_before(p, window.at, customers)
    countries = np.append(p.countries, b"")  # -1, no country, is the last
    country = countries[p.country[inside][first_inside]]
    return pa.RecordBatch.from_pydict(
        {
            "customer": pa.array(p.customers[customers], pa.binary()),
            "country": pa.array(country, pa.binary()),
            "market": pa.array(_markets(country), pa.binary()),
            "activity": pa.array(_activity(orders), pa.binary()),
            "returning": pa.array(np.where(orders > 0, b"returning", b"new").astype(object), pa.binary()),
            "at": pa.array(np.full(len(customers), window.at), pa.int64()),
            "period": pa.array(np.full(len(customers), window.period), pa.int64()),
            "history": _lists(pa.array(p.items[p.item[newest_first]], pa.binary()), lengths),
            "ages": _lists(pa.array(ages, pa.float32()), lengths),
            "items": _lists(pa.array(p.items[bought], pa.binary()), _counts(buyer, customers)),
        }
    )


def all_rows(purchases: Purchases, windows: list[Window], longest: int) -> Iterator[pa.RecordBatch]:
    """The rows of several windows, a batch for each that has any."""
    for window in windows:
        batch = rows_of(purchases, window, longest)
        if batch.num_rows:
            yield batch


def _counts(values: npt.NDArray[np.int64], keys: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """How often each of the sorted `keys` occurs in the sorted `values`."""
    return np.searchsorted(values, keys, side="right") - np.searchsorted(values, keys, side="left")


def _positions(lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """0, 1, … within each of consecutive runs of these lengths."""
    return np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)


def _orders_before(purchases: Purchases, moment: int, customers: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Number of invoices of each customer before a moment, [customers]."""
    before = purchases.before(moment)
    customer, _ = distinct_pairs(purchases.customer[before], purchases.invoice[before])
    return _counts(customer, customers)


def distinct_pairs(
    first: npt.NDArray[np.int64], second: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The distinct pairs of two arrays of numbers from 0 on, sorted by the first, then by the second."""
    stride = int(second.max(initial=0)) + 1
    pairs = np.unique(first * stride + second)
    return pairs // stride, pairs % stride


def _markets(country: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
    """Countries with at least `MARKET` customers by their names, the others together: a few cannot be judged."""
    _, number, counts = np.unique(country, return_inverse=True, return_counts=True)
    return np.where(counts[number] >= MARKET, country, OTHERS)


def _activity(orders: npt.NDArray[np.int64]) -> npt.NDArray[np.object_]:
    names = np.array([*(name.encode() for _, name in ACTIVITY), MOST_ACTIVE.encode()], object)
    return names[np.searchsorted([largest for largest, _ in ACTIVITY], orders)]


def _lists(values: pa.Array, lengths: npt.NDArray[np.int64]) -> pa.Array:
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), values)
