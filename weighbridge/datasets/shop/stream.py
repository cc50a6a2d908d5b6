"""The stream as a whole: the shop that options describe, and its lines, block by block."""

import itertools
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from weighbridge.datasets.shop import seasons
from weighbridge.datasets.shop.catalogue import Demand, make_catalogue
from weighbridge.datasets.shop.customers import make_customers
from weighbridge.datasets.shop.draws import Ints
from weighbridge.datasets.shop.drift import Drift
from weighbridge.datasets.shop.options import ShopOptions
from weighbridge.datasets.shop.orders import Shop, make_lines
from weighbridge.datasets.shop.texts import Texts

BLOCK_ROWS = 131_072
"""Lines that are made at a time. It is part of what a seed means: another number gives another stream."""

_FIRST_INVOICE = 489_434


class Stream:
    """A shop's order lines. Nothing depends on how many of them are taken at a time.

    Args:
        options: what to make.

    Raises:
        UsageError: there are too many items.
    """

    def __init__(self, options: ShopOptions) -> None:
        self.options = options
        begin, end = seasons.seconds(options.start), seasons.seconds(options.end)
        weeks = seasons.weeks(np.array([begin, end - 1]))
        catalogue = make_catalogue(options.item_count, options.seed, int(weeks[0]), int(weeks[1]))
        drift = Drift.of(options)
        calendar = seasons.Calendar(options.start, options.end, options.seed, drift.closed())
        customers = make_customers(options.customer_count, options.seed, catalogue.tastes, begin, end)
        self._shop = Shop(options.seed, options.basket, catalogue, Demand(catalogue), customers, calendar, drift)
        self._texts = Texts(catalogue, drift.kinds)

    @property
    def schema(self) -> pa.Schema:
        """The columns and their types."""
        return self._texts.schema

    def batches(self) -> Iterator[pa.RecordBatch]:
        """All lines, exactly as many as wanted, in batches of at most `BLOCK_ROWS`."""
        invoice = _FIRST_INVOICE
        total, single = self._distinct()
        begins = [*range(0, single, BLOCK_ROWS), *range(single, total, BLOCK_ROWS // 2), total]
        for number, (begin, end) in enumerate(itertools.pairwise(begins)):
            lines, invoices = make_lines(self._shop, number, (begin, end, total), invoice)
            invoice += invoices
            yield self._texts.batch(lines if begin < single else lines.take(_twice(len(lines))))

    def _distinct(self) -> tuple[int, int]:
        """How many lines to make, and after how many of them each is exported twice."""
        rows = self.options.rows
        if "duplicates" not in self._shop.drift.kinds:
            return rows, rows
        last = 1 - self._shop.calendar.share(seasons.seconds(self.options.end) - seasons.WEEK)
        doubled = round(rows * last / (1 + last))
        return rows - doubled, rows - 2 * doubled


def _twice(rows: int) -> Ints:
    return np.repeat(np.arange(rows), 2)
