"""The approximate index: what it finds of what comparing with every item finds."""

import sys

import numpy as np
import pytest
import tensorflow as tf

from tests.pipelines.recommender.model.planted import LONGEST, options
from weighbridge.common.errors import UsageError
from weighbridge.pipelines.recommender.model.export import retriever
from weighbridge.pipelines.recommender.model.index import Approximate
from weighbridge.pipelines.recommender.model.retrieve import Exact


def clustered(items: int, dim: int = 16, seed: int = 0) -> np.ndarray:
    """Vectors around a hundred centres, as items of one taste are."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((100, dim))
    return (centres[rng.integers(0, 100, items)] + 0.4 * rng.standard_normal((items, dim))).astype(np.float32)


@pytest.fixture(scope="module")
def vectors():
    return tf.Variable(clustered(6000), trainable=False)


@pytest.fixture(scope="module")
def queries():
    return tf.constant(clustered(50, seed=0)[:50] + np.float32(0.1))


def recall(found, wanted) -> float:
    pairs = zip(found.numpy(), wanted.numpy(), strict=True)
    return float(np.mean([len(set(one) & set(other)) / len(other) for one, other in pairs]))


def test_with_the_probes_that_are_usual_hardly_anything_is_lost_and_with_one_much(vectors, queries):
    wanted, products = Exact(vectors)(queries, tf.constant(20))
    usual = Approximate(vectors)
    found, theirs = usual(queries, tf.constant(20))
    single, _ = Approximate(vectors, probes=1)(queries, tf.constant(20))
    assert recall(found, wanted) > 0.95
    assert recall(single, wanted) < recall(found, wanted) - 0.2
    assert (theirs.numpy() <= products.numpy() + 1e-4).all()


def test_with_all_probes_nothing_is_lost(vectors, queries):
    wanted, products = Exact(vectors)(queries, tf.constant(50))
    found, theirs = Approximate(vectors, probes=10**6)(queries, tf.constant(50))
    np.testing.assert_allclose(theirs, products, rtol=1e-4)
    assert recall(found, wanted) > 0.999


def test_every_item_is_in_one_cell_and_cells_are_of_one_width(vectors):
    cells = Approximate(vectors).cells.numpy()
    assert sorted(cells[cells >= 0]) == list(range(len(vectors.numpy())))
    assert cells.shape[1] <= np.sqrt(len(vectors.numpy()))


def test_what_the_cells_do_not_hold_has_no_place(vectors, queries):
    index = Approximate(vectors, probes=1)
    found, products = index(queries, tf.constant(500))
    assert found.shape == products.shape == (50, 500)
    for places, values in zip(found.numpy(), products.numpy(), strict=True):
        real = places[places >= 0]
        assert 0 < len(real) == len(set(real)) <= index.cells.shape[1]
        assert (places[len(real) :] == -1).all()
        assert values[len(real) :].max() < values[: len(real)].min()


@pytest.mark.parametrize("items", [1, 2, 7])
def test_a_handful_of_items_is_no_error(items, queries):
    few = tf.Variable(clustered(items), trainable=False)
    found, _ = Approximate(few)(queries, tf.constant(items))
    assert (np.sort(found.numpy(), axis=1) == np.arange(items)).all()


def test_a_seed_gives_one_index(vectors):
    one, same = Approximate(vectors, seed=1), Approximate(vectors, seed=1)
    np.testing.assert_array_equal(one.cells.numpy(), same.cells.numpy())
    np.testing.assert_array_equal(one.centroids.numpy(), same.centroids.numpy())


def test_without_faiss_it_says_what_to_install_or_to_set(vectors, monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(UsageError, match="needs faiss") as caught:
        Approximate(vectors)
    assert "index=exact" in caught.value.hint


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"index": "exact", "exact_items": 1}, Exact),
        ({"index": "approximate"}, Approximate),
        ({"index": "auto"}, Exact),
        ({"index": "auto", "exact_items": 5}, Approximate),
    ],
)
def test_the_size_of_the_catalogue_decides_unless_it_is_told(untrained, changes, kind):
    model, vocabulary, known = untrained
    assert type(retriever(model, vocabulary, known, options(**changes), longest=LONGEST).search) is kind
