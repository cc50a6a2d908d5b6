"""What customers are shown of whom nothing is known."""

import numpy as np

from tests.pipelines.recommender.model.planted import catalogue
from weighbridge.pipelines.recommender.model.popularity import popular_items


def test_everywhere_is_what_sells_now_and_a_large_country_goes_its_own_way():
    counts = np.array([[0, 0, 0, 400], [3, 0, 0, 0]])
    known = catalogue(
        recent=np.array([[0, 0, 0, 9], [10, 20, 30, 5]]),
        customers=np.array([500, 20, 30, 500]),
        countries=np.array([b"Large", b"Small"], object),
        by_country=counts,
    )
    places, scores = popular_items(known, 3)
    assert places.shape == scores.shape == (3, 3)
    assert places[0].tolist() == [2, 1, 0]
    assert places[1][0] == 3
    assert places[2][0] == 2  # three customers do not make a taste
    assert (np.diff(scores, axis=1) <= 0).all()
    assert (scores <= 0).all()


def test_there_are_no_more_than_there_are_and_old_items_decide_where_nothing_is_recent():
    places, scores = popular_items(catalogue(recent=np.zeros((2, 4), int)), 99)
    assert places.shape == (2, 4)
    assert places[0].tolist() == [3, 2, 1, 0]
    assert np.isfinite(scores).all()
