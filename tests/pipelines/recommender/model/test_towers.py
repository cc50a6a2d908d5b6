"""Vectors of customers and items, and what is known without them."""

import numpy as np
import pytest
import tensorflow as tf

from weighbridge.pipelines.recommender.model.towers import HALF_LIVES, Affinity, CustomerTower, ItemTower, decays

DIM = 6


@pytest.fixture(scope="module")
def item_tower():
    tower = ItemTower(items=5, words=9, dim=DIM)
    tower(tf.constant([1]), tf.constant([[1, 2]]), tf.constant([1.0]))
    tower.content.kernel.assign(tf.random.stateless_normal([DIM, DIM], [1, 2]))
    return tower


@pytest.fixture(scope="module")
def customer_tower():
    tower = CustomerTower(items=5, countries=2, dim=DIM, dropout=0.5)
    tower(tf.constant([[1]]), tf.constant([[1.0]]), tf.constant([1]))
    tower.adjust.kernel.assign(tf.random.stateless_normal(tower.adjust.kernel.shape, [1, 2]))
    return tower


def test_an_item_begins_at_its_number_or_where_that_is_not_known_at_its_words(item_tower):
    words, prices = tf.constant([[3, 4], [3, 4], [5, 0]]), tf.constant([2.0, 2.0, 2.0])
    found = item_tower(tf.constant([0, 2, 0]), words, prices).numpy()
    assert found.shape == (3, DIM)
    text = item_tower.words.embeddings.numpy()[[3, 4]].mean(axis=0)
    np.testing.assert_allclose(found[1] - found[0], item_tower.numbers.embeddings[2] - text, rtol=1e-4, atol=1e-6)
    assert np.abs(found[0] - found[2]).max() > 1e-3


def test_an_item_without_text_and_price_is_finite(item_tower):
    assert np.isfinite(item_tower(tf.constant([0]), tf.constant([[0, 0]]), tf.constant([-3.0])).numpy()).all()


def test_numbers_are_hidden_in_training_alone():
    tower = ItemTower(items=1, words=3, dim=DIM, cold=0.5)
    same = tf.ones([200], tf.int32), tf.ones([200, 1], tf.int32), tf.ones([200])
    tower(*same)
    tower.words.embeddings.assign(tf.zeros([3, DIM]))
    hidden = (np.abs(tower(*same, training=True).numpy()).max(axis=1) == 0).mean()
    assert 0.3 < hidden < 0.7
    assert (np.abs(tower(*same).numpy()).max(axis=1) > 0).all()


def test_padding_is_no_purchase(customer_tower):
    plain = customer_tower(tf.constant([[2, 3]]), tf.constant([[1.0, 40.0]]), tf.constant([1]))
    padded = customer_tower(tf.constant([[2, 3, 0, 0]]), tf.constant([[1.0, 40.0, 0.0, 9.0]]), tf.constant([1]))
    assert plain.shape == (1, DIM)
    np.testing.assert_allclose(plain, padded, rtol=1e-5)


def test_order_does_not_matter_but_ages_and_countries_do(customer_tower):
    def of(history, ages, country=1):
        return customer_tower(tf.constant([history]), tf.constant([ages]), tf.constant([country])).numpy()

    plain = of([2, 3], [1.0, 40.0])
    np.testing.assert_allclose(of([3, 2], [40.0, 1.0]), plain, rtol=1e-4, atol=1e-6)
    assert np.abs(of([2, 3], [40.0, 1.0]) - plain).max() > 1e-3
    assert np.abs(of([2, 3], [1.0, 40.0], 2) - plain).max() > 1e-6


@pytest.mark.parametrize("ages", [[[]], [[0.0]], [[np.inf]], [[1e30]]])
def test_whoever_bought_nothing_or_long_ago_has_a_vector(customer_tower, ages):
    history = tf.zeros([1, len(ages[0])], tf.int32) if ages != [[np.inf]] else tf.constant([[3]])
    assert np.isfinite(customer_tower(history, tf.constant(ages, tf.float32), tf.constant([0])).numpy()).all()


def test_a_purchase_counts_half_after_its_half_life():
    ages = tf.constant([0.0, *HALF_LIVES, -5.0])
    found = decays(ages).numpy()
    assert (found[0] == 1).all()
    assert (found[-1] == 1).all()  # what lies ahead counts as now
    assert [found[place + 1, place] for place in range(len(HALF_LIVES))] == pytest.approx([0.5] * len(HALF_LIVES))


def test_affinity_grows_with_purchases_and_with_how_new_they_are():
    affinity = Affinity()
    one, two, old, none = affinity.of_sums(
        tf.reduce_sum(
            affinity.weights_of(
                tf.constant([[3, 0], [3, 3], [3, 0], [0, 0]]), tf.constant([[1.0, 0], [1, 1], [300, 0], [0, 0]])
            ),
            axis=1,
        )
    ).numpy()
    assert two > one > old > none
    assert none == pytest.approx(0, abs=1e-6)
    trend = affinity.of_trend(tf.constant([0, 1, 50])).numpy()
    assert trend[0] == 0
    assert (np.diff(trend) > 0).all()
