"""Recommendations that need no model. A model that does not beat the best of them is not worth serving."""

from importlib.util import find_spec

import numpy as np

from weighbridge.components.evaluator.ranking.als import als
from weighbridge.components.evaluator.ranking.baselines import (
    popular_items,
    popularity,
    popularity_by_group,
    popularity_scores,
    repeat,
)
from weighbridge.components.evaluator.ranking.interactions import Interactions, Items
from weighbridge.components.evaluator.ranking.neighbours import item_to_item
from weighbridge.pipelines.recommender.histories.past import Past
from weighbridge.pipelines.recommender.weigh.audience import Audience, Names, numbers_of

HALF_LIFE = 30.0  # days, after which a purchase counts half for what is popular


def baselines(past: Past, audience: Audience, items: int, ranks: int) -> dict[str, Items]:
    """What each baseline recommends to the audience, by its name; `als` only where its library is installed.

    Args:
        past: all purchases before the evaluation.
        audience: to recommend to.
        items: size of the catalogue.
        ranks: length of the lists.
    """
    before = Interactions.from_pairs(past.customer, past.item, len(past.customers), past.ages)
    histories = whole_histories(past, audience)
    popular = popular_items(popularity_scores(before, items, half_life=HALF_LIFE))
    countries, number = np.unique(past.countries, return_inverse=True)
    where = numbers_of(_names(audience, "country"), countries)
    found = {
        "popularity": popularity(before, audience.size, items, ranks, half_life=HALF_LIFE),
        "popularity_by_country": popularity_by_group(before, number, where, items, ranks, half_life=HALF_LIFE),
        "item_to_item": item_to_item(before, histories, popular, items, ranks),
        "item_to_item_and_own": item_to_item(before, histories, popular, items, ranks, include_self=True),
        "repeat": repeat(histories, popular, items, ranks),
    }
    if find_spec("implicit"):
        found["als"] = als(before, histories, popular, items, ranks)
    return found


def whole_histories(past: Past, audience: Audience) -> Interactions:
    """All that the audience bought before: a baseline is not cut off where a model's input is."""
    places = numbers_of(_names(audience, "customer"), past.customers)
    user = np.full(len(past.customers), -1)
    user[places[places >= 0]] = np.flatnonzero(places >= 0)
    rows = user[past.customer]
    theirs = rows >= 0
    return Interactions.from_pairs(rows[theirs], past.item[theirs], audience.size, past.ages[theirs])


def _names(audience: Audience, column: str) -> Names:
    """The values of a column of text as they stand in the files, [customers]."""
    return np.array([str(value).encode() for value in audience.columns[column]], object)
