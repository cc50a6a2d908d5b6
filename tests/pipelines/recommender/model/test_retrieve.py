"""The exported answers, against the score of every single item."""

import numpy as np
import pytest
import tensorflow as tf

from tests.pipelines.recommender.model.planted import LONGEST, Trained, options
from weighbridge.pipelines.recommender.model.export import retriever
from weighbridge.pipelines.recommender.model.popularity import popular_items

HISTORIES = [
    [b"10000", b"10003", b"10000", b"19999"],
    [b"10107"],
    [b"77777", b"10201", b"", b"10202"],  # one that nobody knows, and a gap
    [b"10301"] * 3,
]
AGES = [[1.0, 5.0, 40.0, 3.0], [10.0], [2.0, 3.0, np.nan, 80.0], [0.0, 7.0, 300.0]]
COUNTRIES = [b"Here", b"There", b"Atlantis", b""]


@pytest.fixture(scope="module")
def served(trained):
    return trained.served()


def padded(rows, fill, width=0):
    width = max(width, *map(len, rows))
    return [row + [fill] * (width - len(row)) for row in rows]


def customers(histories=HISTORIES, ages=AGES, countries=COUNTRIES, fill=np.nan, width=0):
    return {
        "history": tf.constant(padded(histories, b"", width), tf.string),
        "ages": tf.constant(padded(ages, fill, width), tf.float32),
        "country": tf.constant(countries, tf.string),
    }


def recommend(served, k, name="recommend", **given):
    found = served[name](**customers(**given), k=tf.constant(k))
    return found["items"].numpy(), found["scores"].numpy()


def scores_of_all(served, trained: Trained, **given):
    """`score` of each customer for each item, [customers, items]."""
    rows, items = customers(**given), trained.catalogue.items
    count, size = len(rows["country"]), len(items)
    pairs = {name: tf.repeat(column, size, axis=0) for name, column in rows.items()}
    found = served["score"](
        **pairs,
        item=tf.constant(list(items) * count),
        description=tf.constant([b"what it is called is known"] * size * count),
        price=tf.fill([size * count], np.nan),
    )
    return found["score"].numpy().reshape(count, size)


def test_recommend_gives_the_best_of_all_scores_best_first(served, trained):
    items, scores = recommend(served, 7)
    every = scores_of_all(served, trained)
    best = np.argsort(-every, axis=1)[:, :7]
    assert items.tolist() == trained.catalogue.items[best].tolist()
    np.testing.assert_allclose(scores, np.take_along_axis(every, best, axis=1), rtol=1e-4, atol=1e-5)


def test_the_whole_catalogue_comes_once_each_and_no_more_than_it(served, trained):
    size = len(trained.catalogue.items)
    for name in ("recommend", "recommend_exact", "serving_default"):
        items, scores = recommend(served, size + 50, name)
        assert items.shape == scores.shape == (len(HISTORIES), size)
        for row in items:
            assert sorted(row) == trained.catalogue.items.tolist()
    np.testing.assert_allclose(np.sort(-scores), np.sort(-scores_of_all(served, trained)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("fill", "width"), [(np.nan, 9), (0.0, 9), (123.0, LONGEST + 30)])
def test_what_fills_up_a_row_is_no_purchase(served, fill, width):
    plain, scores = recommend(served, 10)
    filled, others = recommend(served, 10, fill=fill, width=width)
    assert filled.tolist() == plain.tolist()
    np.testing.assert_allclose(others, scores, rtol=1e-4, atol=1e-5)


def test_only_the_newest_purchases_are_looked_at(served):
    newest = [[b"10000"] * LONGEST]
    ages = [[float(age) for age in range(LONGEST)]]
    plain, _ = recommend(served, 10, histories=newest, ages=ages, countries=[b"Here"])
    older = [newest[0] + [b"10300"] * 40]
    longer, _ = recommend(served, 10, histories=older, ages=[ages[0] + [99.0] * 40], countries=[b"Here"])
    assert longer.tolist() == plain.tolist()


def test_a_customer_gets_own_theme_first(served):
    """The pattern that was planted: items of the theme that was bought from."""
    items, _ = recommend(served, 8, histories=[[b"10000"], [b"10300"]], ages=[[5.0], [5.0]], countries=[b"Here"] * 2)
    for theme, row in zip((b"100", b"103"), items, strict=True):
        assert sum(code.startswith(theme) for code in row) >= 6, row


@pytest.mark.parametrize("history", [[], [b""], [b"77777", b"88888"]])
def test_whoever_is_not_known_gets_what_is_popular_in_the_country(served, trained, history):
    places, scores = popular_items(trained.catalogue, 1000)
    codes = trained.catalogue.items
    rows = [history] * 3
    items, found = recommend(
        served, 6, histories=rows, ages=[[1.0] * len(history)] * 3, countries=[b"Here", b"There", b"Atlantis"]
    )
    where = {name: row for row, name in enumerate(trained.catalogue.countries, start=1)}
    for row, country in enumerate([where[b"Here"], where[b"There"], 0]):
        assert items[row].tolist() == codes[places[country, :6]].tolist()
        np.testing.assert_allclose(found[row], scores[country, :6], rtol=1e-5)


def test_nobody_is_asked_about(served):
    items, scores = recommend(served, 5, histories=[[b"10000"]], ages=[[1.0]], countries=[b"Here"])
    empty = {name: column[:0] for name, column in customers().items()}
    found = served["recommend"](**empty, k=tf.constant(5))
    assert found["items"].shape == (0, 5)
    assert items.shape == scores.shape == (1, 5)


def score(served, item, description, price=3.0, history=(b"10000", b"10003"), country=b"Here"):
    found = served["score"](
        **customers([list(history)], [[4.0] * len(history)], [country]),
        item=tf.constant([item]),
        description=tf.constant([description]),
        price=tf.constant([price], tf.float32),
    )
    return float(found["score"][0])


def test_a_new_item_is_judged_by_its_words(served):
    """Customers of one theme: new things of this theme are scored above new things of the others."""
    themes = {b"10000": b"RED ROSE", b"10100": b"BLUE WHALE", b"10200": b"GREEN FROG", b"10300": b"GOLD STAR"}
    for bought, own in themes.items():
        scores = {
            text: score(served, b"NEW", text + b" MUG", history=[bought, bought[:-1] + b"2"])
            for text in themes.values()
        }
        assert max(scores, key=scores.get) == own, scores


def test_a_known_item_is_judged_by_what_is_known_not_by_what_is_said(served):
    assert score(served, b"10000", b"RED ROSE MUG") == score(served, b"10000", b"GOLD STAR", price=np.nan)


def test_scores_are_numbers_whatever_is_missing(served):
    assert np.isfinite(score(served, b"", b"", np.nan))
    assert np.isfinite(score(served, b"NEW", b"RED", np.nan, history=[]))
    assert np.isfinite(score(served, b"NEW", b"\xff\xfe", -1.0, country=b"\xff"))


@pytest.mark.parametrize("k", [1, 5, 40, 300])
def test_an_approximate_search_fills_every_list(untrained, k):
    """Cells hold few items each; a list that is longer than what they find is filled up with what is popular."""
    model, vocabulary, known = untrained
    approximate = retriever(model, vocabulary, known, options(index="approximate"), longest=LONGEST)
    approximate.search.probes = 1
    histories = [[known.items[7], known.items[9]], [known.items[0], b""]]
    rows = customers(histories, [[1.0, 2.0], [3.0, 0.0]], [b"Here", b"Nowhere"])
    found = approximate.recommend(**rows, k=tf.constant(k))
    for items, scores in zip(found["items"].numpy(), found["scores"].numpy(), strict=True):
        assert len(set(items)) == k
        assert set(items) <= set(known.items)
        assert (np.diff(scores) <= 0).all()
        assert scores.min() > -1e6
