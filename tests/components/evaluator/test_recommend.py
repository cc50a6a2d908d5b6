"""A model that answers a request with k items: ragged columns, an input that no column gives, no label, variants."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tests.components.evaluator.helpers import gate, latency_gates, load, quality_gates, weighing
from weighbridge.common.digests import tree_digest
from weighbridge.common.errors import UsageError
from weighbridge.components.artifacts.models import variant_folder
from weighbridge.components.evaluator import MetricRow, MetricsRequest, MetricsResponse, signature
from weighbridge.components.evaluator.evaluate import Evaluation, evaluate
from weighbridge.components.evaluator.unmeasurable import Unmeasurable
from weighbridge.components.pusher.push import push
from weighbridge.verdict import Estimate, Gate, write_gates

SPECS: dict[str, Any] = {
    "history": ((None, None), "string"),
    "ages": ((None, None), "float32"),
    "country": ((None,), "string"),
    "k": ((), "int32"),
}
HISTORIES = [[b"a", b"b", b"c"], None, [b"b"], []]
BATCH = pa.RecordBatch.from_arrays(
    [
        pa.array(HISTORIES, pa.large_list(pa.large_binary())),
        pa.array([[1.0, 2.0, 3.0], None, [9.0], []], pa.large_list(pa.float32())),
        pa.array([[b"Germany"], [b"France"], [b"Germany"], None], pa.large_list(pa.large_binary())),
    ],
    ["history", "ages", "country"],
)
K = {"k": 2}


def recommend(history: Any, ages: Any, country: Any, k: Any) -> dict[str, Any]:
    """The first k of a catalogue, scored by how many items the history has; an item of the history is one with text."""
    import tensorflow as tf

    bought = tf.reduce_sum(tf.cast(history != "", tf.float32), axis=1)
    # Both are padded alike, so that an age stands at the place of its item.
    old = tf.reduce_sum(tf.where(tf.math.is_nan(ages), 0.0, ages), axis=1)
    rows = tf.shape(country)[0]
    items = tf.tile(tf.constant(["x", "y", "z"])[None, :k], [rows, 1])
    return {"items": items, "scores": tf.tile((bought + old / 100)[:, None], [1, k])}


def export(folder: Path, function: Callable[..., Any] = recommend, specs: dict[str, Any] = SPECS) -> Path:
    """A SavedModel with a signature `recommend`, in the very folder."""
    import tensorflow as tf

    module = tf.Module()
    module.weight = tf.Variable(1.0)
    given = {name: tf.TensorSpec(shape, dtype, name=name) for name, (shape, dtype) in specs.items()}
    module.serve = tf.function(lambda **inputs: function(**inputs))
    tf.saved_model.save(module, str(folder), signatures={"recommend": module.serve.get_concrete_function(**given)})
    return folder


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(tmp_path_factory.mktemp("model") / "Format-Serving")


def test_rows_are_sent_with_all_their_values_and_the_constant(serving: Path) -> None:
    loaded = signature.load(serving, "recommend", K)
    request = loaded.request(BATCH)
    assert request["history"].shape == (4, 3)
    assert request["history"].numpy()[2].tolist() == [b"b", b"", b""]
    assert request["k"].numpy() == 2
    found = loaded.call(request)
    assert found["items"].tolist() == [[b"x", b"y"]] * 4
    np.testing.assert_allclose(found["scores"][:, 0], [3.06, 0, 1.09, 0], rtol=1e-6)


def test_a_row_alone_is_as_wide_as_its_own_values(serving: Path) -> None:
    loaded = signature.load(serving, "recommend", K)
    together = loaded.call(loaded.request(BATCH))["scores"]
    for row in range(BATCH.num_rows):
        alone = loaded.request(BATCH.slice(row, 1))
        assert alone["history"].shape == (1, max(len(HISTORIES[row] or []), 1))
        np.testing.assert_allclose(loaded.call(alone)["scores"][0], together[row], rtol=1e-6)


def test_a_constant_is_repeated_where_the_input_has_one_value_per_row(tmp_path: Path) -> None:
    import tensorflow as tf

    def scaled(scale: Any, country: Any) -> dict[str, Any]:
        return {"p": scale * tf.cast(tf.strings.length(country), tf.float32)}

    specs = {"scale": ((None,), "float32"), "country": ((None,), "string")}
    loaded = signature.load(export(tmp_path, scaled, specs), "recommend", {"scale": 10})
    assert loaded.call(loaded.request(BATCH))["p"].tolist() == [70, 60, 70, 0]


def test_serialized_examples_may_have_a_constant_beside_them(tmp_path: Path) -> None:
    import tensorflow as tf

    def parsed(examples: Any, k: Any) -> dict[str, Any]:
        country = tf.io.parse_example(examples, {"country": tf.io.FixedLenFeature([], tf.string, "")})["country"]
        return {"p": tf.strings.length(country) + k}

    specs = {"examples": ((None,), "string"), "k": ((), "int32")}
    loaded = signature.load(export(tmp_path, parsed, specs), "recommend", K)
    assert loaded.call(loaded.request(BATCH))["p"].tolist() == [9, 8, 9, 2]


@pytest.mark.parametrize(
    ("constants", "complaint"),
    [
        ({"kk": 2}, r"gives kk=2, but signature 'recommend' has no such input; it has: .*k"),
        ({"k": "many"}, r"gives k='many', but the signature's input 'k' is int32"),
        ({"k": 2.5}, r"gives k=2\.5, but the signature's input 'k' is int32"),
        ({"k": 2**40}, "is int32"),
        ({"k": 2, "history": "a"}, "'history' is neither a scalar nor"),
    ],
)
def test_a_constant_that_does_not_fit_is_told(serving: Path, constants: dict[str, Any], complaint: str) -> None:
    with pytest.raises(Unmeasurable, match=complaint) as caught:
        signature.load(serving, "recommend", constants)
    assert caught.value.gate("quality").name == "quality.signature.callable"


def test_an_input_that_nothing_gives_is_told_with_what_to_do(serving: Path) -> None:
    with pytest.raises(Unmeasurable, match=r"asks for 'k', which is not a raw feature.*under inputs in gates\.yaml"):
        signature.load(serving, "recommend").request(BATCH)


def provider(request: MetricsRequest) -> MetricsResponse:
    """Calls the signature itself, as a provider for rankings does, and needs no label."""
    assert request.label == ""
    loaded = signature.load(request.candidate, request.signature, request.inputs)
    scores = loaded.call(loaded.request(BATCH))["scores"]
    row = MetricRow("mean@2", BATCH.num_rows, Estimate(float(scores.mean())))
    return MetricsResponse(BATCH.num_rows, (row,))


def by_predictions(request: MetricsRequest) -> MetricsResponse:
    """A metric without a label, on what the Evaluator predicts."""
    found = request.predictions()
    assert np.isnan(found.labels).all()
    return MetricsResponse(4, (MetricRow("mean@2", len(found.labels), Estimate(float(found.candidate.mean()))),))


@pytest.fixture
def weigh(serving: Path, tmp_path: Path) -> Callable[..., Evaluation]:
    def run(latency: dict[str, Any] | None = None, **changes: Any) -> Evaluation:
        quality = quality_gates(
            signature="recommend", inputs=K, prediction="scores", metrics={"mean@2": {"min": 0.5, "max": 2}}
        )
        settings = {
            "quality": quality,
            "latency": latency_gates(signature="recommend", inputs=K, **(latency or {})),
            "label": "",
            "metrics_fn": f"{__name__}.provider",
            **changes,
        }
        return evaluate(weighing(_examples(tmp_path), serving.parent, **settings), tmp_path / "evaluation")

    return run


def _examples(folder: Path) -> Path:
    import tensorflow as tf
    from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder

    target = folder / "examples/Split-eval/data.gz"
    if not target.exists():
        target.parent.mkdir(parents=True)
        with tf.io.TFRecordWriter(str(target), "GZIP") as writer:
            for example in RecordBatchToExamplesEncoder(None).encode(BATCH):
                writer.write(example)
        write_gates(folder / "examples", [Gate(name="data.rows.min", status="passed", message="enough")])
    return folder / "examples"


@pytest.mark.parametrize("name", ["provider", "by_predictions"])
def test_it_is_weighed_without_a_label(weigh: Callable[..., Evaluation], tmp_path: Path, name: str) -> None:
    outcome = weigh(metrics_fn=f"{__name__}.{name}")
    assert outcome.verdict.passed, outcome.verdict.refusals
    assert gate(outcome.verdict, "quality.mean@2.min").observed == pytest.approx((3.06 + 1.09) / 4)
    assert load(tmp_path / "evaluation/metrics.json")["label"] == ""
    assert load(tmp_path / "evaluation/latency.json")["inputs"] == K

    import tensorflow_model_analysis as tfma

    opened = tfma.load_eval_result(str(tmp_path / "evaluation")).get_metrics_for_all_slices()
    assert opened[()]["mean@2"] == {"doubleValue": pytest.approx(4.15 / 4)}


def test_the_built_in_metrics_need_a_label(weigh: Callable[..., Evaluation]) -> None:
    with pytest.raises(UsageError, match="the Evaluator has none") as caught:
        weigh(
            metrics_fn="weighbridge.components.evaluator.quality.metrics.compute",
            quality=quality_gates(signature="recommend", inputs=K),
        )
    assert "label=" in caught.value.hint


def test_constants_that_do_not_fit_refuse_in_both_rooms(weigh: Callable[..., Evaluation]) -> None:
    outcome = weigh(
        latency=None,
        quality=quality_gates(signature="recommend", inputs={"n": 1}, metrics={"mean@2": {"min": 0}}),
        metrics_fn=f"{__name__}.provider",
    )
    found = gate(outcome.verdict, "quality.signature.callable")
    assert "gives n=1" in found.message
    assert not outcome.model_blessed
    assert outcome.infra_blessed


VARIANTS = {
    "large": {"batch_sizes": {1: {"p50_ms": {"max": 10_000}}, 2: {"throughput_rows_s": {"min": 1e9}}}},
    "broken": {"batch_sizes": {1: {"p50_ms": {"max": 10_000}}}},
    "missing": {"batch_sizes": {1: {"p50_ms": {"max": 10_000}}}},
}


def test_variants_are_timed_with_the_same_rows_and_judged(
    weigh: Callable[..., Evaluation], serving: Path, tmp_path: Path
) -> None:
    export(variant_folder(serving.parent, "large"))
    export(variant_folder(serving.parent, "broken"), lambda gone: {"p": gone}, {"gone": ((None,), "string")})
    outcome = weigh(latency={"variants": VARIANTS})
    names = {found.name: found for found in outcome.verdict.gates if found.name.startswith("latency.")}
    assert names["latency.large.batch_1.p50_ms.max"].passed
    slow = names["latency.large.batch_2.throughput_rows_s.min"]
    assert (slow.passed, slow.baseline, slow.unit) == (False, None, "rows/s")
    assert not outcome.infra_blessed
    assert names["latency.batch_1.p50_ms.max"].passed
    assert "export it to TrainingSession.variant_dir('missing')" in names["latency.missing.model.loadable"].message
    assert (
        "gives k=2, but signature 'recommend' has no such input; it has: gone"
        in names["latency.broken.signature.callable"].message
    )

    (measured,) = load(tmp_path / "evaluation/latency.json")["variants"]
    assert measured["name"] == "large"
    assert [batch["batch_size"] for batch in measured["batches"]] == [1, 2]
    assert measured["batches"][0]["candidate"]["p50_ms"]["value"] == names["latency.large.batch_1.p50_ms.max"].observed
    folder = variant_folder(serving.parent, "large")
    assert measured["model_bytes"] == sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_the_verdict_is_bound_to_the_variants_and_the_served_model_to_itself(
    weigh: Callable[..., Evaluation], serving: Path
) -> None:
    before = weigh().verdict.subject
    export(variant_folder(serving.parent, "int8"))
    subject = weigh(latency={"variants": {"int8": VARIANTS["broken"]}}).verdict.subject
    assert subject["variant_int8"] == tree_digest(variant_folder(serving.parent, "int8"))
    assert subject["model"] == before["model"] == tree_digest(serving)


def test_only_the_served_model_is_pushed(weigh: Callable[..., Evaluation], serving: Path, tmp_path: Path) -> None:
    from tfx.utils import path_utils

    export(variant_folder(serving.parent, "int8"))
    outcome = weigh(latency={"variants": {"int8": VARIANTS["broken"]}})
    pushed = push(path_utils.serving_model_path(str(serving.parent)), tmp_path / "evaluation", tmp_path / "production")
    assert pushed.record is not None, pushed.gates
    assert pushed.record.model_digest == outcome.verdict.subject["model"] == tree_digest(pushed.path)
    assert not list((tmp_path / "production").rglob("variants"))
