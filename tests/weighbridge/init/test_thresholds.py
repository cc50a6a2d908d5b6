"""Thresholds proposed from a first run: what it observed passes them, and they are round numbers not far from it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.evidence.base import Interval
from weighbridge.evidence.latency import Batch, Calls, Compared, Histogram, Latency, LatencyReport
from weighbridge.evidence.metrics import Metric
from weighbridge.init import thresholds
from weighbridge.verdict import Bounds, Estimate, Sampled
from weighbridge.verdict.risk import quantile

_SHARES = st.floats(0, 1)
_ROWS = st.integers(1, 10_000_000)
_QUANTITIES = st.floats(1e-6, 1e9)


def _metric(name: str, value: float | None, rows: int, low: float | None = None, high: float | None = None) -> Metric:
    return Metric(name=name, slice="", rows=rows, value=value, low=low, high=high)


@given(_SHARES, st.floats(0, 0.5), _ROWS)
def test_a_share_passes_its_own_threshold_with_room_for_chance_and_seeds(value: float, width: float, rows: int) -> None:
    proposal = thresholds.of_metric(_metric("auc", value, rows, value - width, value + width))
    least, change = proposal.rules["min"], proposal.rules["min_change"]
    assert 0 <= least <= max(0, value - width)
    assert change <= -0.01
    assert change <= -width + 1e-9
    assert Bounds(**proposal.rules).judge("auc", value)[0].passed


@given(_QUANTITIES, st.floats(0, 1), _ROWS)
def test_an_error_passes_its_own_threshold(value: float, width: float, rows: int) -> None:
    found = _metric("root_mean_squared_error", value, rows, value * (1 - width), value * (1 + width))
    proposal = thresholds.of_metric(found)
    assert value * (1 + width) <= proposal.rules["max"] <= value * (1 + width) * 1.7
    assert proposal.rules["max_ratio"] >= 1 + width
    assert Bounds(**proposal.rules).judge("error", value)[0].passed


@given(st.floats(0.1, 0.9), st.integers(100, 1_000_000), st.floats(0.1, 1.5))
def test_an_equally_good_model_passes_in_95_of_100_cases(value: float, rows: int, sd: float) -> None:
    half = quantile(thresholds.RISK.false_pass) * min(sd / rows**0.5, 0.05)
    spread = min(0.36 / rows**0.5, 0.02)
    rules = thresholds.of_metric(_metric("auc", value, rows, value - half, value + half)).rules
    gates = Bounds(**rules).judge(
        "auc",
        Estimate(value, value - half, value + half),
        baseline=value,
        change=Estimate(0.0, -half, half),
        sampled=Sampled(thresholds.RISK, spread=spread),
    )
    for gate in gates:
        assert gate.rates is not None
        assert gate.rates.false_refusal <= 0.0501 or rules["min"] == 0


@given(st.floats(1e-3, 1e6), st.floats(0.001, 0.3))
def test_an_equally_good_model_passes_its_error_in_95_of_100_cases(value: float, half: float) -> None:
    found = Estimate(value, value * (1 - half), value * (1 + half))
    rules = thresholds.of_metric(_metric("root_mean_squared_error", value, 900, found.low, found.high)).rules
    most, ratio = Bounds(**rules).judge(
        "error", found, baseline=found, sampled=Sampled(thresholds.RISK, spread=0.03 * value)
    )
    assert most.rates is not None
    assert most.rates.false_refusal <= 0.0501
    assert ratio.rates is not None
    assert ratio.rates.false_refusal <= 0.0501


def test_what_has_no_interval_only_warns() -> None:
    proposal = thresholds.of_metric(_metric("auc", 0.95, 50))
    assert proposal.text.endswith(", severity: warning}")


def test_a_noisy_tail_is_given_the_room_that_its_calls_take() -> None:
    def ratio(high: float) -> float:
        interval = Interval(value=2.0, low=1.0, high=high)
        calls = Calls(p50_ms=interval, p95_ms=interval, p99_ms=interval, throughput_rows_s=interval)
        latency = Latency(**dict(calls), histogram=Histogram(edges_ms=[1, 2], counts=[9]))
        batch = Batch(batch_size=1, calls=400, candidate=latency)
        one = Compared[Interval](candidate=interval)
        report = LatencyReport(
            signature="s",
            inputs={},
            confidence=0.95,
            model_bytes=Compared[int](candidate=1),
            load_ms=one,
            peak_memory_bytes=one,
            batches=[batch],
            variants=[],
        )
        return next(each.rules["max_ratio"] for each in thresholds.of_latency(report)[1] if each.key == "p99_ms")

    assert ratio(2.2) == 3.0
    assert 4.5 < ratio(3.7) < 6  # exp(1.84 * sqrt(2) * log(3.7 / 2))
    assert ratio(200.0) == 10.0


@pytest.mark.parametrize(("rows", "least", "most"), [(50, 0.85, 0.93), (500, 0.9, 0.96), (100_000, 0.965, 0.975)])
def test_more_rows_ask_for_more(rows: int, least: float, most: float) -> None:
    width = 0.3 / rows**0.5
    proposal = thresholds.of_metric(_metric("binary_accuracy", 0.98, rows, 0.98 - width, 0.98 + width))
    assert least <= proposal.rules["min"] <= most


def test_no_error_in_a_few_rows_is_not_taken_for_none_ever() -> None:
    proposal = thresholds.of_metric(_metric("sparse_categorical_accuracy", 1.0, 50, 1.0, 1.0))
    assert proposal.rules["min"] <= 1 - 3 / 50
    assert proposal.text == "{min: 0.88, min_change: -0.14}"


def test_what_could_not_be_measured_gets_a_threshold_that_says_so() -> None:
    proposal = thresholds.of_metric(_metric("auc", None, 50))
    assert "could not be measured" in proposal.observed


@given(st.floats(1e-9, 1e15))
def test_round_numbers_lie_on_the_side_they_are_asked_for(value: float) -> None:
    assert value <= thresholds.nice_up(value) * (1 + 1e-9)
    assert thresholds.nice_down(value) <= value * (1 + 1e-9)
    assert thresholds.nice_up(value, (1, 2, 5)) <= value * 2.6
    assert float(thresholds.plain(thresholds.nice_up(max(value, 1e-6)))) == thresholds.nice_up(max(value, 1e-6))


def test_numbers_are_written_as_people_write_them() -> None:
    assert [thresholds.plain(value) for value in (0.05, 1000000.0, -0.01, 2.0)] == ["0.05", "1000000", "-0.01", "2"]
    assert thresholds.least_rows(98) == 49
    assert thresholds.most_malformed(0, 100) == 0
    assert thresholds.most_malformed(3, 1000) == 0.01
