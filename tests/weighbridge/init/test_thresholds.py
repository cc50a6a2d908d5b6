"""Thresholds proposed from a first run: what it observed passes them, and they are round numbers not far from it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.evidence.metrics import Metric
from weighbridge.init import thresholds
from weighbridge.verdict import Bounds

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


@pytest.mark.parametrize(("rows", "least", "most"), [(50, 0.85, 0.93), (500, 0.9, 0.96), (100_000, 0.965, 0.975)])
def test_more_rows_ask_for_more(rows: int, least: float, most: float) -> None:
    width = 0.3 / rows**0.5
    proposal = thresholds.of_metric(_metric("binary_accuracy", 0.98, rows, 0.98 - width, 0.98 + width))
    assert least <= proposal.rules["min"] <= most


def test_no_error_in_a_few_rows_is_not_taken_for_none_ever() -> None:
    proposal = thresholds.of_metric(_metric("sparse_categorical_accuracy", 1.0, 50, 1.0, 1.0))
    assert proposal.rules["min"] <= 1 - 3 / 50
    assert proposal.text == "{min: 0.9, min_change: -0.08}"


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
