"""The metrics: right by definition, the same as TFMA's, with intervals as wide as they should be."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import binomtest

from tests.components.evaluator.helpers import batch_of, rank_auc
from weighbridge.components.evaluator import jackknife
from weighbridge.components.evaluator.quality import intervals
from weighbridge.components.evaluator.quality.curves import roc
from weighbridge.components.evaluator.quality.kernels import KERNELS
from weighbridge.verdict import Estimate


@settings(max_examples=100, deadline=None)
@given(st.integers(2, 60).flatmap(lambda n: st.tuples(
    hnp.arrays(float, n, elements=st.sampled_from([0.0, 1.0])),
    hnp.arrays(float, n, elements=st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.75, 1.0])),
)))  # fmt: skip
def test_auc_is_how_often_a_positive_is_ranked_above_a_negative(case: tuple[np.ndarray, np.ndarray]) -> None:
    labels, scores = case
    value, without = intervals.replicate(KERNELS["auc"], labels, scores)
    if len(set(labels)) == 1:
        assert np.isnan(value)
        return
    assert value == pytest.approx(rank_auc(labels, scores), abs=1e-12)
    group = np.arange(len(labels)) % len(without)
    for left_out, found in enumerate(without):
        kept = group != left_out
        if len(set(labels[kept])) == 2:
            assert found == pytest.approx(rank_auc(labels[kept], scores[kept]), abs=1e-12)
        else:
            assert np.isnan(found)


@settings(max_examples=50, deadline=None)
@given(
    st.integers(20, 80), st.integers(0, 1000), st.sampled_from([n for n, k in KERNELS.items() if not k.takes_classes])
)
def test_leaving_a_group_out_is_measuring_without_it(rows: int, seed: int, name: str) -> None:
    rng = np.random.default_rng(seed)
    labels, scores = rng.integers(0, 2, rows).astype(float), rng.random(rows)
    kernel = KERNELS[name]
    _, without = intervals.replicate(kernel, labels, scores)
    kept = np.arange(rows) % len(without) != 3
    alone, _ = kernel.compute(labels[kept], scores[kept], np.zeros(kept.sum(), int), 1)
    np.testing.assert_allclose(without[3], alone, rtol=1e-9)


@pytest.mark.parametrize("name", ["auc", "auc_precision_recall"])
@pytest.mark.parametrize("prevalence", [0.5, 0.01])
def test_a_long_curve_is_drawn_well_enough_without_each_group(name: str, prevalence: float) -> None:
    rng = np.random.default_rng(5)
    labels, scores = answers(20_000, prevalence, 2.0, rng)
    value, without = intervals.replicate(KERNELS[name], labels, scores)
    group = np.arange(len(labels)) % len(without)
    spread = without.std()
    for left_out in (0, 7, 111):
        kept = group != left_out
        alone, _ = KERNELS[name].compute(labels[kept], scores[kept], np.zeros(kept.sum(), int), 1)
        assert without[left_out] == pytest.approx(alone, abs=0.05 * spread)
    assert value == KERNELS[name].compute(labels, scores, np.zeros(len(labels), int), 1)[0]


def test_the_roc_curve_goes_from_corner_to_corner_and_has_the_area() -> None:
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 2, 500).astype(float)
    scores = np.round(0.3 * labels + rng.random(500), 2)
    false, true = roc(labels, scores)
    assert (false[0], true[0], false[-1], true[-1]) == (0, 0, 1, 1)
    assert np.trapz(true, false) == pytest.approx(rank_auc(labels, scores))


def test_all_metrics_are_tfmas(tmp_path: Path) -> None:
    """The authority: TFMA itself, on the same predictions."""
    import apache_beam as beam
    import tensorflow_model_analysis as tfma

    rng = np.random.default_rng(7)
    labels = rng.integers(0, 2, 400)
    scores = np.clip(0.3 * labels + rng.normal(0.35, 0.2, 400), 0.001, 0.999).astype(np.float32)
    classes = {
        "auc": "AUC",
        "auc_precision_recall": "AUCPrecisionRecall",
        "binary_crossentropy": "BinaryCrossEntropy",
    }
    names = [name for name, kernel in KERNELS.items() if not kernel.takes_classes]
    # TFMA has its root only through Keras, which it calls row by row.
    names.remove("root_mean_squared_error")
    metrics = [
        tfma.MetricConfig(class_name=classes.get(name, name.title().replace("_", "")), config=f'"name": "{name}"')
        for name in names
    ]
    config = tfma.EvalConfig(
        model_specs=[tfma.ModelSpec(label_key="y", prediction_key="p")],
        slicing_specs=[tfma.SlicingSpec()],
        metrics_specs=[tfma.MetricsSpec(metrics=metrics)],
    )
    batch = batch_of({"y": labels.tolist(), "p": scores.tolist()})
    with beam.Pipeline() as pipeline:
        _ = (
            pipeline
            | beam.Create([batch])
            | tfma.ExtractEvaluateAndWriteResults(eval_config=config, output_path=str(tmp_path))
        )
    theirs = tfma.load_eval_result(str(tmp_path)).get_metrics_for_all_slices()[()]
    for name in names:
        ours, _ = intervals.replicate(KERNELS[name], labels.astype(float), scores.astype(float))
        # TFMA's curves are drawn from 10,000 bins.
        tolerance = 2e-3 if name.startswith("auc") else 1e-5
        assert ours == pytest.approx(theirs[name]["doubleValue"], rel=tolerance), name


def test_metrics_over_classes() -> None:
    labels = np.array([0.0, 1.0, 2.0, 2.0])
    scores = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.5, 0.3, 0.2], [0.1, 0.1, 0.8]])
    accuracy, _ = intervals.replicate(KERNELS["sparse_categorical_accuracy"], labels, scores)
    entropy, _ = intervals.replicate(KERNELS["sparse_categorical_crossentropy"], labels, scores)
    assert accuracy == 0.75
    assert entropy == pytest.approx(-np.mean(np.log([0.7, 0.8, 0.2, 0.8])))


def answers(rows: int, prevalence: float, apart: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Labels and predictions of a classifier whose two classes lie so many standard deviations apart."""
    labels = (rng.random(rows) < prevalence).astype(float)
    return labels, 1 / (1 + np.exp(-(apart * (labels - 0.5) + rng.normal(0, 1, rows))))


def measured(name: str, labels: np.ndarray, predictions: np.ndarray) -> Estimate:
    rows = jackknife.shuffled(len(labels))
    labels, predictions = labels[rows], predictions[rows]
    kernel, groups = KERNELS[name], intervals.Groups.rows(len(labels))
    found = intervals.replicate(kernel, labels, predictions, groups)
    return intervals.estimate(kernel, found, 0.95, intervals.telling(kernel, labels, predictions, groups))


@pytest.mark.parametrize(("name", "trials"), [("binary_accuracy", 100), ("recall", 50), ("auc", 50)])
def test_where_all_rows_are_right_the_next_may_not_be(name: str, trials: int) -> None:
    labels, predictions = np.tile([0.0, 1.0], 50), np.tile([0.1, 0.9], 50)
    found = measured(name, labels, predictions)
    exact = binomtest(trials, trials).proportion_ci(0.95, method="exact")
    assert (found.value, found.low, found.high) == pytest.approx((1.0, exact.low, 1.0))
    opposite = measured("fall_out", labels, predictions)
    assert (opposite.value, opposite.low) == (0.0, 0.0)
    assert opposite.high == pytest.approx(1 - binomtest(50, 50).proportion_ci(0.95, method="exact").low)


def test_where_all_that_are_called_are_right_nobody_knows_how_many_will_be_called() -> None:
    labels, predictions = np.tile([0.0, 1.0], 50), np.full(100, 0.1)
    predictions[[1, 3, 5]] = 0.9
    found = measured("precision", labels, predictions)
    assert found.value == 1.0
    assert np.isnan([found.low, found.high]).all()


def test_a_change_is_far_surer_in_pairs() -> None:
    rng = np.random.default_rng(4)
    labels = rng.integers(0, 2, 500).astype(float)
    production = 0.3 * labels + rng.random(500)
    candidate = production + 0.02 * labels
    ours = intervals.replicate(KERNELS["auc"], labels, candidate)
    theirs = intervals.replicate(KERNELS["auc"], labels, production)
    kernel = KERNELS["auc"]
    alone = intervals.estimate(kernel, ours, 0.95, 200)
    change = intervals.change(kernel, ours, theirs, 0.95, 200, same=False)
    assert change.value == pytest.approx(ours[0] - theirs[0])
    assert change.low is not None and change.low > 0  # noqa: PT018
    assert change.high - change.low < (alone.high - alone.low) / 5  # type: ignore[operator]
