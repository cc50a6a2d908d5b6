"""What a `served` section may say, and what of it is too little to be told by."""

import math

import pytest
from pydantic import ValidationError

from tests.components.evaluator.helpers import latency_gates
from weighbridge.components.evaluator.latency.budget import too_short
from weighbridge.components.evaluator.served_gates import ServedGates
from weighbridge.verdict import Bounds


def served(**keys: object) -> ServedGates:
    return ServedGates.model_validate({"rate_rps": 100, **keys})


def test_a_rate_alone_judges_failures_and_seeks_no_highest_rate() -> None:
    found = served()
    assert found.given() == {"error_rate": Bounds(max=0.01)}
    assert found.ramping is None


def test_a_p99_compared_with_production_brings_its_median_along() -> None:
    assert served(p99_ms={"max_ratio": 1.2}).p50_ms == Bounds(max_ratio=1.5)
    assert served(p99_ms={"max": 50}).p50_ms is None


@pytest.mark.parametrize("asked", [{"ramp": {}}, {"max_rate_rps": {"min": 1}}, {"cost_per_million": {"max": 1}}])
def test_the_highest_rate_is_sought_where_something_asks_for_it(asked: dict) -> None:
    assert served(cost_per_hour=1, **asked).ramping is not None


def test_a_rate_holds_up_to_the_limits_of_the_ramp_else_up_to_the_thresholds() -> None:
    found = served(p99_ms={"max": 50}, error_rate={"max": 0.001}, ramp={})
    assert (found.limit_ms, found.limit_errors) == (50, 0.001)
    found = served(p99_ms={"max": 50}, ramp={"limit_ms": 80, "limit_errors": 0.05})
    assert (found.limit_ms, found.limit_errors) == (80, 0.05)
    found = served(error_rate=None, ramp={})
    assert (found.limit_ms, found.limit_errors) == (math.inf, 0.01)


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"cost_per_million": {"max": 1}}, "needs cost_per_hour"),
        ({"error_rate": {"max_ratio": 2}}, "compared by max_change"),
        ({"p99_ms": {"max": 20_000}}, "never exceeded with timeout_ms"),
        ({"load_s": 5}, "load_s"),
        ({"rate_rps": 0}, "rate_rps"),
        ({"connections": 1000}, "connections"),
        ({"protocol": "grpc"}, "protocol"),
        ({"ramp": {"growth": 1}}, "growth"),
        ({"p98_ms": {"max": 1}}, "p98_ms"),
    ],
)
def test_what_makes_no_sense_is_refused(keys: dict, told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        served(**keys)


def test_served_alone_is_a_threshold() -> None:
    assert latency_gates(batch_sizes={1: {}}, served={"rate_rps": 10}).served is not None
    with pytest.raises(ValidationError, match="could refuse nothing"):
        latency_gates(batch_sizes={1: {}}, served={"rate_rps": 10, "error_rate": None})


def short(**keys: object) -> list:
    return [
        found for found in too_short(latency_gates(served={"rate_rps": 50, **keys})) if found.location[0] == "served"
    ]


def test_requests_that_are_too_few_for_a_percentile_are_foretold() -> None:
    [found] = short(p999_ms={"max": 100}, load_s=60, error_rate=None)
    assert (found.location, found.calls, found.never) == (("served", "p999_ms"), 3688, True)
    assert "2,400 requests" in found.message
    assert "Set latency.served.load_s: 93" in found.hint
    assert short(p999_ms={"max": 100}, load_s=93, error_rate=None) == []


def test_failures_need_enough_requests_to_be_proven_rare() -> None:
    [found] = short(error_rate={"max": 0.001})
    assert found.location == ("served", "error_rate")
    assert "or a higher max" in found.hint
    assert short(error_rate={"max": 0.01}) == []
    assert short(error_rate={"max": 0.001, "severity": "warning"}) == []
