"""What each kind of drift does to a block of orders. Lines from before the drift stay as they are."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from weighbridge.datasets.shop import draws, seasons
from weighbridge.datasets.shop.baskets import Invoices
from weighbridge.datasets.shop.draws import Bools, Ints
from weighbridge.datasets.shop.lines import Lines
from weighbridge.datasets.shop.options import ShopOptions
from weighbridge.datasets.shop.words import COUNTRIES, CURRENCIES, NEW_COUNTRY

_WEEK = timedelta(days=7)
_PRICE_FACTOR = 3.0
_NEGATIVE, _SPELLED, _RECODED = 0.05, 0.03, 0.3
_COUNTRIES = [*COUNTRIES, NEW_COUNTRY]


@dataclass(frozen=True)
class Drift:
    """The kinds of drift of one stream.

    Attributes:
        kinds: which, of `kinds.KINDS`.
        begin: first day.
        seed: the stream's.
    """

    kinds: frozenset[str]
    begin: date
    seed: int

    @classmethod
    def of(cls, options: ShopOptions) -> "Drift":
        """The drift that a stream's options ask for."""
        return cls(frozenset(options.drift), options.drift_begin, options.seed)

    def closed(self) -> tuple[date, date] | None:
        """Days on which no orders come in: first, and the one after the last."""
        return (self.begin, self.begin + _WEEK) if "empty-week" in self.kinds else None

    def change_orders(self, invoices: Invoices, random: np.random.Generator) -> None:
        """Change who orders, and from where."""
        after = self._after(invoices.time)
        whose = random.random(len(after))
        if "one-customer" in self.kinds:
            taken = after & ~invoices.anonymous & (whose < 0.5)
            invoices.customer[taken] = 0
            invoices.country[taken] = 0
        if "countries" in self.kinds:
            # By customer: who has moved stays there.
            moved = draws.hashed(self.seed, "countries", invoices.customer)
            invoices.country[after & (moved < 0.45)] = _COUNTRIES.index("Germany")
            invoices.country[after & (moved < 0.25)] = _COUNTRIES.index(NEW_COUNTRY)

    def change_items(self, item: Ints, invoices: Invoices, items: int, random: np.random.Generator) -> Ints:
        """Change what is bought.

        Args:
            item: each line's item, [lines].
            invoices: the lines' invoices, after `change_orders`.
            items: number of items.
            random: draws for this block alone.
        """
        after = self._after(invoices.time)[invoices.line]
        any_ = (random.random(len(item)) * items).astype(np.int64)
        if "one-customer" in self.kinds:
            item = np.where(after & (invoices.customer == 0)[invoices.line], any_, item)
        if "tastes" in self.kinds:
            item = np.where(after, draws.generator(self.seed, "tastes").permutation(items)[item], item)
        return item

    def change_lines(self, lines: Lines, items: int, recoded: int, random: np.random.Generator) -> None:
        """Change codes, prices and quantities.

        Args:
            lines: what to change.
            items: number of items; their codes come first, their successors' next.
            recoded: how many places further the codes of another format are.
            random: draws for this block alone.
        """
        after = self._after(lines.time)
        negative, spelled = random.random(len(lines)) < _NEGATIVE, random.random(len(lines)) < _SPELLED
        product = lines.code < items
        if "new-items" in self.kinds:
            named = (lines.description >= 0) & (lines.description < items)
            lines.code[after & product] += items
            lines.description[after & named] += items
        if "codes" in self.kinds:
            changed = draws.hashed(self.seed, "codes", lines.code) < _RECODED
            lines.code[after & product & changed] += recoded
        if "prices" in self.kinds:
            lines.price[after] = np.round(lines.price[after] * _PRICE_FACTOR, 2)
        if "negative-prices" in self.kinds:
            lines.price[after & negative] *= -1
        if "mixed-currencies" in self.kinds:
            lines.currency[after] = _currency_of_country()[lines.country[after]]
            factors = np.array([factor for _, factor in CURRENCIES])[lines.currency]
            lines.price = np.round(lines.price * factors, 2)
        if "text-quantity" in self.kinds:
            lines.spelled |= after & spelled

    def order(self, lines: Lines, random: np.random.Generator) -> Lines:
        """Put the lines in the order, and the number, in which they are exported."""
        shuffled = random.permutation(len(lines))
        if "unordered" not in self.kinds:
            return lines
        places = np.arange(len(lines))
        after = self._after(lines.time)
        places[after] = shuffled[after[shuffled]]
        return lines.take(places)

    def _after(self, times: Ints) -> Bools:
        return times >= seasons.seconds(self.begin)


def _currency_of_country() -> Ints:
    """Place in `CURRENCIES` of each country's."""
    dollars = dict.fromkeys(("Australia", "Japan", "USA", NEW_COUNTRY), 2)
    kroner = dict.fromkeys(("Sweden", "Norway", "Denmark"), 3)
    return np.array([0, *((dollars | kroner).get(country, 1) for country in _COUNTRIES[1:])])
