"""SavedModels with the signatures of a recommender that know nothing: what weighing makes of them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import tensorflow as tf

from weighbridge.components.evaluator import MetricsRequest

K = 20


def save(
    folder: Path, items: Callable[[Any], Any], exact: Callable[[Any], Any] | None = None, output: str = "items"
) -> Path:
    """A SavedModel whose `recommend` gives `items(histories)`, codes [customers, any]; returns its folder.

    It lies in a folder of its own below `folder`, as in a Model artifact.
    """

    class Model(tf.Module):
        pass

    model = Model()
    customer = [
        tf.TensorSpec([None, None], tf.string, "history"),
        tf.TensorSpec([None, None], tf.float32, "ages"),
        tf.TensorSpec([None], tf.string, "country"),
        tf.TensorSpec([], tf.int32, "k"),
    ]

    def signature(function: Callable[[Any], Any]) -> Any:
        @tf.function
        def recommend(history: Any, ages: Any, country: Any, k: Any) -> dict[str, Any]:
            return {output: function(history)}

        return recommend.get_concrete_function(*customer)

    signatures = {"recommend": signature(items), "recommend_exact": signature(exact or items)}
    tf.saved_model.save(model, str(folder / "Format-Serving"), signatures=signatures)
    return folder / "Format-Serving"


def same_for_all(codes: list[bytes]) -> Callable[[Any], Any]:
    """Recommends these to everybody."""
    return lambda history: tf.tile(tf.constant([codes], tf.string), [tf.shape(history)[0], 1])


def at_random(codes: list[bytes], count: int = K) -> Callable[[Any], Any]:
    """Recommends anything to anybody."""

    def recommend(history: Any) -> Any:
        luck = tf.random.stateless_uniform([tf.shape(history)[0], len(codes)], [1, 2])
        return tf.gather(tf.constant(codes), tf.math.top_k(luck, count).indices)

    return recommend


def request(
    histories: Path,
    candidate: Path,
    metrics: tuple[str, ...] = ("recall@5",),
    production: Path | None = None,
    slices: tuple[tuple[str, ...], ...] = (),
    k: int = K,
) -> MetricsRequest:
    """What the Evaluator asks the provider for."""

    def predictions() -> Any:
        raise AssertionError("a recommender is not weighed by predictions")

    return MetricsRequest(
        metrics=metrics,
        slices=slices,
        confidence=0.95,
        label="",
        examples=str(histories),
        split="eval",
        schema=None,
        candidate=candidate,
        production=production,
        predictions=predictions,
        signature="recommend",
        inputs={"k": k},
    )
