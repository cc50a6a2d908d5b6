"""The exported graph: raw codes in, the best items out. Top-k is inside; nothing of it needs an operation of its own.

A customer without a known purchase gets what is popular in the country; all others the items of the highest score.
Candidates come from `search` (exact or approximate) by dot product. Always looked at besides are the customer's own
earlier items, whose score depends on the customer, and what is popular, of which there is enough for every list.
"""

from typing import Any, Protocol

import tensorflow as tf

from weighbridge.pipelines.recommender.model.towers import Affinity, CustomerTower, ItemTower
from weighbridge.pipelines.recommender.model.vocabulary import Vocabulary

MOST = 1000
"""Most items that can be asked for."""

_NEVER = -1e9


class Search(Protocol):
    """Finds the items with the largest dot products."""

    def __call__(self, queries: Any, count: Any) -> tuple[Any, Any]:
        """Places of items and their products, both [queries, count], the largest first.

        Args:
            queries: [queries, dim].
            count: how many; at most the number of items.
        """


class Exact(tf.Module):
    """Compares with every item.

    Args:
        vectors: [items, dim].
    """

    def __init__(self, vectors: Any) -> None:
        super().__init__(name="exact")
        self.vectors = vectors

    def __call__(self, queries: Any, count: Any) -> tuple[Any, Any]:
        """See `Search`."""
        products, places = tf.math.top_k(tf.matmul(queries, self.vectors, transpose_b=True), count)
        return places, products


class Retriever(tf.Module):
    """Recommends from raw inputs.

    Args:
        vocabulary: of the model.
        customer_tower: of the model.
        item_tower: of the model.
        affinity: of the model.
        codes: of all items that can be recommended, [items], bytes; those of the vocabulary come first, in its order.
        vectors: of all items, and their trend in the last place, [items, dim + 1].
        popular: places of the most popular items of each country, number 0 being everywhere, [countries + 1, most].
        search: over `vectors`.
        longest: most purchases of a history that are looked at, the newest.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        customer_tower: CustomerTower,
        item_tower: ItemTower,
        affinity: Affinity,
        codes: Any,
        vectors: tf.Variable,
        popular: tuple[Any, Any],
        search: Search,
        longest: int,
    ) -> None:
        super().__init__(name="retriever")
        self.vocabulary = vocabulary
        self.customer_tower, self.item_tower, self.affinity = customer_tower, item_tower, affinity
        self.codes = tf.constant(codes, tf.string)
        self.vectors = vectors
        self.popular, self.popularity = (tf.constant(part) for part in popular)
        self.search = search
        self.exact = Exact(vectors)
        self.longest = longest

    def recommend(self, history: Any, ages: Any, country: Any, k: Any, search: Search | None = None) -> dict[str, Any]:
        """The `k` best items of each customer.

        Args:
            history: item codes, newest first, [customers, purchases], empty where a row has fewer.
            ages: days since each purchase, of the same shape.
            country: [customers].
            k: how many, a scalar; more than `MOST` or than there are items are not given.
            search: instead of the one that the model was exported with.

        Returns:
            `items`: codes, and `scores`, both [customers, k], the best first.
        """
        numbers, ages = self._purchases(history, ages)
        where = self.vocabulary.country(country)
        k = tf.minimum(k, tf.shape(self.popular)[1])
        count = tf.minimum(k + tf.shape(numbers)[1], tf.shape(self.codes)[0])
        queries = self._queries(numbers, ages, where)
        found, found_scores = (search or self.search)(queries, count)
        own, own_scores = self._own(queries, numbers, ages)
        popular = tf.gather(self.popular, where)[:, :k]
        popular_scores = tf.einsum("bkd,bd->bk", tf.gather(self.vectors, popular), queries)
        # Each item once: one that was bought before has its score from there.
        found_scores = _unless_in(own, found, found_scores)
        popular_scores = _unless_in(tf.concat([own, found], axis=1), popular, popular_scores)
        places = tf.concat([own, found, popular], axis=1)
        scores, best = tf.math.top_k(tf.concat([own_scores, found_scores, popular_scores], axis=1), k)
        warm = tf.reduce_any(numbers > 0, axis=1, keepdims=True)
        chosen = tf.where(warm, tf.gather(places, best, batch_dims=1), popular)
        scores = tf.where(warm, scores, tf.gather(self.popularity, where)[:, :k])
        return {"items": tf.gather(self.codes, chosen), "scores": scores}

    def score(self, history: Any, ages: Any, country: Any, item: Any, description: Any, price: Any) -> dict[str, Any]:
        """Scores of pairs of a customer and an item.

        An item that is not known is judged by its description and price alone.

        Args:
            history: as in `recommend`.
            ages: as in `recommend`.
            country: [pairs].
            item: codes, [pairs].
            description: [pairs]; looked at for items that are not known.
            price: [pairs], likewise.
        """
        numbers, ages = self._purchases(history, ages)
        queries = self._queries(numbers, ages, self.vocabulary.country(country))
        number = self.vocabulary.items(item)
        known = tf.gather(self.vectors, tf.maximum(number - 1, 0))
        price = tf.where(tf.math.is_nan(price), 0.0, price)
        unknown = tf.cast(self.item_tower(number, self.vocabulary.text(description), price), tf.float32)
        unknown = tf.pad(unknown, [[0, 0], [0, 1]])
        products = tf.reduce_sum(queries * tf.where((number > 0)[:, None], known, unknown), axis=1)
        same = tf.cast((numbers == number[:, None]) & (numbers > 0), tf.float32)
        sums = tf.reduce_sum(self.affinity.weights_of(numbers, ages) * same, axis=1)
        return {"score": products + self.affinity.of_sums(sums)}

    def _purchases(self, history: Any, ages: Any) -> tuple[Any, Any]:
        """Numbers and ages of the newest purchases; what serving systems fill up with is not a purchase and no age."""
        ages = ages[:, : self.longest]
        return self.vocabulary.items(history[:, : self.longest]), tf.where(tf.math.is_nan(ages), 0.0, ages)

    def _queries(self, numbers: Any, ages: Any, where: Any) -> Any:
        """Vectors of customers with a one in the last place, which takes the trend of the item along."""
        queries = tf.cast(self.customer_tower(numbers, ages, where, training=False), tf.float32)
        return tf.pad(queries, [[0, 0], [0, 1]], constant_values=1.0)

    def _own(self, queries: Any, numbers: Any, ages: Any) -> tuple[Any, Any]:
        """Places and scores of the customer's earlier items, each once, [customers, purchases]."""
        same = numbers[:, :, None] == numbers[:, None, :]
        sums = tf.einsum("bhg,bg->bh", tf.cast(same, tf.float32), self.affinity.weights_of(numbers, ages))
        order = tf.range(tf.shape(numbers)[1])
        again = tf.reduce_any(same & (order[None, :] < order[:, None]), axis=2)
        places = tf.maximum(numbers - 1, 0)
        products = tf.einsum("bhd,bd->bh", tf.gather(self.vectors, places), queries)
        there = (numbers > 0) & ~again
        return tf.where(there, places, -1), tf.where(there, products + self.affinity.of_sums(sums), _NEVER)


def _unless_in(others: Any, places: Any, scores: Any) -> Any:
    """The scores of places, but of those that are among `others` the lowest there is."""
    return tf.where(tf.reduce_any(places[:, :, None] == others[:, None, :], axis=2), _NEVER, scores)
