"""The thresholds file's sections: what is accepted, and that a mistake in them cannot open a gate."""

import pytest
from pydantic import ValidationError

from weighbridge.common.errors import UsageError
from weighbridge.components.evaluator import LatencyGates, QualityGates
from weighbridge.components.evaluator.call_gates import BatchGates
from weighbridge.components.evaluator.quality.metrics import check_names
from weighbridge.thresholds.delivery import Stage

QUALITY = {
    "signature": "serve",
    "prediction": "p",
    "metrics": {"auc": {"min": 0.7, "min_change": -0.01}, "calibration": {"min": 0.9, "max": 1.1}},
    "slices": [["hour"]],
    "slice_metrics": [
        {"slice": ["payment_type"], "metrics": {"recall": {"min": 0.5}}},
        {"slice": {"company": "Blue", "hour": 3}, "metrics": {"auc": {"min": 0.5}}, "small": "blocking"},
    ],
}
LATENCY = {
    "batch_sizes": {
        1: {
            "p99_ms": {"max": 20, "max_ratio": 1.5},
            "at_rate": {"rate_rps": 200, "p99_ms": {"max": 50}},
            "concurrency": {4: {"p50_ms": {"max": 10}, "p99_ms": {"max_ratio": 2}}, 16: {}},
        },
        64: {},
    },
    "inputs": {"k": 20, "scale": 2.0, "exact": True, "kind": "top"},
    "variants": {"int8": {"batch_sizes": {1: {"p99_ms": {"max": 10}}}}},
    "load_ms": {"max": 5000},
    "model_bytes": {"max_ratio": 2},
}


def test_sections_travel_as_json_text() -> None:
    quality, latency = QualityGates.model_validate(QUALITY), LatencyGates.model_validate(LATENCY)
    assert QualityGates.model_validate_json(quality.model_dump_json()) == quality
    assert LatencyGates.model_validate_json(latency.model_dump_json()) == latency
    assert list(latency.batch_sizes) == [1, 64]
    again = LatencyGates.model_validate_json(latency.model_dump_json()).inputs
    assert [(name, type(value)) for name, value in again.items()] == [
        ("k", int), ("scale", float), ("exact", bool), ("kind", str)
    ]  # fmt: skip


def test_thresholds_under_load_are_thresholds() -> None:
    batch = LatencyGates.model_validate(LATENCY).batch_sizes[1]
    assert batch.at_rate is not None
    assert (batch.at_rate.rate_rps, batch.at_rate.servers) == (200, 1)
    assert list(batch.concurrency) == [4, 16]
    assert list(batch.given()) == ["p50_ms", "p99_ms", "at_rate.p99_ms"]
    assert list(batch.every())[3:] == ["concurrency.4.p50_ms", "concurrency.4.p99_ms"]
    for only in ({"at_rate": {"rate_rps": 9, "p99_ms": {"max": 1}}}, {"concurrency": {4: {"p50_ms": {"max": 1}}}}):
        LatencyGates.model_validate({"batch_sizes": {1: only}})


def test_metrics_and_slices_of_all_thresholds_are_measured() -> None:
    gates = QualityGates.model_validate(QUALITY)
    assert gates.metric_names() == ("auc", "calibration", "recall")
    assert gates.all_slices() == (("hour",), ("payment_type",), ("company", "hour"))
    assert [entry.wanted for entry in gates.slice_metrics] == [None, "company=Blue,hour=3"]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"metrics": {}}, "metrics"),
        ({"metrics": {"auc": {}}}, "at least one of"),
        ({"metrics": {"auc": {"mn": 0.7}}}, "mn"),
        ({"min_slice_row": 3}, "min_slice_row"),
        ({"on_undecided": "guess"}, "on_undecided"),
        ({"slices": [[]]}, "slices"),
        ({"risk": {"false_pass": 5}}, "false_pass"),
        ({"inputs": {"k": [1, 2]}}, "inputs.k"),
        ({"inputs": {"k": float("nan")}}, "inputs.k"),
    ],
)
def test_a_mistake_in_quality_is_refused(change: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        QualityGates.model_validate({**QUALITY, **change})


@pytest.mark.parametrize(
    ("section", "complaint"),
    [
        ({"batch_sizes": {}}, "batch_sizes"),
        ({"batch_sizes": {1: {}}}, "could refuse nothing"),
        ({"batch_sizes": {0: {"p50_ms": {"max": 1}}}}, "greater than 0"),
        ({"batch_sizes": {1: {"p98_ms": {"max": 1}}}}, "p98_ms"),
        ({"batch_sizes": {1: {"p50_ms": {"max": 1}}}, "budget_s": 0}, "budget_s"),
        ({"batch_sizes": {1: {"at_rate": {"p99_ms": {"max": 1}}}}}, "at_rate.rate_rps"),
        ({"batch_sizes": {1: {"at_rate": {"rate_rps": 0, "p99_ms": {"max": 1}}}}}, "at_rate.rate_rps"),
        ({"batch_sizes": {1: {"at_rate": {"rate_rps": 9, "servers": 0, "p99_ms": {"max": 1}}}}}, "at_rate.servers"),
        ({"batch_sizes": {1: {"at_rate": {"rate_rps": 9}, "concurrency": {4: {}}}}}, "could refuse nothing"),
        ({"batch_sizes": {1: {"concurrency": {0: {"p50_ms": {"max": 1}}}}}}, "greater than or equal to 1"),
        ({"batch_sizes": {1: {"concurrency": {" 4": {"p50_ms": {"max": 1}}}}}}, "' 4' is no number of threads"),
        ({"batch_sizes": {1: {"concurrency": {4: {"at_rate": {"rate_rps": 1}}}}}}, "at_rate"),
        (
            {**LATENCY, "variants": {"int8": {"batch_sizes": {1: {"concurrency": {4: {"p50_ms": {"max_ratio": 2}}}}}}}},
            "only min and max are possible",
        ),
        ({**LATENCY, "variants": {"int8": {"batch_sizes": {1: {}}}}}, "variant without any threshold"),
        ({**LATENCY, "variants": {"int8": {"batch_sizes": {}}}}, "variants.int8.batch_sizes"),
        ({**LATENCY, "variants": {"../int8": LATENCY["variants"]["int8"]}}, "should match pattern"),  # type: ignore[index]
        (
            {**LATENCY, "variants": {"int8": {"batch_sizes": {1: {"p99_ms": {"max": 9, "max_ratio": 2}}}}}},
            "only min and max are possible",
        ),
    ],
)
def test_a_mistake_in_latency_is_refused(section: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        LatencyGates.model_validate(section)


def test_an_unknown_metric_is_refused_with_what_was_meant_and_what_there_is() -> None:
    check_names(["auc", "mean_squared_error"], "gates.yaml")
    with pytest.raises(UsageError) as caught:
        check_names(["auc", "binary_acuracy"], "gates.yaml")
    assert "'binary_acuracy' in gates.yaml" in caught.value.message
    assert "Did you mean 'binary_accuracy'?" in caught.value.hint
    assert "calibration" in caught.value.hint


@pytest.mark.parametrize(
    ("given", "median"),
    [
        ({"p99_ms": {"max_ratio": 2.0}}, {"max_ratio": 1.5, "severity": "blocking"}),
        ({"p99_ms": {"max_change": 3.0, "severity": "warning"}}, {"max_ratio": 1.5, "severity": "warning"}),
        ({"p99_ms": {"max_ratio": 2.0}, "p50_ms": {"max": 9.0}}, {"max": 9.0, "severity": "blocking"}),
        ({"p99_ms": {"max": 40.0}}, None),
        ({"p95_ms": {"max_ratio": 2.0}}, None),
    ],
)
def test_where_the_tail_is_compared_so_is_the_median(given, median):
    batch = BatchGates.model_validate(given)
    found = batch.given().get("p50_ms")
    assert (found and found.model_dump(exclude_none=True)) == median
    stage = Stage.model_validate({"stage": "canary", "calls": 100} | {k: v for k, v in given.items() if k != "p95_ms"})
    assert (stage.p50_ms and stage.p50_ms.model_dump(exclude_none=True)) == median
