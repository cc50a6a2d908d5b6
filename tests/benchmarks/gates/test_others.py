"""Others' rules, restated: held against the originals, what they publish, and other implementations."""

import json
from itertools import cycle

import numpy as np
import pytest
from scipy.stats import mannwhitneyu, norm

from benchmarks.gates import evidently
from benchmarks.gates.checks import ArgoRollouts, Flagger
from benchmarks.gates.columns import LIMIT, column_streams
from benchmarks.gates.kayenta import Classifier, shift_interval, statistic
from benchmarks.gates.recorded.ask_evidently import ANSWERS, samples

FIVE = np.array([20.0, 22, 21, 25, 30]), np.array([1, 2.2, 1.1, 2.5, 3])


@pytest.mark.parametrize("digits", [1, 6])
def test_the_statistic_of_kayenta_is_that_of_the_test_by_mann_and_whitney(digits: int) -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        x, y = rng.normal(0.4, 1, 25).round(digits), rng.normal(0, 1, 31).round(digits)
        p_value = mannwhitneyu(x, y, alternative="two-sided", method="asymptotic", use_continuity=True).pvalue
        assert 2 * norm.sf(abs(statistic(0.0, x, y))) == pytest.approx(p_value, rel=1e-9)


def test_the_interval_is_the_one_that_kayentas_own_tests_expect() -> None:
    low, high, estimate = shift_interval(np.array([10.0, 20, 30, 40]), np.array([1.0, 2, 3, 4]), 0.95)
    assert (low, high, estimate) == pytest.approx((6.0, 39.0, 22.5), abs=1e-3)


@pytest.mark.parametrize(
    ("allowed", "label"),
    [((0.8, 1.2), "High"), ((1.0, 1.0), "High"), ((1.0, 20.0), "Pass")],
)
def test_metrics_are_classified_as_kayentas_own_tests_expect(allowed: tuple[float, float], label: str) -> None:
    experiment, control = FIVE
    assert Classifier(tolerance=0.1, confidence=0.95, allowed=allowed).label(control, experiment) == label


def test_metrics_without_a_shift_or_without_data_are_classified() -> None:
    experiment, control = FIVE
    assert Classifier(0.1, 0.95).label(experiment, control) == "Low"
    assert Classifier().label(experiment, experiment[::-1]) == "Pass"
    assert Classifier().label(np.array([]), experiment) == "Nodata"


@pytest.mark.parametrize(
    ("answers", "verdict"),
    [
        ([True], ("passed", 120 + 240 + 360 + 480 + 600)),
        ([False], ("refused", 5 * 120)),
        ([False, True], ("refused", 2 * (120 + 240 + 360 + 480) + 600)),
        ([False, False, True], ("refused", 3 * 120 + 3 * 240 + 360)),
    ],
)
def test_flagger_steps_on_at_each_success_and_gives_up_at_the_fifth_failure(answers, verdict) -> None:
    found = cycle(answers)
    assert Flagger().judge(lambda calls: next(found)) == verdict


@pytest.mark.parametrize(
    ("failures", "verdict"), [(0, ("passed", 4000)), (3, ("passed", 4000)), (4, ("refused", 1600))]
)
def test_argo_rollouts_fails_once_more_measurements_failed_than_may(failures: int, verdict) -> None:
    found = iter([False] * failures + [True] * 10)
    assert ArgoRollouts().judge(lambda calls: next(found)) == verdict


@pytest.mark.parametrize("name", samples())
def test_evidently_restated_answers_as_the_original(name: str) -> None:
    kind, reference, current = samples()[name]
    test, score, drifted = json.loads(ANSWERS.read_text())["answers"][name]
    found = evidently.drifted(reference, current, kind)
    assert (found[0], found[2]) == (test, drifted)
    assert found[1] == pytest.approx(score, abs=1e-9)


@pytest.mark.slow
def test_tfdv_is_asked_about_what_it_computes_itself() -> None:
    """Statistics that are made from values in one go give the same answers as TFDV's own generators."""
    import tensorflow_data_validation as tfdv
    from tensorflow_metadata.proto.v0 import statistics_pb2

    from benchmarks.gates.statistics import COLUMN, statistics_of

    rng = np.random.default_rng(3)
    for stream in column_streams()[:3]:
        schema = tfdv.infer_schema(_generated(stream.draw(rng, 100, 0.0)))
        [feature] = schema.feature
        feature.ClearField("domain")
        schema.ClearField("string_domain")
        feature.drift_comparator.jensen_shannon_divergence.threshold = LIMIT
        reference, current = stream.draw(rng, 2000, 0.0), stream.draw(rng, 2000, 0.3)
        made = [
            statistics_pb2.DatasetFeatureStatisticsList(datasets=[statistics_of(column, stream.kind)])
            for column in (current, reference)
        ]
        measured = []
        for ours, theirs in (made, [_generated(current), _generated(reference)]):
            anomalies = tfdv.validate_statistics(ours, schema, previous_statistics=theirs)
            [info] = anomalies.drift_skew_info
            measured.append(info.drift_measurements[0].value)
            assert list(info.path.step) == [COLUMN]
        assert measured[0] == pytest.approx(measured[1], rel=0.03, abs=1e-4), stream.name


def _generated(column):
    import pandas as pd
    import tensorflow_data_validation as tfdv

    from benchmarks.gates.statistics import COLUMN

    return tfdv.generate_statistics_from_dataframe(pd.DataFrame({COLUMN: column}))


@pytest.mark.slow
def test_tfma_judges_by_the_measured_difference_alone() -> None:
    import tensorflow_model_analysis as tfma
    from google.protobuf.wrappers_pb2 import DoubleValue
    from tensorflow_model_analysis.evaluators import metrics_validator
    from tensorflow_model_analysis.metrics import metric_types

    threshold = tfma.MetricThreshold(
        change_threshold=tfma.GenericChangeThreshold(
            direction=tfma.MetricDirection.HIGHER_IS_BETTER, absolute=DoubleValue(value=-0.01)
        )
    )
    spec = tfma.MetricsSpec(
        metrics=[tfma.MetricConfig(class_name="AUC", threshold=threshold)], model_names=["candidate", "baseline"]
    )
    models = [tfma.ModelSpec(name="candidate"), tfma.ModelSpec(name="baseline", is_baseline=True)]
    config = tfma.EvalConfig(model_specs=models, metrics_specs=[spec], slicing_specs=[tfma.SlicingSpec()])
    for change, passes in ((0.0, True), (-0.01, True), (-0.0101, False)):
        values = {
            metric_types.MetricKey("auc", model_name="candidate"): 0.9 + change,
            metric_types.MetricKey("auc", model_name="candidate", is_diff=True): change,
        }
        assert metrics_validator.validate_metrics(((), values), config).validation_ok is passes
