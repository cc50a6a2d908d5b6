"""Quality: real taxi rows, better and worse models, and every way a slice or metric can be missing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.components.evaluator.conftest import good_score
from tests.components.evaluator.helpers import (
    LABEL,
    batch_of,
    gate,
    load,
    quality_gates,
    rank_auc,
    weighing,
    write_examples,
)
from weighbridge.common.errors import UsageError
from weighbridge.components.evaluator import MetricRow, MetricsRequest, MetricsResponse
from weighbridge.components.evaluator.evaluate import Evaluation, evaluate
from weighbridge.components.evaluator.quality import judge as quality
from weighbridge.evidence.metrics import Metrics
from weighbridge.verdict import Estimate, Gate

Models = Callable[[str], Path]


@pytest.fixture
def weigh(examples: Path, models: Models, tmp_path: Path) -> Callable[..., Evaluation]:
    """Weighs a kind of model with a quality section; settings of the weighing may follow."""

    def run(kind: str, section: dict[str, Any] | None = None, **changes: Any) -> Evaluation:
        changed = {"examples": examples, **changes}
        path = Path(changed.pop("examples"))
        if "production" in changed:
            changed["production"] = str(models(changed["production"]))
        gates = quality_gates(**(section or {}))
        return evaluate(weighing(path, models(kind), quality=gates, **changed), tmp_path / "evaluation")

    return run


def test_a_good_model_passes_with_the_exact_auc(
    weigh: Callable[..., Evaluation], columns: dict[str, list[Any]], tmp_path: Path
) -> None:
    import tensorflow as tf

    outcome = weigh("good")
    assert outcome.verdict.passed
    assert outcome.model_blessed
    scores = good_score(
        tf.constant([value or "" for value in columns["payment_type"]]),
        *(tf.constant(np.array(columns[name], np.float32)) for name in ("trip_miles", "fare")),
    )
    exact = rank_auc(np.array(columns[LABEL]), np.asarray(scores))
    assert gate(outcome.verdict, "quality.auc.min").observed == pytest.approx(exact, abs=1e-6)
    metrics = load(tmp_path / "evaluation/metrics.json")
    assert Metrics.require(tmp_path / "evaluation").model_dump(mode="json") == metrics
    (row,) = [row for row in metrics["metrics"] if row["name"] == "auc" and row["slice"] == ""]
    assert row["low"] < row["value"] < row["high"]
    assert (metrics["rows"], metrics["split"], metrics["label"]) == (len(columns[LABEL]), "eval", LABEL)
    assert metrics["plots"]["roc"]["candidate"][0] == [0, 0]
    assert sum(rows for _, _, rows in metrics["plots"]["calibration"]["candidate"]) == metrics["rows"]


def test_a_model_of_shuffled_labels_is_refused(weigh: Callable[..., Evaluation]) -> None:
    outcome = weigh("shuffled")
    refused = gate(outcome.verdict, "quality.auc.min")
    assert not refused.passed
    assert refused.observed == pytest.approx(0.5, abs=0.05)
    assert "must be at least 0.8" in refused.message
    assert not outcome.model_blessed
    assert outcome.infra_blessed


@pytest.mark.parametrize(
    ("candidate", "production", "passes"), [("good", "shuffled", True), ("shuffled", "good", False)]
)
def test_the_model_in_production_is_weighed_on_the_same_rows(
    weigh: Callable[..., Evaluation], tmp_path: Path, candidate: str, production: str, passes: bool
) -> None:
    outcome = weigh(candidate, {"metrics": {"auc": {"min_change": 0.1}}}, production=production)
    found = gate(outcome.verdict, "quality.auc.min_change")
    assert found.passed is passes
    (row,) = [row for row in load(tmp_path / "evaluation/metrics.json")["metrics"] if row["name"] == "auc"]
    assert found.baseline == row["production"]["value"]
    assert found.observed == pytest.approx(row["value"] - row["production"]["value"])
    assert row["change"]["low"] < row["change"]["value"] < row["change"]["high"]
    assert "production" in outcome.verdict.subject


def test_nothing_in_production_lets_a_relative_threshold_pass_and_says_so(weigh: Callable[..., Evaluation]) -> None:
    found = gate(weigh("good", {"metrics": {"auc": {"min_change": 0}}}).verdict, "quality.auc.min_change")
    assert found.passed
    assert found.status == "not_compared"
    assert "nothing is in production yet" in found.message


@pytest.mark.parametrize("broken", ["garbage", "raising"])
def test_production_that_cannot_be_read_refuses(weigh: Callable[..., Evaluation], broken: str) -> None:
    verdict = weigh("good", {"metrics": {"auc": {"min": 0.8, "min_change": -1}}}, production=broken).verdict
    for name in ("quality.production.readable", "latency.production.readable", "quality.auc.min_change"):
        assert gate(verdict, name).status == "unmeasured"
    assert gate(verdict, "quality.auc.min").passed


def test_slices_are_reported_and_judged_and_small_ones_told(weigh: Callable[..., Evaluation], tmp_path: Path) -> None:
    entry = {"slice": ["payment_type"], "metrics": {"binary_accuracy": {"min": 0.5}}}
    verdict = weigh("good", {"slices": [["trip_start_hour"]], "slice_metrics": [entry], "min_slice_rows": 100}).verdict
    assert gate(verdict, "quality.payment_type=Cash.binary_accuracy.min").passed
    small = gate(verdict, "quality.payment_type=No Charge.rows.min")
    assert (small.status, small.severity, small.threshold, small.unit) == ("refused", "warning", 100, "rows")
    assert 0 < small.observed < 100  # type: ignore[operator]
    assert verdict.passed
    rows = load(tmp_path / "evaluation/metrics.json")["metrics"]
    counted = {row["slice"]: row["rows"] for row in rows if row["name"] == "example_count"}
    assert sum(size for name, size in counted.items() if name.startswith("trip_start_hour=")) == counted[""]
    assert counted["payment_type=No Charge"] == small.observed


def test_a_small_slice_can_block(weigh: Callable[..., Evaluation]) -> None:
    entry = {
        "slice": {"payment_type": "No Charge"},
        "metrics": {"binary_accuracy": {"min": 0}},
        "min_rows": 1000,
        "small": "blocking",
    }
    verdict = weigh("good", {"slice_metrics": [entry]}).verdict
    assert [gate.name for gate in verdict.refusals] == ["quality.payment_type=No Charge.rows.min"]


def test_a_slice_below_its_threshold_refuses_though_all_rows_pass(weigh: Callable[..., Evaluation]) -> None:
    entry = {"slice": {"payment_type": "Credit Card"}, "metrics": {"auc": {"min": 0.8}}}
    verdict = weigh("good", {"slice_metrics": [entry]}).verdict
    assert [gate.name for gate in verdict.refusals] == ["quality.payment_type=Credit Card.auc.min"]


def test_slices_that_are_not_there_refuse(weigh: Callable[..., Evaluation]) -> None:
    entry = {"slice": {"payment_type": "Bitcoin"}, "metrics": {"auc": {"min": 0.1}}}
    verdict = weigh("good", {"slice_metrics": [entry]}).verdict
    assert [(gate.name, gate.status) for gate in verdict.refusals] == [
        ("quality.payment_type=Bitcoin.present", "unmeasured")
    ]
    verdict = weigh("good", {"slices": [["colour"]]}).verdict
    assert "no column 'colour'" in gate(verdict, "quality.slices.present").message


def test_rows_of_a_unit_count_together(
    weigh: Callable[..., Evaluation], columns: dict[str, list[Any]], tmp_path: Path
) -> None:
    rows = len(columns[LABEL])
    path = write_examples(tmp_path / "taxis", {**columns, "taxi": [f"t{row // 20}" for row in range(rows)]})
    alone = weigh("good", examples=path)
    together = weigh("good", {"unit": "taxi", "slices": [["payment_type"]]}, examples=path)
    metrics = Metrics.require(tmp_path / "evaluation")
    assert metrics.unit == "taxi"
    one, other = (gate(outcome.verdict, "quality.auc.min") for outcome in (alone, together))
    assert one.observed == other.observed
    assert one.interval != other.interval


def test_a_unit_that_is_not_there_refuses_and_few_units_tell_nothing(weigh: Callable[..., Evaluation]) -> None:
    missing = gate(weigh("good", {"unit": "customer"}).verdict, "quality.unit.present")
    assert missing.status == "unmeasured"
    assert "no column 'customer' to take as quality.unit; the data has:" in missing.message
    assert "payment_type" in missing.message
    few = gate(weigh("good", {"unit": "payment_type"}).verdict, "quality.auc.min")
    assert few.status == "inconclusive"
    assert "Its interval takes 20 values of payment_type" in few.message


def test_combinations_of_features_are_slices(weigh: Callable[..., Evaluation], tmp_path: Path) -> None:
    weigh("good", {"slices": [["payment_type", "trip_start_hour"]]})
    names = {row["slice"] for row in load(tmp_path / "evaluation/metrics.json")["metrics"]}
    assert "payment_type=Cash,trip_start_hour=12" in names


def test_too_many_slices_refuse(weigh: Callable[..., Evaluation], tmp_path: Path) -> None:
    rows = 1500
    columns = {"payment_type": ["Cash"] * rows, "trip_miles": [float(i) for i in range(rows)], "fare": [1.0] * rows}
    path = write_examples(tmp_path / "many", {**columns, LABEL: [0, 1] * (rows // 2)})
    verdict = weigh("good", {"slices": [["trip_miles"]]}, examples=path).verdict
    assert "1,500 slices" in gate(verdict, "quality.slices.few").message


def test_all_labels_equal_refuses(weigh: Callable[..., Evaluation], tmp_path: Path) -> None:
    columns = {"payment_type": ["Cash"] * 9, "trip_miles": [1.0] * 9, "fare": [1.0] * 9, LABEL: [0] * 9}
    verdict = weigh("good", examples=write_examples(tmp_path / "same", columns)).verdict
    found = gate(verdict, "quality.auc.min")
    assert found.status == "unmeasured"
    assert "All 9 labels are 0" in found.message


def test_a_missing_label_column_refuses(weigh: Callable[..., Evaluation]) -> None:
    found = gate(weigh("good", label="bigtipper").verdict, "quality.label.present")
    assert found.status == "unmeasured"
    assert "no label column 'bigtipper'" in found.message
    assert LABEL in found.message


def test_predictions_that_are_nan_refuse(weigh: Callable[..., Evaluation]) -> None:
    assert gate(weigh("nan").verdict, "quality.predictions.finite").status == "unmeasured"


def test_a_metric_that_the_predictions_do_not_fit_refuses(weigh: Callable[..., Evaluation]) -> None:
    verdict = weigh("good", {"metrics": {"sparse_categorical_accuracy": {"min": 0.1}}}).verdict
    assert "one number per row" in gate(verdict, "quality.sparse_categorical_accuracy.min").message


def test_tfma_opens_the_evaluation(weigh: Callable[..., Evaluation], tmp_path: Path) -> None:
    import tensorflow_model_analysis as tfma

    outcome = weigh("good", {"slices": [["payment_type"], ["trip_start_hour"]]}, production="shuffled")
    result = tfma.load_eval_result(str(tmp_path / "evaluation"), model_name="candidate")
    metrics = result.get_metrics_for_all_slices()
    assert metrics[()]["auc"]["boundedValue"]["value"] == gate(outcome.verdict, "quality.auc.min").observed
    assert metrics[()]["auc_diff"]["boundedValue"]["lowerBound"] > 0.3
    assert (("payment_type", "Cash"),) in metrics
    assert (("trip_start_hour", 12),) in metrics
    baseline = tfma.load_eval_result(str(tmp_path / "evaluation"), model_name="production")
    assert baseline.get_metrics_for_all_slices()[()]["auc"]["boundedValue"]["value"] < 0.6
    assert [spec.name for spec in result.config.model_specs] == ["candidate", "production"]


def response(*rows: MetricRow) -> MetricsResponse:
    return MetricsResponse(100, rows)


@pytest.mark.parametrize(
    ("estimate", "status"),
    [
        (Estimate(0.82, 0.81, 0.86), "passed"),
        (Estimate(0.82, 0.78, 0.86), "inconclusive"),
        (Estimate(0.79, 0.77, 0.81), "inconclusive"),
        (Estimate(0.75, 0.72, 0.79), "refused"),
        (Estimate(0.82, float("nan"), float("nan")), "inconclusive"),
        (Estimate(0.82), "passed"),  # counted
    ],
)
def test_the_interval_decides(estimate: Estimate, status: str) -> None:
    (found,) = quality.judge(quality_gates(), response(MetricRow("auc", 100, estimate)), in_production=False)
    assert found.status == status


def test_what_is_undecided_warns_where_that_is_asked_for_but_not_what_is_unknown() -> None:
    def judged(estimate: Estimate) -> Gate:
        gates = quality_gates(on_undecided="warn")
        (found,) = quality.judge(gates, response(MetricRow("auc", 100, estimate)), in_production=False)
        return found

    assert (judged(Estimate(0.79, 0.77, 0.81)).status, judged(Estimate(0.79, 0.77, 0.81)).refuses) == (
        "inconclusive",
        False,
    )
    assert judged(Estimate(0.75, 0.72, 0.79)).refuses
    assert judged(Estimate(0.82, float("nan"), float("nan"))).refuses


def test_what_a_provider_leaves_out_is_refused() -> None:
    gates = quality_gates(metrics={"auc": {"min": 0.8}, "recall_at_20": {"min": 0.1, "min_change": 0}})
    row = MetricRow("auc", 100, Estimate(0.9))
    for in_production in (False, True):  # a metric that is missing is missing also where there is no other model yet
        judged = quality.judge(gates, response(row), in_production=in_production)
        assert [found.status for found in judged] == ["passed", "unmeasured", "unmeasured"]


def ranking(request: MetricsRequest) -> MetricsResponse:
    """A provider of another kind: loads nothing, ranks nothing, but answers what it is asked."""
    assert request.candidate.is_dir()
    plots = {"coverage": [[np.int64(0), float("nan")]], "means": {"values": np.array([0.5, np.inf], np.float32)}}
    return MetricsResponse(7, (MetricRow("recall_at_20", 7, Estimate(0.3, 0.2, 0.4)),), plots)


def unplottable(request: MetricsRequest) -> MetricsResponse:
    return MetricsResponse(7, (), {"coverage": {"rows": [object()]}})


def careless(request: MetricsRequest) -> Any:
    raise KeyError("StockCode")


def wrong(request: MetricsRequest) -> Any:
    return batch_of({"a": [1]})


def test_users_bring_their_own_metrics(weigh: Callable[..., Evaluation], tmp_path: Path) -> None:
    section = {"metrics": {"recall_at_20": {"min": 0.25}}}
    outcome = weigh("good", section, metrics_fn=f"{__name__}.ranking")
    assert gate(outcome.verdict, "quality.recall_at_20.min").observed == 0.3
    assert load(tmp_path / "evaluation/metrics.json")["plots"] == {
        "coverage": [[0, None]],
        "means": {"values": [0.5, None]},
    }
    with pytest.raises(UsageError, match="careless' raised KeyError: 'StockCode'"):
        weigh("good", section, metrics_fn=f"{__name__}.careless")
    with pytest.raises(UsageError, match="Plot 'coverage' of the metrics provider holds a object"):
        weigh("good", section, metrics_fn=f"{__name__}.unplottable")
    with pytest.raises(UsageError, match="returned a RecordBatch"):
        weigh("good", section, metrics_fn=f"{__name__}.wrong")


def beside(request: MetricsRequest) -> MetricsResponse:
    """A metric of the user's own; it is not bothered with those that are built in."""
    assert request.metrics == ("lift",)
    return MetricsResponse(7, (MetricRow("lift", 7, Estimate(2.0)),), {"lift": {"kind": "lines"}})


def clashing(request: MetricsRequest) -> MetricsResponse:
    return MetricsResponse(7, (MetricRow("auc", 7, Estimate(1.0)),))


def drawing_over(request: MetricsRequest) -> MetricsResponse:
    return MetricsResponse(7, (), {"roc": {}})


def test_metrics_of_ones_own_come_beside_the_built_in_ones(weigh: Callable[..., Evaluation], tmp_path: Path) -> None:
    section = {"metrics": {"auc": {"min": 0.5}, "lift": {"min": 1.5}}}
    outcome = weigh("good", section, metrics_fn=f"{__name__}.beside")
    assert outcome.model_blessed, outcome.verdict.refusals
    alone = gate(weigh("good", {"metrics": {"auc": {"min": 0.5}}}).verdict, "quality.auc.min")
    assert gate(outcome.verdict, "quality.auc.min").observed == alone.observed
    assert gate(outcome.verdict, "quality.lift.min").observed == 2.0


@pytest.mark.parametrize(("provider", "name"), [("clashing", "auc"), ("drawing_over", "roc")])
def test_a_built_in_metric_cannot_be_replaced(weigh: Callable[..., Evaluation], provider: str, name: str) -> None:
    section = {"metrics": {"auc": {"min": 0.5}}}
    with pytest.raises(UsageError, match=rf"{provider}' returns '{name}', which is built in") as caught:
        weigh("good", section, metrics_fn=f"{__name__}.{provider}")
    assert f"my_{name}" in caught.value.hint
