"""The loss against one that is computed by hand, and the facts that it looks at."""

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import logsumexp

from tests.pipelines.recommender.model.planted import catalogue, options
from weighbridge.pipelines.recommender.model import network
from weighbridge.pipelines.recommender.model.network import CatalogueData
from weighbridge.pipelines.recommender.model.towers import HALF_LIVES
from weighbridge.pipelines.recommender.model.vocabulary import Vocabulary

ITEMS = 7


@pytest.fixture(scope="module")
def facts():
    known = catalogue(ITEMS)
    return CatalogueData.of(known, Vocabulary(known))


@pytest.fixture(scope="module")
def model(facts):
    built = network.build(facts, Vocabulary(catalogue(ITEMS)), options(dropout=0.0, cold_items=0.0), steps=10)
    for number, weight in enumerate(built.trainable_weights):  # the layers that begin at zero too
        if weight.shape.rank:
            weight.assign(0.5 * tf.random.stateless_normal(weight.shape, [number, 1]))
    return built


ROW = {
    "history": tf.constant([[1, 2, 1, 0], [5, 0, 0, 0], [3, 3, 7, 2]]),
    "ages": tf.constant([[1.0, 3.0, 90.0, 0.0], [4.0, 0.0, 0.0, 0.0], [2.0, 20.0, 200.0, 365.0]]),
    "items": tf.constant([[1, 4, 0], [6, 0, 0], [4, 6, 3]]),
    "country": tf.constant([1, 0, 1]),
    "period": tf.constant([0, 1, 1]),
}


def softplus(value):
    return np.logaddexp(0, value)


def score(model, facts, customer, item):
    """`<customer, item> + affinity + trend`, a pair at a time."""
    one = {name: value[customer : customer + 1] for name, value in ROW.items()}
    vector = model.customer_tower(one["history"], one["ages"], one["country"]).numpy()[0]
    other = model.item_tower(
        tf.constant([item]), tf.constant(facts.words[item : item + 1]), tf.constant(facts.prices[item : item + 1])
    ).numpy()[0]
    affinity = model.affinity
    discount, floor = softplus(affinity.discount.numpy()), np.exp(affinity.floor.numpy())
    ages = one["ages"].numpy()[0][one["history"].numpy()[0] == item]
    bought = sum((discount * 2.0 ** (-age / np.array(HALF_LIVES))).sum() for age in ages)
    again = softplus(affinity.strength.numpy()) * (np.log(bought + floor) - np.log(floor))
    recent = facts.recent[int(one["period"][0]), item]
    return vector @ other + again + softplus(affinity.trend.numpy()) * np.log(recent + 1)


def loss_by_hand(model, facts):
    items = ROW["items"].numpy()
    drawn = sorted(set(items.ravel()) - {0})
    losses = []
    for customer, own in enumerate(items):
        own = set(own) - {0}
        corrected = {item: score(model, facts, customer, item) - np.log(facts.frequency[item]) for item in drawn}
        negatives = [corrected[item] for item in drawn if item not in own]
        each = [logsumexp([corrected[item], *negatives]) - corrected[item] for item in own]
        losses.append(np.mean(each))
    return losses


def test_the_loss_is_the_sampled_softmax_with_log_q_correction(model, facts):
    np.testing.assert_allclose(model(ROW).numpy(), loss_by_hand(model, facts), rtol=2e-4)


def test_padding_and_the_order_of_targets_do_not_matter(model):
    plain = model(ROW).numpy()
    wider = ROW | {"items": tf.constant([[4, 0, 0, 1], [0, 0, 6, 0], [6, 0, 3, 4]])}
    np.testing.assert_allclose(model(wider).numpy(), plain, rtol=1e-5)
    longer = ROW | {name: tf.pad(ROW[name], [[0, 0], [0, 3]]) for name in ("history", "ages")}
    np.testing.assert_allclose(model(longer).numpy(), plain, rtol=1e-5)


def test_a_row_without_targets_and_a_batch_without_negatives_have_no_loss(model):
    nothing = ROW | {"items": tf.constant([[1, 4, 0], [0, 0, 0], [4, 6, 3]])}
    found = model(nothing).numpy()
    assert found[1] == 0
    assert np.isfinite(found).all()
    alone = {name: value[:1] for name, value in ROW.items()}
    assert model(alone).numpy() == pytest.approx(0, abs=1e-6)


def test_facts_begin_with_the_item_that_is_not_known(facts):
    assert facts.words.shape[0] == len(facts.prices) == len(facts.frequency) == ITEMS + 1
    assert facts.recent.shape == (2, ITEMS + 1)
    assert not facts.words[0].any()
    assert not facts.recent[:, 0].any()
    assert facts.frequency.sum() == pytest.approx(1)
    assert (facts.frequency > 0).all()


def test_the_learning_rate_falls_to_nothing(model):
    rate = model.optimizer._learning_rate
    assert float(rate(0)) == pytest.approx(0.01)
    assert float(rate(10)) == pytest.approx(0, abs=1e-9)
