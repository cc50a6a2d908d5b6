"""Where vectors start: co-purchases, or those of the model in production."""

import numpy as np
import pytest
import tensorflow as tf

from weighbridge.pipelines.recommender.model.warm_start import co_purchase_vectors, production_vectors, word_vectors

SIZE = 6


@pytest.fixture(scope="module")
def bought():
    """Numbers of up to five items of 40 customers; nobody buys the last item."""
    rng = np.random.default_rng(2)
    return np.where(rng.random((40, 5)) < 0.7, rng.integers(1, SIZE, (40, 5)), 0)


def cosines(bought):
    who = np.zeros((len(bought), SIZE + 1))
    for row, items in enumerate(bought):
        who[row, items] = 1
    who[:, 0] = 0
    lengths = np.sqrt(who.sum(axis=0))
    return who.T @ who / np.maximum(np.outer(lengths, lengths), 1)


def test_dot_products_are_the_cosines_of_who_bought(bought):
    vectors = co_purchase_vectors([bought], SIZE, SIZE, seed=1)
    np.testing.assert_allclose(vectors @ vectors.T, cosines(bought), atol=1e-5)
    assert not vectors[[0, SIZE]].any()  # to the last bit, with any number of threads


def test_narrow_vectors_come_as_close_as_any_can(bought):
    wanted = cosines(bought)
    vectors = co_purchase_vectors([bought], SIZE, 2, seed=1)
    strengths = np.sort(np.linalg.eigvalsh(wanted))[::-1]
    error = np.linalg.norm(vectors @ vectors.T - wanted)
    assert error == pytest.approx(np.linalg.norm(strengths[2:]), rel=1e-4)


def test_batches_and_repeated_runs_change_nothing(bought):
    whole = co_purchase_vectors([bought], SIZE, 3, seed=1)
    parts = co_purchase_vectors([bought[:7], bought[7:7], bought[7:]], SIZE, 3, seed=1)
    np.testing.assert_array_equal(whole, parts)
    np.testing.assert_array_equal(whole, co_purchase_vectors(iter([bought]), SIZE, 3, seed=1))


@pytest.mark.parametrize("rows", [[], [np.zeros((0, 3), int)], [np.zeros((4, 3), int)], [np.array([[1, 2]])]])
def test_too_few_purchases_give_vectors_all_the_same(rows):
    vectors = co_purchase_vectors(rows, SIZE, 4, seed=1)
    assert vectors.shape == (SIZE + 1, 4)
    assert np.isfinite(vectors).all()


def test_vectors_are_as_wide_as_asked_even_if_there_is_less_to_say(bought):
    vectors = co_purchase_vectors([bought], SIZE, 50, seed=1)
    assert vectors.shape == (SIZE + 1, 50)
    np.testing.assert_allclose(vectors @ vectors.T, cosines(bought), atol=1e-5)


def test_a_word_begins_where_the_items_lie_that_it_describes():
    vectors = np.array([[9, 9], [1, 0], [0, 1], [0, 3]], np.float32)
    words = np.array([[0, 0], [2, 0], [2, 3], [0, 0]])
    found = word_vectors(vectors, words, 5)
    np.testing.assert_allclose(found, [[0, 0], [0, 0], [2 / 3, 1 / 3], [0, 1], [0, 0]])
    assert found.dtype == np.float32


def test_items_that_production_knows_keep_their_vectors(trained):
    theirs = {name: value.numpy() for name, value in trained.served()["vectors"]().items()}
    width = theirs["numbers"].shape[1]
    codes = np.array([b"NEW", trained.catalogue.items[3], b"NEWER", trained.catalogue.items[0]], object)
    ours = {name: np.full((5, width), 7, np.float32) for name in ("numbers", "history")}
    found = production_vectors(trained.fn_args.serving_model_dir, codes, ours)
    for name in ours:
        np.testing.assert_array_equal(found[name][[2, 4]], theirs[name][[4, 1]])
        assert (found[name][[0, 1, 3]] == 7).all()


def test_vectors_of_another_width_are_of_no_use(trained):
    ours = {name: np.ones((3, 5), np.float32) for name in ("numbers", "history")}
    codes = trained.catalogue.items[:2]
    assert production_vectors(trained.fn_args.serving_model_dir, codes, ours) is ours


def test_a_model_without_vectors_to_give_is_of_no_use(tmp_path):
    class Other(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None])])
        def __call__(self, x):
            return {"y": x}

    tf.saved_model.save(Other(), str(tmp_path))
    ours = {"numbers": np.ones((2, 5), np.float32)}
    assert production_vectors(str(tmp_path), np.array([b"a"], object), ours) is ours
