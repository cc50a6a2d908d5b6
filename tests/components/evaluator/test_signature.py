"""The serving signature: what it is sent, and what is said where it cannot be called."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.components.evaluator.helpers import LABEL, batch_of, export
from weighbridge.components.evaluator.flavours import find_model
from weighbridge.components.evaluator.quality.predict import Predictor, predict
from weighbridge.components.evaluator.unmeasurable import Unmeasurable

Models = Callable[[str], Path]

ROWS = {
    "payment_type": ["Credit Card", "Cash", None],
    "trip_miles": [1.0, 2.0, None],
    "fare": [5.0, 6.0, 7.0],
    LABEL: [1, 0, 0],
}


def predictor(model: Path, output: str | None = None) -> Predictor:
    return Predictor(find_model(model, "serving_default").load(), LABEL, output)


def test_raw_features_and_serialized_examples_give_the_same_predictions(models: Models) -> None:
    batch = batch_of(ROWS)
    raw, serialized = predictor(models("good"))(batch), predictor(models("serialized"))(batch)
    assert raw.shape == serialized.shape == (3,)
    np.testing.assert_allclose(raw, serialized)
    assert raw[0] > 0.5 > raw[1]


def test_one_text_input_named_like_a_column_is_that_column(tmp_path: Path) -> None:
    import tensorflow as tf

    def lengths(payment_type: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"p": tf.cast(tf.strings.length(payment_type), tf.float32)}

    model = export(tmp_path, lengths, {"payment_type": ((None, 1), "string")})
    assert predictor(model)(batch_of(ROWS)).tolist() == [11, 4, 0]


def test_the_label_is_never_sent(models: Models, tmp_path: Path) -> None:
    with pytest.raises(Unmeasurable, match=f"asks for '{LABEL}', which is not a raw feature") as caught:
        predictor(models("leaking"))(batch_of(ROWS))
    assert caught.value.gate("quality").name == "quality.signature.callable"

    import tensorflow as tf

    def parse(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        spec = {LABEL: tf.io.FixedLenFeature([], tf.int64, -7)}
        return {"p": tf.cast(tf.io.parse_example(examples, spec)[LABEL], tf.float32)}

    assert predictor(export(tmp_path, parse, {"examples": ((None,), "string")}))(batch_of(ROWS)).tolist() == [-7] * 3


@pytest.mark.parametrize(
    ("kind", "rule", "complaint"),
    [
        ("garbage", "model.loadable", "cannot be loaded"),
        ("raising", "signature.callable", "'serving_default' raised on real rows.*vocabulary is gone"),
        ("two_outputs", "prediction.present", r"several outputs \(p, q\): name one"),
    ],
)
def test_what_cannot_be_called_is_told_in_one_line(models: Models, kind: str, rule: str, complaint: str) -> None:
    with pytest.raises(Unmeasurable, match=complaint) as caught:
        predictor(models(kind))(batch_of(ROWS))
    assert f"{caught.value.subject}.{caught.value.rule}" == rule
    assert "\n" not in caught.value.message


def test_outputs_and_signatures_are_known_by_name(models: Models, tmp_path: Path) -> None:
    batch = batch_of(ROWS)
    both = predictor(models("two_outputs"), "p")(batch) + predictor(models("two_outputs"), "q")(batch)
    np.testing.assert_allclose(both, 1)
    with pytest.raises(Unmeasurable, match="no output 'r'; it has: p, q"):
        predictor(models("two_outputs"), "r")(batch)
    with pytest.raises(Unmeasurable, match="no signature 'score'; it has: serving_default"):
        find_model(models("good"), "score").load()
    with pytest.raises(Unmeasurable, match="No model was exported"):
        find_model(tmp_path, "serving_default")


def test_batches_are_joined_in_order() -> None:
    batches = [
        batch_of({LABEL: [0, 1], "hour": [3, 4]}),
        batch_of(
            {
                LABEL: [1],
                "hour": [5],
            }
        ),
    ]
    found = predict(batches, LABEL, ["hour"], lambda batch: np.full(batch.num_rows, 0.5), None)
    assert found.labels.tolist() == [0, 1, 1]
    assert found.columns["hour"].tolist() == [3, 4, 5]
    assert found.production is None


def test_no_rows_and_predictions_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(Unmeasurable, match="no rows"):
        predict([], LABEL, [], lambda batch: np.ones(batch.num_rows), None)
    with pytest.raises(Unmeasurable, match="1 of 2 predictions are not finite"):
        predict([batch_of({LABEL: [0, 1]})], LABEL, [], lambda _: np.array([0.5, np.inf]), None)


def test_a_signature_that_calls_python_is_refused_however_deep_it_is_hidden(tmp_path: Path) -> None:
    import tensorflow as tf

    @tf.function
    def inner(value: tf.Tensor) -> tf.Tensor:
        return tf.cond(
            value > 1e9, lambda: value, lambda: tf.numpy_function(lambda each: each + 1, [value], tf.float32)
        )

    def hidden(fare: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"p": tf.map_fn(lambda each: tf.ensure_shape(inner(each), []), fare)}

    def eager(fare: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"p": tf.ensure_shape(tf.py_function(lambda each: each + 1, [fare], tf.float32), [None])}

    for kind, function in {"hidden": hidden, "eager": eager}.items():
        model = find_model(export(tmp_path / kind, function, {"fare": ((None,), "float32")}), "serving_default")
        # In this process, which made it, the signature would answer.
        with pytest.raises(Unmeasurable, match="calls Python") as caught:
            model.load()
        assert caught.value.gate("quality").name == "quality.signature.servable"


def test_python_that_the_signature_does_not_reach_is_no_reason(tmp_path: Path) -> None:
    import tensorflow as tf

    class Both(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])
        def serve(self, fare: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"p": fare / 10}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])
        def train(self, fare: tf.Tensor) -> tf.Tensor:
            return tf.numpy_function(lambda each: each, [fare], tf.float32)

    both = Both()
    tf.saved_model.save(both, str(tmp_path / "Format-Serving"), signatures={"serving_default": both.serve})
    np.testing.assert_allclose(predictor(tmp_path)(batch_of(ROWS)), [0.5, 0.6, 0.7])


@pytest.mark.parametrize("linked", ["variables", "saved_model.pb", "variables/variables.index", "Format-Serving"])
def test_a_model_that_lies_elsewhere_in_part_is_not_weighed(models: Models, tmp_path: Path, linked: str) -> None:
    import shutil

    model, elsewhere = tmp_path / "model", tmp_path / "elsewhere"
    shutil.copytree(models("good"), model)
    part = model / linked if linked == "Format-Serving" else model / "Format-Serving" / linked
    part.rename(elsewhere)
    part.symlink_to(elsewhere)
    with pytest.raises(Unmeasurable, match=rf"not whole: {linked} is a link to {elsewhere}") as caught:
        find_model(model, "serving_default")
    assert caught.value.gate("quality").name == "quality.model.whole"
