"""The shop's items: words, tastes, prices that change, and when each comes and goes."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from weighbridge.common.errors import UsageError
from weighbridge.datasets.shop import draws, seasons
from weighbridge.datasets.shop.draws import Floats, Ints
from weighbridge.datasets.shop.words import ARTICLES, COLOURS, FORMS, NEW_FORMS, POINTS, SEASONS, THEMES

TASTES = 24
_DIMENSIONS = 8
_SHARPNESS = 2.0  # how much more a taste buys of what suits it
# Of the Zipf-Mandelbrot law, its offset as a share of the catalogue: Online Retail II's curve.
_EXPONENT, _OFFSET = 1.1, 0.04
_SHAPE = (len(THEMES), len(ARTICLES), len(COLOURS), len(FORMS))
MOST_ITEMS = int(np.prod(_SHAPE)) // 4
_FACTORS = np.array(list(SEASONS.values()))
_LETTERS = np.array(list("ABCDGLMNPSW"))


@dataclass(frozen=True)
class Catalogue:
    """What there is to buy.

    Attributes:
        codes: StockCode of each item, and behind them of its successor in a renewed catalogue, [2 × items].
        descriptions: likewise.
        affinity: how much each taste buys of each item all year round, shape [tastes, items].
        begin: first week of the stream, numbered as `seasons.weeks` does.
        season: each item's row in `words.SEASONS`, [items].
        first_week: the week an item comes in, [items].
        after_week: the week it is gone, [items].
        points: place of an item's price in `words.POINTS` by quarter of a year since `begin`, [items, quarters].
        tastes: taste vectors, [tastes, dimensions].
    """

    codes: list[str]
    descriptions: list[str]
    affinity: Floats
    begin: int
    season: Ints
    first_week: Ints
    after_week: Ints
    points: Ints
    tastes: Floats

    @property
    def items(self) -> int:
        """How many items there are, without their successors."""
        return len(self.season)

    def season_in(self, items: Ints, week: Ints) -> Floats:
        """How well each item sells in a week against the year's average, 0 if it is not in the catalogue then.

        Args:
            items: items, [n].
            week: numbered as `seasons.weeks` does, [n] or [1].
        """
        there = (self.first_week[items] <= week) & (week < self.after_week[items])
        return _FACTORS[self.season[items], seasons.month_of_week(week)] * there


def make_catalogue(items: int, seed: int, first_week: int, last_week: int) -> Catalogue:
    """Make up `items` items.

    An item's taste vector is that of its theme plus that of its kind of article, so that descriptions tell tastes.
    Popularity follows the Zipf-Mandelbrot law, (rank + q)^-a.

    Args:
        items: how many, at most `MOST_ITEMS`.
        seed: of the draws.
        first_week: first week of the stream, as `seasons.weeks` numbers it.
        last_week: last week of the stream.

    Raises:
        UsageError: so many items cannot be told apart by their words.
    """
    if not 1 <= items <= MOST_ITEMS:
        raise UsageError(f"--items {items} is not a valid number of items", f"Give 1 to {MOST_ITEMS:,}.")
    random = draws.generator(seed, "catalogue")
    theme, article, colour, form = _distinct_words(items, random)
    vectors = _normal(random, len(THEMES))[theme] + 0.7 * _normal(random, len(ARTICLES))[article]
    vectors += 0.3 * _normal(random, items)
    tastes = _normal(random, TASTES)
    tastes /= np.linalg.norm(tastes, axis=1, keepdims=True)
    popularity = (random.permutation(items) + 1 + _OFFSET * items) ** -_EXPONENT
    names = [list(words) for words in (THEMES, ARTICLES, COLOURS, FORMS, NEW_FORMS)]
    begun = [
        f"{names[2][c]} {names[0][t]} {names[1][a]}".strip() for t, a, c in zip(theme, article, colour, strict=True)
    ]
    seasonal = list(SEASONS)
    weeks = last_week - first_week + 1
    came = np.where(random.random(items) < 0.72, 0, (random.random(items) * weeks).astype(np.int64))
    went = np.where(random.random(items) < 0.9, weeks, came + (random.random(items) * 1.5 * weeks).astype(np.int64) + 4)
    came[popularity.argmax()] = 0  # there is always something to buy
    went[popularity.argmax()] = weeks
    return Catalogue(
        codes=_codes(2 * items, random),
        descriptions=[
            f"{names[which][number]} {rest}".strip()
            for which in (3, 4)
            for number, rest in zip(form, begun, strict=True)
        ],
        affinity=popularity * np.exp(_SHARPNESS * tastes @ vectors.T),
        begin=first_week,
        season=np.array([seasonal.index(season) for season in THEMES.values()])[theme],
        first_week=first_week + came,
        after_week=first_week + went,
        points=_prices(article, form, weeks // 13 + 1, random),
        tastes=tastes,
    )


class Demand:
    """Draws items by taste, all year round or as a week offers them."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._always = self._stacked(catalogue.affinity)
        self._weekly = lru_cache(maxsize=8)(self._of_week)

    def favourites(self, taste: Ints, uniform: Floats) -> Ints:
        """Items that a taste likes whatever the season: the same numbers, the same items."""
        return self._drawn(self._always, taste, uniform)

    def offered(self, week: int, taste: Ints, uniform: Floats) -> Ints:
        """Items that a taste buys in a week, of those that are there."""
        return self._drawn(self._weekly(week), taste, uniform)

    def _of_week(self, week: int) -> Floats:
        weights = self._catalogue.season_in(np.arange(self._catalogue.items), np.array([week]))
        return self._stacked(self._catalogue.affinity * weights)

    def _stacked(self, weights: Floats) -> Floats:
        """Each taste's running sums, one taste behind the other, so that one search serves lines of all tastes."""
        return (draws.cumulative(weights) + np.arange(TASTES)[:, None]).ravel()

    def _drawn(self, stacked: Floats, taste: Ints, uniform: Floats) -> Ints:
        # Just below 1, or taste + uniform could round up into the next taste.
        return draws.pick(stacked, taste + uniform * (1 - 2.0**-40)) - taste * self._catalogue.items


def _normal(random: np.random.Generator, rows: int) -> Floats:
    return random.standard_normal((rows, _DIMENSIONS))


def _distinct_words(items: int, random: np.random.Generator) -> tuple[Ints, ...]:
    """Theme, article, colour and form of each item; no two alike, the first forms and colours more often."""
    usual = np.zeros(_SHAPE)
    usual -= np.log(1 + np.arange(len(COLOURS)))[:, None] / 2 + np.log(1 + np.arange(len(FORMS)))
    # The Gumbel trick: the highest keys are a weighted sample without replacement.
    keys = usual.ravel() - np.log(-np.log(random.random(usual.size)))
    chosen = np.argpartition(keys, -items)[-items:]
    return np.unravel_index(random.permutation(np.sort(chosen)), _SHAPE)


def _codes(count: int, random: np.random.Generator) -> list[str]:
    """Five digits (more where these do not suffice), some with a letter behind them."""
    lowest = 10_000
    while 9 * lowest < count:
        lowest *= 10
    numbers = random.permutation(9 * lowest)[:count] + lowest
    letters = np.where(random.random(count) < 0.16, _LETTERS[(random.random(count) * len(_LETTERS)).astype(int)], "")
    return [f"{number}{letter}" for number, letter in zip(numbers.tolist(), letters.tolist(), strict=True)]


def _prices(article: Ints, form: Ints, quarters: int, random: np.random.Generator) -> Ints:
    """The article's price, dearer or cheaper by form and chance, and a step up or down in some quarters."""
    points = np.array(POINTS)
    usual = np.searchsorted(points, list(ARTICLES.values()))[article]
    usual = usual + np.array([0, 3, -2, 3, -3, 2, 0, 1, 1, 1])[form] + np.rint(1.5 * random.standard_normal(len(form)))
    steps = random.random((len(form), quarters))
    walk = np.cumsum((steps > 0.85).astype(np.int64) - (steps < 0.07), axis=1)
    return np.clip(usual[:, None].astype(np.int64) + walk, 0, len(points) - 1)
