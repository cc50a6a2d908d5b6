"""The model that is trained: both towers, and a loss on the items of a batch."""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from weighbridge.pipelines.recommender.histories.catalogue import Catalogue
from weighbridge.pipelines.recommender.model.options import RecommenderOptions
from weighbridge.pipelines.recommender.model.towers import Affinity, CustomerTower, ItemTower
from weighbridge.pipelines.recommender.model.vocabulary import Vocabulary

_NEVER = -1e9


@dataclass(frozen=True)
class CatalogueData:
    """What is known of each item number, 0 (not known) included.

    Attributes:
        words: [items + 1, words], int32.
        prices: [items + 1], float32.
        recent: customers in the days before each moment, [periods, items + 1], float32.
        frequency: how often an item is a target, as a probability, [items + 1], float32.
    """

    words: Any
    prices: Any
    recent: Any
    frequency: Any

    @classmethod
    def of(cls, catalogue: Catalogue, vocabulary: Vocabulary) -> "CatalogueData":
        """Data of the catalogue's items."""
        counts = np.concatenate([[0], catalogue.customers]).astype(np.float32) + 1.0
        return cls(
            words=np.asarray(vocabulary.text(tf.constant(["", *catalogue.descriptions]))),
            prices=np.concatenate([[0], catalogue.prices]).astype(np.float32),
            recent=np.pad(catalogue.recent, [(0, 0), (1, 0)]).astype(np.float32),
            frequency=counts / counts.sum(),
        )


class TwoTowers(keras.Model):
    """Scores of the items of a batch for its customers, and their loss.

    The loss is in-batch sampled softmax with log-Q correction (Yi et al., RecSys 2019): the other customers' items are
    the negatives; popular items are negatives more often, which subtracting the logarithm of their frequency undoes.

    Args:
        facts: of the items.
        vocabulary: of items, countries and words.
        options: of the model.
    """

    def __init__(self, facts: CatalogueData, vocabulary: Vocabulary, options: RecommenderOptions) -> None:
        super().__init__(name="two_towers")
        self.item_tower = ItemTower(vocabulary.size, vocabulary.words, options.dim, options.cold_items)
        self.customer_tower = CustomerTower(vocabulary.size, vocabulary.countries, options.dim, options.dropout)
        self.affinity = Affinity()
        self._items = vocabulary.size + 1
        self._words, self._prices = tf.constant(facts.words), tf.constant(facts.prices)
        self._recent = tf.constant(facts.recent)
        self._log_q = tf.math.log(tf.constant(facts.frequency))

    def call(self, row: dict[str, Any], training: bool = False) -> Any:
        """Loss of each customer, [customers]; see `read.training_batches` for the columns."""
        # Where several devices train, Keras tries a batch first that is the mean of theirs, and so of floats.
        row = {name: tf.cast(column, tf.float32 if name == "ages" else tf.int32) for name, column in row.items()}
        targets = row["items"]
        drawn, place = tf.unique(tf.reshape(targets, [-1]))
        place = tf.reshape(place, tf.shape(targets))
        scores = self.scores(row, drawn, training) - tf.gather(self._log_q, drawn)[None, :]
        wanted = tf.cast(targets > 0, tf.float32)
        # A customer's other targets are no negatives of the one that is looked at.
        bought = tf.reduce_max(tf.one_hot(place, tf.size(drawn)) * wanted[..., None], axis=1)
        others = tf.where((bought > 0) | (drawn[None, :] == 0), _NEVER, scores)
        against = tf.reduce_logsumexp(others, axis=1, keepdims=True)
        losses = tf.math.softplus(against - tf.gather(scores, place, batch_dims=1)) * wanted
        return tf.reduce_sum(losses, axis=1) / tf.maximum(tf.reduce_sum(wanted, axis=1), 1.0)

    def scores(self, row: dict[str, Any], drawn: Any, training: bool = False) -> Any:
        """Scores of the items `drawn`, distinct numbers [items], for each customer: [customers, items]."""
        history, ages = row["history"], row["ages"]
        customers = self.customer_tower(history, ages, row["country"], training=training)
        words, prices = tf.gather(self._words, drawn), tf.gather(self._prices, drawn)
        items = self.item_tower(drawn, words, prices, training=training)
        recent = tf.gather(tf.gather(self._recent, drawn, axis=1), row["period"])
        sums = self._sums(history, ages, drawn)
        found = tf.cast(tf.matmul(customers, items, transpose_b=True), tf.float32)
        return found + self.affinity.of_trend(recent) + self.affinity.of_sums(sums)

    def _sums(self, history: Any, ages: Any, drawn: Any) -> Any:
        """Weight of each customer's purchases of the items `drawn`, [customers, items]."""
        size = tf.size(drawn)
        places = tf.tensor_scatter_nd_update(tf.fill([self._items], size), drawn[:, None], tf.range(size))
        place = tf.gather(places, history)  # what was not drawn goes to a place after the last
        rows = tf.broadcast_to(tf.range(tf.shape(history)[0])[:, None], tf.shape(history))
        weights = self.affinity.weights_of(history, ages)
        shape = [tf.shape(history)[0], size + 1]
        return tf.scatter_nd(tf.stack([rows, place], axis=-1), weights, shape)[:, :-1]


def build(facts: CatalogueData, vocabulary: Vocabulary, options: RecommenderOptions, steps: int) -> TwoTowers:
    """A compiled model with its weights made; the learning rate falls to nothing over `steps` steps, as a cosine."""
    model = TwoTowers(facts, vocabulary, options)
    rate = keras.optimizers.schedules.CosineDecay(options.learning_rate, max(1, steps))
    model.compile(optimizer=keras.optimizers.Adam(rate), loss=mean_of_losses, jit_compile=False)
    one = tf.ones([1, 1], tf.int32)
    row = {"history": one, "ages": tf.ones([1, 1]), "items": one, "country": one[0], "period": 0 * one[0]}
    model(row)
    return model


def mean_of_losses(_: Any, losses: Any) -> Any:
    """The model computes its losses itself; here they are averaged."""
    return tf.reduce_mean(losses)
