"""What is popular in each country: the answer for customers of whom nothing is known yet."""

import numpy as np
import numpy.typing as npt

from weighbridge.pipelines.recommender.histories.catalogue import Catalogue

_PRIOR = 50.0  # customers that everywhere's taste counts as, beside a country's own


def popular_items(catalogue: Catalogue, most: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """The most popular items of each country.

    The share of customers who buy an item, everywhere's recent share counting as `_PRIOR` customers of each country:
    small countries follow everybody, large ones themselves.

    Args:
        catalogue: with countries and recent purchases.
        most: how many items.

    Returns:
        Places of items and logarithms of their shares, both [countries + 1, most]; row 0 is everywhere.
    """
    recent = catalogue.recent[-1] + 1e-3 * (catalogue.customers + 1.0)
    everywhere = recent / recent.sum()
    own = np.concatenate([np.zeros((1, len(everywhere))), catalogue.by_country])
    shares = (own + _PRIOR * everywhere) / (own.sum(axis=1, keepdims=True) + _PRIOR)
    places = np.argsort(-shares, axis=1, kind="stable")[:, : min(most, len(everywhere))]
    return places.astype(np.int32), np.log(np.take_along_axis(shares, places, axis=1)).astype(np.float32)
