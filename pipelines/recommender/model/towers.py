"""The two towers and what is known without them: how often a customer bought an item, and how much everybody does now.

The score of an item for a customer is

    score = <customer vector, item vector> + affinity(customer, item) + trend(item)

The dot product is the two-tower model of Yi et al., "Sampling-bias-corrected neural modeling for large corpus item
recommendations" (RecSys 2019). Shops live on people who buy again, which a dot product of narrow vectors can say only
blurredly: `affinity` grows with the logarithm of the customer's purchases of this very item, each discounted by its
age. `trend` is a multiple of the logarithm of the item's recent customers, so that seasons reach the model at once.
"""

import math
from typing import Any

import keras
import tensorflow as tf

HALF_LIVES = (7.0, 30.0, 90.0, 365.0)  # days
_EPSILON = 1e-6
_LONG_AGO = 1e4  # days


class ItemTower(keras.layers.Layer):
    """Vectors of items from their number, their description and their price.

    An item that is not known begins where the mean of its words lies, a known one where its number lies.

    Args:
        items: number of items; number 0 is an item that is not known.
        words: number of words.
        dim: width of a vector.
        cold: share of numbers that is hidden in training, so that description and price learn to stand in.
    """

    def __init__(self, items: int, words: int, dim: int, cold: float = 0.0) -> None:
        super().__init__(name="item_tower")
        self._cold = cold
        self.numbers = keras.layers.Embedding(items + 1, dim, name="numbers")
        self.words = keras.layers.Embedding(words, dim, name="words")
        self.hidden = keras.layers.Dense(dim, activation="relu", name="hidden")
        self.content = keras.layers.Dense(dim, kernel_initializer="zeros", name="content")
        self._seed = keras.random.SeedGenerator(7)

    def call(self, number: Any, words: Any, price: Any, training: bool = False) -> Any:
        """Vectors, [items, dim], from numbers [items], words [items, words] and prices [items]."""
        known = tf.cast(number > 0, self.compute_dtype)
        if training and self._cold:
            known *= tf.cast(keras.random.uniform(tf.shape(known), seed=self._seed) >= self._cold, known.dtype)
        there = tf.cast(words > 0, self.compute_dtype)[..., None]
        text = tf.reduce_sum(self.words(words) * there, axis=-2) / tf.maximum(tf.reduce_sum(there, axis=-2), 1)
        price = tf.cast(tf.math.log1p(tf.maximum(price, 0.0)), text.dtype)[..., None]
        start = tf.where(known[..., None] > 0, self.numbers(number), text)
        return start + self.content(self.hidden(tf.concat([text, price], axis=-1)))


class CustomerTower(keras.layers.Layer):
    """Vectors of customers from what they bought, when, and where they live.

    Args:
        items: number of items.
        countries: number of countries; number 0 is one that is not known.
        dim: width of a vector.
        dropout: share of values dropped in training.
    """

    def __init__(self, items: int, countries: int, dim: int, dropout: float = 0.0) -> None:
        super().__init__(name="customer_tower")
        self.history = keras.layers.Embedding(items + 1, dim, name="history")
        self.country = keras.layers.Embedding(countries + 1, 8, name="country")
        self.hidden = keras.layers.Dense(2 * dim, activation="relu", name="hidden")
        self.dropout = keras.layers.Dropout(dropout)
        self.adjust = keras.layers.Dense(dim, kernel_initializer="zeros", name="adjust")

    def call(self, history: Any, ages: Any, country: Any, training: bool = False) -> Any:
        """Vectors, [customers, dim], from numbers and ages in days [customers, purchases] and countries [customers]."""
        known = tf.cast(history > 0, self.compute_dtype)
        weights = tf.cast(decays(ages), known.dtype) * known[..., None]  # [customers, purchases, half-lives]
        weights /= tf.maximum(tf.reduce_sum(weights, axis=1, keepdims=True), tf.cast(_EPSILON, known.dtype))
        pooled = tf.einsum("bhd,bhj->bjd", self.history(history), weights)
        mean = tf.reduce_mean(pooled, axis=1)
        count = tf.math.log1p(tf.reduce_sum(known, axis=1, keepdims=True))
        # Within the bound even where there is no place for a purchase.
        newest = tf.minimum(tf.reduce_min(tf.where(history > 0, ages, _LONG_AGO), axis=1, keepdims=True), _LONG_AGO)
        parts = [tf.reshape(pooled, [-1, len(HALF_LIVES) * pooled.shape[-1]]), self.country(country), count]
        features = tf.concat([*parts, tf.cast(tf.math.log1p(newest), known.dtype)], axis=1)
        # The mean of what was bought is where to begin; what is learned adjusts it.
        return mean + self.adjust(self.dropout(self.hidden(features), training=training))


class Affinity(keras.layers.Layer):
    """What one customer's earlier purchases of an item, and everybody's recent ones, say about the next."""

    def __init__(self) -> None:
        super().__init__(name="affinity", dtype="float32")
        # Where they start, the score is near that of counting.
        start = keras.initializers.Constant
        self.discount = self.add_weight(shape=(len(HALF_LIVES),), initializer=start(0.25), name="discount")
        self.strength = self.add_weight(shape=(), initializer=start(1.0), name="strength")
        self.floor = self.add_weight(shape=(), initializer=start(math.log(0.1)), name="floor")
        self.trend = self.add_weight(shape=(), initializer=start(0.5), name="trend")

    def weights_of(self, history: Any, ages: Any) -> Any:
        """Discounted weight of each purchase, [customers, purchases]."""
        decayed = tf.einsum("bhj,j->bh", decays(ages), tf.nn.softplus(self.discount))
        return decayed * tf.cast(history > 0, decayed.dtype)

    def of_sums(self, sums: Any) -> Any:
        """The part of a score that the summed weights of an item's purchases give, 0 for none."""
        return tf.nn.softplus(self.strength) * (tf.math.log(sums + tf.exp(self.floor)) - self.floor)

    def of_trend(self, recent: Any) -> Any:
        """The part of a score that the number of recent customers of an item gives."""
        return tf.nn.softplus(self.trend) * tf.math.log(tf.cast(recent, tf.float32) + 1.0)


def decays(ages: Any) -> Any:
    """`2^(-age / half-life)` for each of `HALF_LIVES`, [..., half-lives]."""
    return tf.pow(2.0, -tf.maximum(ages, 0.0)[..., None] / tf.constant(HALF_LIVES))
