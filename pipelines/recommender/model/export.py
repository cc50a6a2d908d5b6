"""Export with serving signatures that take raw inputs; and twins over larger catalogues, to time."""

from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from weighbridge.pipelines.recommender.histories.catalogue import Catalogue
from weighbridge.pipelines.recommender.model.index import Approximate
from weighbridge.pipelines.recommender.model.network import CatalogueData, TwoTowers
from weighbridge.pipelines.recommender.model.options import RecommenderOptions
from weighbridge.pipelines.recommender.model.popularity import popular_items
from weighbridge.pipelines.recommender.model.retrieve import MOST, Exact, Retriever, Search
from weighbridge.pipelines.recommender.model.vocabulary import Vocabulary

_NOISE = 0.3  # of a vector's length, by which further items lie off the line between two


def export(
    model: TwoTowers,
    vocabulary: Vocabulary,
    catalogue: Catalogue,
    options: RecommenderOptions,
    folder: str,
    *,
    longest: int,
    scale: int = 1,
) -> None:
    """Export a SavedModel.

    Signatures: `serving_default` and `recommend` (history, ages, country, k), `recommend_exact` (the same, compared
    with every item), `score` (history, ages, country, item, description, price), `vectors` (what a later training
    can start from).

    Args:
        model: trained.
        vocabulary: of the model.
        catalogue: of the model.
        options: of the model.
        folder: to write to.
        longest: most purchases of a history.
        scale: see `retriever`.
    """
    served = retriever(model, vocabulary, catalogue, options, longest=longest, scale=scale)
    tf.saved_model.save(served, folder, signatures=_signatures(served, model, catalogue))


def retriever(
    model: TwoTowers,
    vocabulary: Vocabulary,
    catalogue: Catalogue,
    options: RecommenderOptions,
    *,
    longest: int,
    scale: int = 1,
) -> Retriever:
    """What `export` exports.

    Args:
        model: as in `export`.
        vocabulary: as in `export`.
        catalogue: as in `export`.
        options: as in `export`.
        longest: as in `export`.
        scale: how many times as many items; the further ones lie between two of the first, under made-up codes.
    """
    vectors = item_vectors(model, vocabulary, catalogue)
    codes = np.asarray(catalogue.items, object)
    if scale > 1:
        codes, vectors = _enlarged(codes, vectors, scale)
    variable = tf.Variable(vectors, trainable=False)
    return Retriever(
        vocabulary,
        model.customer_tower,
        model.item_tower,
        model.affinity,
        codes,
        variable,
        popular_items(catalogue, MOST),
        _search(variable, options),
        longest,
    )


def item_vectors(model: TwoTowers, vocabulary: Vocabulary, catalogue: Catalogue) -> npt.NDArray[np.float32]:
    """Vectors of the catalogue's items with their trend in the last place, [items, dim + 1]."""
    facts = CatalogueData.of(catalogue, vocabulary)
    vectors = model.item_tower(tf.range(1, vocabulary.size + 1), facts.words[1:], facts.prices[1:], training=False)
    trend = model.affinity.of_trend(facts.recent[-1, 1:])
    return tf.concat([tf.cast(vectors, tf.float32), trend[:, None]], axis=1).numpy()


def _search(vectors: tf.Variable, options: RecommenderOptions) -> Search:
    exact = options.index == "exact" or (options.index == "auto" and vectors.shape[0] <= options.exact_items)
    return Exact(vectors) if exact else Approximate(vectors)


def _enlarged(
    codes: npt.NDArray[np.object_], vectors: npt.NDArray[np.float32], scale: int
) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.float32]]:
    rng = np.random.default_rng(scale)
    count = (scale - 1) * len(vectors)
    one, other = rng.integers(0, len(vectors), (2, count))
    share = rng.random((count, 1), np.float32)
    between = share * vectors[one] + (1 - share) * vectors[other]
    spread = _NOISE * np.linalg.norm(between, axis=1, keepdims=True) / np.sqrt(vectors.shape[1])
    further_vectors = between + spread * rng.standard_normal(between.shape, np.float32)
    further = [b"%s#%d" % (code, copy) for copy in range(1, scale) for code in codes]
    return np.concatenate([codes, np.array(further, object)]), np.concatenate([vectors, further_vectors]).astype(
        np.float32
    )


def _signatures(served: Retriever, model: TwoTowers, catalogue: Catalogue) -> dict[str, Any]:
    customer = {
        "history": tf.TensorSpec([None, None], tf.string, "history"),
        "ages": tf.TensorSpec([None, None], tf.float32, "ages"),
        "country": tf.TensorSpec([None], tf.string, "country"),
    }
    k = tf.TensorSpec([], tf.int32, "k")
    pair = {
        "item": tf.TensorSpec([None], tf.string, "item"),
        "description": tf.TensorSpec([None], tf.string, "description"),
        "price": tf.TensorSpec([None], tf.float32, "price"),
    }
    codes = tf.constant(list(catalogue.items), tf.string)

    @tf.function
    def recommend(history: Any, ages: Any, country: Any, k: Any) -> dict[str, Any]:
        return served.recommend(history, ages, country, k)

    @tf.function
    def recommend_exact(history: Any, ages: Any, country: Any, k: Any) -> dict[str, Any]:
        return served.recommend(history, ages, country, k, served.exact)

    @tf.function
    def score(history: Any, ages: Any, country: Any, item: Any, description: Any, price: Any) -> dict[str, Any]:
        return served.score(history, ages, country, item, description, price)

    @tf.function
    def vectors() -> dict[str, Any]:
        return {
            "codes": codes,
            "numbers": tf.convert_to_tensor(model.item_tower.numbers.embeddings),
            "history": tf.convert_to_tensor(model.customer_tower.history.embeddings),
        }

    recommend_signature = recommend.get_concrete_function(**customer, k=k)
    return {
        "serving_default": recommend_signature,
        "recommend": recommend_signature,
        "recommend_exact": recommend_exact.get_concrete_function(**customer, k=k),
        "score": score.get_concrete_function(**customer, **pair),
        "vectors": vectors.get_concrete_function(),
    }
