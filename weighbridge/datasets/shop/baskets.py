"""Invoices: how many lines each has, who it is for and when, and which are cancellations or stock written off."""

from dataclasses import dataclass

import numpy as np

from weighbridge.datasets.shop import seasons
from weighbridge.datasets.shop.customers import Customers
from weighbridge.datasets.shop.draws import Bools, Floats, Ints

# Shares of invoices per line of a usual basket: as many lines are cancelled or written off whatever the baskets.
_CANCELLED, _WRITTEN_OFF = 0.0107, 0.0053
_MANY = 20.0
_ANONYMOUS = 0.12  # share of purchases that name no customer
_SPREAD = 1.0  # of a basket's lines, as the deviation of their logarithm
_MOST_LINES = 600


@dataclass
class Invoices:
    """The invoices of a block, each array [invoices]; `line` arrays are [lines].

    Attributes:
        size: number of lines.
        begin: place of the first line.
        time: seconds since 1970, ascending.
        customer: place among the customers.
        country: place in the table of countries.
        anonymous: the export does not name the customer.
        written_off: stock was written off: no sale.
        source: the earlier invoice that one takes lines back from; -1 for a purchase.
        line: each line's invoice.
        position: each line's place in its invoice.
    """

    size: Ints
    begin: Ints
    time: Ints
    customer: Ints
    country: Ints
    anonymous: Bools
    written_off: Bools
    source: Ints
    line: Ints
    position: Ints

    @property
    def week(self) -> Ints:
        """Number of each invoice's week."""
        return seasons.weeks(self.time)


def lay_out(
    random: np.random.Generator,
    calendar: seasons.Calendar,
    customers: Customers,
    sizes: tuple[float, int],
    place: tuple[int, int, int],
) -> Invoices:
    """Fill a block of lines with invoices; the last one is cut where the block ends.

    Args:
        random: draws for this block alone.
        calendar: when orders come in.
        customers: who places them.
        sizes: the median of the lines of a basket, and the most that one can have.
        place: the block's first line, the line after its last, and the lines of the whole stream.
    """
    first, last, total = place
    rows = last - first
    usual, largest = sizes
    rates = np.cumsum([_CANCELLED, _WRITTEN_OFF]) * min(usual, _MANY)
    what = random.random(rows)  # for as many invoices as there can be, each of a line or more
    what[0] = 1.0  # the first is a purchase
    cancelled, purchase = what < rates[0], what >= rates[1]
    written_off = ~cancelled & ~purchase
    anonymous = written_off | (purchase & (random.random(rows) < _ANONYMOUS))
    size = _sizes(random, anonymous, usual, largest)
    # A cancellation takes back a few neighbouring lines of an earlier purchase by a customer who is known.
    sources = np.flatnonzero(purchase & ~anonymous)
    earlier = np.cumsum(purchase & ~anonymous) - 1
    cancelled &= earlier >= 0
    source = np.full(rows, -1)
    chosen = (random.random(rows) * (earlier + 1)).astype(np.int64)
    source[cancelled] = sources[chosen[cancelled]]
    few = 1 + (-2.0 * np.log(1 - random.random(rows))).astype(np.int64)
    size[written_off] = 1
    size[cancelled] = np.minimum(few, size[source])[cancelled]

    end = np.cumsum(size)
    count = int(np.searchsorted(end, rows)) + 1
    size = size[:count]
    size[-1] -= end[count - 1] - rows
    begin = np.cumsum(size) - size
    time = calendar.times((first + begin + random.random(count) * size) / total)
    line = np.repeat(np.arange(count), size)
    customer = customers.ordering(time, random)
    return Invoices(
        size=size,
        begin=begin,
        time=time,
        customer=customer,
        country=np.where(anonymous[:count], 0, customers.country[customer]),
        anonymous=anonymous[:count],
        written_off=written_off[:count],
        source=source[:count],
        line=line,
        position=np.arange(rows) - begin[line],
    )


def lines_taken_back(invoices: Invoices, uniform: Floats) -> tuple[Ints, Ints]:
    """The lines of cancellations, and the earlier lines that they take back.

    Args:
        invoices: of a block.
        uniform: a number in [0, 1) per invoice: where in its source a cancellation begins.
    """
    lines = np.flatnonzero(invoices.source[invoices.line] >= 0)
    invoice = invoices.line[lines]
    source = invoices.source[invoice]
    room = invoices.size[source] - invoices.size[invoice] + 1
    begin = invoices.begin[source] + (uniform[invoice] * room).astype(np.int64)
    return lines, begin + invoices.position[lines]


def _sizes(random: np.random.Generator, anonymous: Bools, usual: float, largest: int) -> Ints:
    """Lines per basket: log-normal; without a customer's name, single lines or the very long ones of a web shop."""
    count = len(anonymous)
    median = np.where(anonymous, 3.5 * usual, usual)
    size = np.exp(np.log(median) + _SPREAD * random.standard_normal(count))
    size[anonymous & (random.random(count) < 0.5)] = 1
    return np.clip(np.rint(size), 1, min(largest, _MOST_LINES)).astype(np.int64)
