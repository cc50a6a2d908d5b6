"""Order lines: what each basket holds, how much of it, at what price, with the dirt of a real export."""

from dataclasses import dataclass

import numpy as np

from weighbridge.datasets.shop import draws
from weighbridge.datasets.shop.baskets import Invoices, lay_out, lines_taken_back
from weighbridge.datasets.shop.catalogue import TASTES, Catalogue, Demand
from weighbridge.datasets.shop.customers import Customers
from weighbridge.datasets.shop.draws import Floats, Ints
from weighbridge.datasets.shop.drift import Drift
from weighbridge.datasets.shop.lines import Lines
from weighbridge.datasets.shop.seasons import Calendar
from weighbridge.datasets.shop.words import NOTES, PACKS, POINTS, SPECIALS

# A customer's regular items, a prime: an invoice walks through some of them, each once.
_REGULARS = 41
_REGULAR = 0.55  # share of lines that are one of them, where the season has it
_FOCUS = 0.6  # share of the other lines that are of the invoice's one taste
_ATTEMPTS = 4  # at another item, where one is on the invoice already
_TWICE = 0.012  # share of lines that are in the export twice
_FREE = 0.003
_POSTAGE_ABROAD = 0.45
_NO_PRODUCT = 0.0025
_UNNAMED = 0.7  # share of write-offs without any description


@dataclass(frozen=True)
class Shop:
    """All that orders are drawn from.

    Attributes:
        seed: the stream's.
        basket: median of the lines of an order.
        catalogue: the items.
        demand: who buys which.
        customers: who buys.
        calendar: when.
        drift: what changes.
    """

    seed: int
    basket: float
    catalogue: Catalogue
    demand: Demand
    customers: Customers
    calendar: Calendar
    drift: Drift


def make_lines(shop: Shop, number: int, place: tuple[int, int, int], first_invoice: int) -> tuple[Lines, int]:
    """Make one block of lines, in the order of time.

    As many numbers are drawn whatever the drift, so that the lines before it are the same.

    Args:
        shop: what to draw from.
        number: the block's.
        place: the block's first line, the line after its last, and the lines of the whole stream.
        first_invoice: number of the block's first invoice.

    Returns:
        The lines, and how many invoices they have.
    """
    random = draws.generator(shop.seed, "orders", number)
    changes = draws.generator(shop.seed, "drift", number)
    invoices = lay_out(random, shop.calendar, shop.customers, (shop.basket, shop.catalogue.items // 4 + 1), place)
    shop.drift.change_orders(invoices, changes)
    back, taken = lines_taken_back(invoices, random.random(len(invoices.size)))
    cancels = invoices.source >= 0
    invoices.customer[cancels] = invoices.customer[invoices.source[cancels]]
    invoices.country[cancels] = invoices.country[invoices.source[cancels]]

    item = _items(shop, invoices, random)
    item = shop.drift.change_items(item, invoices, shop.catalogue.items, changes)
    quantity, price = _amounts(shop, invoices, item, random)
    line = invoices.line
    lines = Lines(
        invoice=line + first_invoice,
        cancellation=cancels[line],
        code=item,
        description=item.copy(),
        quantity=quantity,
        time=invoices.time[line],
        price=price,
        customer=np.where(invoices.anonymous, -1, invoices.customer)[line],
        country=invoices.country[line],
        currency=np.zeros(len(line), np.int64),
        spelled=np.zeros(len(line), bool),
    )
    _no_products(lines, invoices, 2 * shop.catalogue.items, random)
    _write_offs(lines, invoices, 2 * shop.catalogue.items + len(SPECIALS), random)
    again = (random.random(len(line)) < _TWICE) & (invoices.position > 0)
    _copy(lines, np.maximum.accumulate(np.where(again, 0, np.arange(len(line)))), slice(None))
    _copy(lines, taken, back)
    lines.quantity[back] *= -1
    shop.drift.change_lines(lines, shop.catalogue.items, 2 * shop.catalogue.items + len(SPECIALS), changes)
    return shop.drift.order(lines, changes), len(invoices.size)


def _items(shop: Shop, invoices: Invoices, random: np.random.Generator) -> Ints:
    """Each line's item: one of the customer's regular ones, or one that suits the invoice's or the customer's taste."""
    line = invoices.line
    week = invoices.week[line]
    customer = invoices.customer[line]
    focus = shop.customers.taste(invoices.customer, random.random(len(invoices.size)))[line]
    taste = shop.customers.taste(customer, random.random(len(line)))
    taste = np.where(random.random(len(line)) < _FOCUS, focus, taste)
    item = _offered(shop.demand, week, taste, random.random(len(line)))

    steps = 1 + (random.random((2, len(invoices.size))) * (_REGULARS - 1)).astype(np.int64)
    slot = (steps[0][line] * invoices.position + steps[1][line]) % _REGULARS
    wanted = random.random(len(line)) < _REGULAR * (invoices.position < _REGULARS)
    places = np.flatnonzero(wanted & ~invoices.anonymous[line])
    who, slot = customer[places], slot[places]
    likes = shop.customers.taste(who, draws.hashed(shop.seed, "regular tastes", who, slot))
    regular = shop.demand.favourites(likes, draws.hashed(shop.seed, "regular items", who, slot))
    season = shop.catalogue.season_in(regular, week[places])
    bought = random.random(len(places)) < season
    item[places[bought]] = regular[bought]

    for attempt in range(_ATTEMPTS):
        repeated = _repeated(line, item, shop.catalogue.items)
        another = random.random((2, len(line)))[:, repeated]
        likes = (another[0] * TASTES).astype(np.int64) if attempt else taste[repeated]
        item[repeated] = _offered(shop.demand, week[repeated], likes, another[1])
    return item


def _offered(demand: Demand, week: Ints, taste: Ints, uniform: Floats) -> Ints:
    """Draw an item for each line, week by week; `week` is ascending."""
    item = np.empty(len(week), np.int64)
    numbers, begins = np.unique(week, return_index=True)
    for number, begin, end in zip(numbers.tolist(), begins, [*begins[1:], len(week)], strict=False):
        item[begin:end] = demand.offered(number, taste[begin:end], uniform[begin:end])
    return item


def _repeated(line: Ints, item: Ints, items: int) -> Ints:
    """Places of lines whose item is on an earlier line of the invoice, ascending."""
    key = line * items + item
    order = np.argsort(key, kind="stable")
    same = np.flatnonzero(np.diff(key[order]) == 0) + 1
    return np.sort(order[same])


def _amounts(shop: Shop, invoices: Invoices, item: Ints, random: np.random.Generator) -> tuple[Ints, Floats]:
    """Quantity and price of each line: cheap things go in packs; who buys much pays less, an unknown customer more."""
    line = invoices.line
    quarter = (invoices.week - shop.catalogue.begin) // 13
    point = shop.catalogue.points[item, quarter[line]]
    label = np.array(POINTS)
    anonymous = invoices.anonymous[line]
    amount = 1.95 - 0.55 * np.log(label[point]) + 1.0 * random.standard_normal(len(line))
    amount += np.where(anonymous, -0.8, shop.customers.bulk[invoices.customer[line]])
    packs = np.array(PACKS)
    quantity = packs[np.maximum(np.searchsorted(packs, np.exp(amount), side="right") - 1, 0)]
    point = np.clip(point + 2 * anonymous - (quantity >= 48), 0, len(label) - 1)
    price = label[point]
    price[random.random(len(line)) < _FREE] = 0.0
    return quantity, price


def _no_products(lines: Lines, invoices: Invoices, first: int, random: np.random.Generator) -> None:
    """Put postage at the end of invoices to other countries, and fees, discounts and the like here and there."""
    prices = np.array([price for _, price in SPECIALS.values()])
    which = np.full(len(lines), -1)
    chance = random.random(len(lines))
    others = chance < _NO_PRODUCT
    which[others] = 2 + (chance[others] / _NO_PRODUCT * (len(SPECIALS) - 2)).astype(np.int64)
    at_end = (invoices.position > 0) & (invoices.position == invoices.size[invoices.line] - 1)
    abroad = at_end & (lines.country != 0) & (random.random(len(lines)) < _POSTAGE_ABROAD)
    web_shop = at_end & invoices.anonymous[invoices.line] & (invoices.position > 40)
    which[abroad] = 0
    which[web_shop] = 1
    places = np.flatnonzero(which >= 0)
    chosen = which[places]
    lines.code[places] = lines.description[places] = first + chosen
    lines.quantity[places] = 1
    lines.price[places] = np.round(prices[chosen] * np.exp(0.4 * random.standard_normal(len(lines))[places]), 2)


def _write_offs(lines: Lines, invoices: Invoices, first_note: int, random: np.random.Generator) -> None:
    """Stock written off: no price, a quantity below zero, and a note or nothing for a description."""
    places = np.flatnonzero(invoices.written_off[invoices.line])
    chance = random.random(len(places))
    note = first_note + ((chance - _UNNAMED) / (1 - _UNNAMED) * len(NOTES)).astype(np.int64)
    lines.description[places] = np.where(chance < _UNNAMED, -1, note)
    lines.quantity[places] = -np.abs(lines.quantity[places]) * (1 + (random.random(len(places)) * 20).astype(np.int64))
    lines.price[places] = 0.0


def _copy(lines: Lines, sources: Ints, places: "Ints | slice") -> None:
    """Take what lines are about from other lines."""
    for name in ("code", "description", "quantity", "price"):
        column = getattr(lines, name)
        column[places] = column[sources]
