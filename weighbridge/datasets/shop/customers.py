"""The shop's customers: where they are, when they come, how much they buy, and what they like."""

from dataclasses import dataclass

import numpy as np

from weighbridge.datasets.shop import draws
from weighbridge.datasets.shop.catalogue import TASTES
from weighbridge.datasets.shop.draws import Floats, Ints
from weighbridge.datasets.shop.words import COUNTRIES

FIRST_NUMBER = 12_346
_MAIN, _SECOND = 0.72, 0.2  # shares of a customer's two tastes; the rest is of any taste
_OFTEN = 1.2  # spread of how often customers order, as the deviation of its logarithm


@dataclass(frozen=True)
class Customers:
    """Customers in the order in which they come.

    Attributes:
        arrival: seconds since 1970 from which each may order, ascending.
        activity: running sum of how often each orders.
        country: place in `words.COUNTRIES`.
        main: first taste.
        second: second taste.
        bulk: logarithm of how much more than usual of an item each buys.
    """

    arrival: Ints
    activity: Floats
    country: Ints
    main: Ints
    second: Ints
    bulk: Floats

    def ordering(self, times: Ints, random: np.random.Generator) -> Ints:
        """Who places the orders at `times`: one in eight is among the newest customers, the others by activity."""
        there = np.searchsorted(self.arrival, times, side="right")
        uniform = random.random(len(times))
        by_activity = draws.pick(self.activity, uniform * self.activity[there - 1])
        newest = np.maximum(there - 1 - (uniform * (1 + there // 30)).astype(np.int64), 0)
        return np.where(random.random(len(times)) < 0.125, newest, np.minimum(by_activity, there - 1))

    def taste(self, customers: Ints, uniform: Floats) -> Ints:
        """One of each customer's tastes: a customer is a mixture of tastes, as a document is of topics."""
        other = ((uniform - _MAIN - _SECOND) / (1 - _MAIN - _SECOND) * TASTES).astype(np.int64)
        other = np.clip(other, 0, TASTES - 1)
        second = np.where(uniform < _MAIN + _SECOND, self.second[customers], other)
        return np.where(uniform < _MAIN, self.main[customers], second)


def make_customers(count: int, seed: int, tastes: Floats, start: int, end: int) -> Customers:
    """Make up `count` customers. A country has a taste of its own, and its customers rather such as are close to it.

    Args:
        count: how many, at least 1.
        seed: of the draws.
        tastes: the catalogue's taste vectors, [tastes, dimensions].
        start: the stream's first second since 1970.
        end: its last.
    """
    random = draws.generator(seed, "customers")
    country = draws.pick(draws.cumulative(np.array(list(COUNTRIES.values()))), random.random(count))
    near = np.exp(2.0 * random.standard_normal((len(COUNTRIES), tastes.shape[1])) @ tastes.T)
    near[0] = 1.0  # at home there are all tastes
    by_country = (draws.cumulative(near) + np.arange(len(COUNTRIES))[:, None]).ravel()
    main, second = (draws.pick(by_country, country + random.random(count)) - country * TASTES for _ in range(2))
    arrival = start + (np.maximum(random.random(count) * 1.3 - 0.3, 0.0) ** 1.3 * (end - start)).astype(np.int64)
    arrival.sort()
    arrival[0] = start
    return Customers(
        arrival=arrival,
        activity=np.cumsum(np.exp(_OFTEN * random.standard_normal(count))),
        country=country,
        main=main,
        second=second,
        bulk=0.9 * random.standard_normal(count),
    )
