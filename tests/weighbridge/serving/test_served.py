"""Models of every flavour, loaded from a verified copy and called with rows as clients send them."""

import base64
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tests.components.evaluator.helpers import LABEL, export
from tests.components.evaluator.test_flavours import PACKAGE, line_model
from tests.made_once import made_once
from tests.weighbridge.serving.helpers import settings
from weighbridge.common.errors import UsageError
from weighbridge.components.evaluator import signature as evaluator_signature
from weighbridge.serving.encode import ArrowEncoder, ExampleEncoder, TensorEncoder
from weighbridge.serving.payload import read_v1, write_v1
from weighbridge.serving.release import source_of
from weighbridge.serving.rows import RequestError, from_instances
from weighbridge.serving.served import Served, load

ROWS = [
    {"payment_type": "Cash", "trip_miles": 1.5, "seconds": 60, "stops": ["a", "b"], "pair": [1, 2]},
    {"payment_type": None, "trip_miles": None, "seconds": None, "stops": ["c"], "pair": [3, 4]},
    {"trip_miles": 2, "stops": [], "pair": [5.5, 6]},
]


def _score(payment_type: Any, trip_miles: Any, seconds: Any, stops: Any, pair: Any, k: Any) -> Any:
    """Something of every input, so that a wrong one shows."""
    import tensorflow as tf

    length = tf.cast(tf.strings.length(payment_type), tf.float32)
    miles = tf.where(tf.math.is_nan(trip_miles), -7.0, trip_miles)
    stopped = tf.reduce_sum(tf.cast(tf.strings.length(stops), tf.float32), axis=1)
    score = length + 10 * miles + 100 * tf.cast(seconds, tf.float32) + 1000 * stopped
    return {"p": score + tf.reduce_sum(pair, 1), "top": tf.tile(payment_type[:, None], [1, k])}


def _make(folder: Path) -> None:
    specs = {
        "payment_type": ((None,), "string"),
        "trip_miles": ((None,), "float32"),
        "seconds": ((None,), "int64"),
        "stops": ((None, None), "string"),
        "pair": ((None, 2), "float32"),
        "k": ((), "int32"),
    }
    export(folder / "mixed", _score, specs)
    export(folder / "one", lambda x: {"y": x * 2}, {"x": ((None,), "float32")})
    export(folder / "examples", _parsed, {"examples": ((None,), "string")})
    export(folder / "text", _shout, {"text": ((None,), "string")})
    export(folder / "image", lambda image: {"y": image[:, 0, 0]}, {"image": ((None, 2, 2), "float32")})


def _parsed(examples: Any) -> Any:
    import tensorflow as tf

    features = {
        "payment_type": tf.io.FixedLenFeature([], tf.string, ""),
        "trip_miles": tf.io.FixedLenFeature([], tf.float32, float("nan")),
        "seconds": tf.io.FixedLenFeature([], tf.int64, -1),
    }
    found = tf.io.parse_example(examples, features)
    miles = tf.where(tf.math.is_nan(found["trip_miles"]), -7.0, found["trip_miles"])
    length = tf.cast(tf.strings.length(found["payment_type"]), tf.float32)
    return {"p": length + 10 * miles + 100 * tf.cast(found["seconds"], tf.float32)}


def _shout(text: Any) -> Any:
    import tensorflow as tf

    return {"loud": tf.strings.upper(text)}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return made_once(tmp_path_factory, "served-models", _make)


def loaded(folder: Path, **given: Any) -> Served:
    chosen = settings(model=str(folder), **given)
    source = source_of(chosen)
    return load(source, source.newest(), chosen)


def answer(served: Served, body: Any) -> Any:
    asked = read_v1(body, served.encoder, "serving_default")
    return write_v1(served.call([served.encoder.encode(asked.rows, asked.parameters)]), columns=asked.columns)


def test_rows_reach_a_signature_as_the_evaluator_sends_them(models):
    """What was weighed and what is served are the same tensors: missing values, text, lists of any length."""
    served = loaded(models / "mixed", inputs={"k": 2})
    assert isinstance(served.encoder, TensorEncoder)
    mine = served.encoder.join([served.encoder.encode(from_instances(ROWS), {})])
    columns = {
        "payment_type": pa.array([[b"Cash"], None, None], pa.list_(pa.binary())),
        "trip_miles": pa.array([[1.5], None, [2.0]], pa.list_(pa.float32())),
        "seconds": pa.array([[60], None, None], pa.list_(pa.int64())),
        "stops": pa.array([[b"a", b"b"], [b"c"], None], pa.list_(pa.binary())),
        "pair": pa.array([[1, 2], [3, 4], [5.5, 6]], pa.list_(pa.float32())),
    }
    batch = pa.RecordBatch.from_arrays(list(columns.values()), list(columns))
    theirs = evaluator_signature.load(models / "mixed/Format-Serving", "serving_default", {"k": 2}).request(batch)
    assert set(mine) == set(theirs)
    for name, tensor in theirs.items():
        assert mine[name].dtype == tensor.dtype
        np.testing.assert_array_equal(mine[name].numpy(), tensor.numpy(), err_msg=name)


def test_joined_requests_get_the_answers_that_each_gets_alone(models):
    served = loaded(models / "mixed", inputs={"k": 1})
    parts = [served.encoder.encode(from_instances([row]), {}) for row in ROWS]
    together = served.call(parts)["p"]
    np.testing.assert_array_equal(together, [served.call([part])["p"][0] for part in parts])


def test_several_outputs_are_an_object_per_row_and_parameters_are_given_once(models):
    served = loaded(models / "mixed", inputs={"k": 1})
    [first, *_] = answer(served, {"instances": ROWS})["predictions"]
    assert first == {"p": 2000 + 4 + 15 + 6000 + 3, "top": ["Cash"]}
    found = answer(served, {"instances": ROWS, "parameters": {"k": 3}})["predictions"]
    assert [len(row["top"]) for row in found] == [3, 3, 3]
    one, other = (served.encoder.encode(from_instances(ROWS), {"k": k}) for k in (1, 2))
    assert one.key != other.key  # never joined


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"instances": [{"trip_milse": 1, "pair": [1, 2]}]}, "unknown feature 'trip_milse'"),
        ({"instances": [{"pair": [1, 2], "seconds": 1.5}]}, "row 0: feature 'seconds' takes whole numbers, got 1.5"),
        ({"instances": [{"pair": [1]}]}, "row 0: feature 'pair' takes 2 values, got 1"),
        ({"instances": [{"seconds": 1}]}, "feature 'pair' is missing"),
        ({"instances": [{"pair": [1, 2]}], "parameters": {"n": 1}}, "unknown parameter 'n': the model takes k"),
        ({"instances": [{"pair": [1, 2]}], "parameters": {"k": "x"}}, "'k' takes whole numbers"),
        ({"instances": [{"pair": [1, 2]}], "parameters": {"k": 2**40}}, "'k' takes whole numbers from"),
        ({"instances": [{"pair": [1, 2]}], "signature_name": "other"}, "signature 'other' is not served"),
        ({"rows": []}, 'has no "instances"'),
        (b"{", "is no JSON"),
        (b"\xff", "is no JSON"),
    ],
)
def test_a_request_that_does_not_fit_is_told_what_is_wrong(models, body, told):
    with pytest.raises(RequestError) as raised:
        answer(loaded(models / "mixed", inputs={"k": 1}), body)
    assert told in raised.value.message


def test_a_parameter_without_a_value_for_all_requests_must_be_sent(models):
    served = loaded(models / "mixed")
    with pytest.raises(RequestError, match="'k' is needed once per request"):
        answer(served, {"instances": ROWS})
    assert answer(served, {"instances": ROWS, "parameters": {"k": 1}})["predictions"]


def test_one_feature_and_one_output_need_no_names(models):
    served = loaded(models / "one")
    assert answer(served, {"instances": [1, {"x": 2}, [3]]}) == {"predictions": [2.0, 4.0, 6.0]}
    assert answer(served, {"inputs": {"x": [1, 2]}}) == {"outputs": [2.0, 4.0]}
    assert answer(loaded(models / "text"), {"instances": ["a", "é"]}) == {"predictions": ["A", "é"]}


def test_a_signature_that_parses_examples_is_sent_examples(models):
    import tensorflow as tf

    served = loaded(models / "examples")
    assert isinstance(served.encoder, ExampleEncoder)
    rows = [{"payment_type": "Cash", "trip_miles": 1.5, "seconds": 60}, {"trip_miles": 2.5}]
    expected = [4 + 15 + 6000, 25 - 100]
    assert answer(served, {"instances": rows})["predictions"] == expected
    feature = tf.train.Feature(float_list=tf.train.FloatList(value=[2.5]))
    example = tf.train.Example(features=tf.train.Features(feature={"trip_miles": feature})).SerializeToString()
    sent = {"b64": base64.b64encode(example).decode()}
    assert answer(served, {"instances": [sent, {"examples": sent}]})["predictions"] == [-75, -75]


def test_a_model_of_another_flavour_gets_rows_in_arrow(tmp_path, monkeypatch):
    (tmp_path / "site").mkdir()
    (tmp_path / "site/their_lines.py").write_text(PACKAGE)
    info = tmp_path / "site/their_lines-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: their-lines\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[weighbridge.flavours]\nline = their_lines:LINE\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.delitem(sys.modules, "their_lines", raising=False)
    assert metadata.entry_points(group="weighbridge.flavours")
    served = loaded(line_model(tmp_path / "model"), label=LABEL)
    assert isinstance(served.encoder, ArrowEncoder)
    rows = [{"trip_miles": 2.0, LABEL: 1}, {"trip_miles": None}, {}]
    assert answer(served, {"instances": rows})["predictions"] == [1.0, 0.0, 0.0]
    with pytest.raises(RequestError, match="text in some rows and numbers in others"):
        answer(served, {"instances": [{"trip_miles": 1}, {"trip_miles": "x"}]})
    parts = [served.encoder.encode(from_instances([{"trip_miles": miles}]), {}) for miles in (1.0, 2.0)]
    assert served.call(parts)["p"].tolist() == [0.5, 1.0]


def test_what_cannot_be_served_is_said_when_it_is_loaded(models, tmp_path):
    with pytest.raises(UsageError, match="input 'image' is float32 of shape"):
        loaded(models / "image")
    with pytest.raises(UsageError, match="has no signature 'other'; it has: serving_default"):
        loaded(models / "one", signature="other")
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty/notes.txt").write_text("no model")
    with pytest.raises(UsageError, match="No model was exported"):
        loaded(tmp_path / "empty")


def test_a_model_that_does_not_answer_real_rows_never_becomes_ready(models, tmp_path):
    samples = tmp_path / "samples.jsonl"
    samples.write_text('{"x": 1.5, "label": 1}\n')
    served = loaded(models / "one", samples=str(samples))
    assert served.example == {"x": 1.5}
    assert served.outputs == {"y": ("<f4", ())}
    samples.write_text('{"x": "text"}\n')
    with pytest.raises(UsageError, match=r"does not answer the rows of .*'x' takes numbers"):
        loaded(models / "one", samples=str(samples))
    samples.write_text("[1]\n")
    with pytest.raises(UsageError, match="holds no rows"):
        loaded(models / "one", samples=str(samples))


def test_its_files_are_gone_when_it_is_closed(models):
    served = loaded(models / "one")
    served.close()
    assert not hasattr(served, "loaded")
