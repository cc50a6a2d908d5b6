"""Limits of latency that there is too little time to measure are told from the thresholds alone."""

import pytest

from tests.components.evaluator.helpers import latency_gates
from weighbridge.common.errors import UsageError
from weighbridge.components.evaluator.latency.budget import too_short
from weighbridge.components.evaluator.preflight import check_budget


def found(batch: dict, **section):
    return list(too_short(latency_gates(batch_sizes={64: batch}, **section)))


def test_the_slowest_call_that_can_pass_is_told() -> None:
    [short] = found({"p99_ms": {"max": 2000}}, budget_s=60)
    assert (short.never, short.calls, short.location) == (False, 368, ("batch_sizes", "64", "p99_ms"))
    assert short.slowest_ms == pytest.approx(163, abs=0.1)
    assert "at most 163 ms on average" in short.message
    assert found({"p99_ms": {"max": 2000}}, budget_s=short.budget_s) == []
    assert found({"p99_ms": {"max": 650}}, budget_s=60) == []


def test_a_call_takes_its_mean_and_not_its_p99() -> None:
    # 368 calls of 40 ms are 15 s, and there are 10: but a model whose p99 is 40 ms takes less on average.
    assert found({"p99_ms": {"max": 40}}, budget_s=10) == []
    assert len(found({"p99_ms": {"max": 1000}}, budget_s=10)) == 1
    assert found({"p99_ms": {"max": 1000}, "p50_ms": {"max": 40}}, budget_s=10) == []


def test_production_takes_half_of_the_time() -> None:
    assert found({"p99_ms": {"max": 100}}, budget_s=15) == []
    [short] = found({"p99_ms": {"max": 100, "max_ratio": 2}}, budget_s=15)
    assert "timed beside production" in short.message


def test_what_only_warns_and_what_has_no_limit_need_no_time() -> None:
    assert found({"p99_ms": {"max": 2000, "severity": "warning"}}, budget_s=1) == []
    assert found({"p99_ms": {"max_ratio": 2}}, budget_s=1) == []


def test_variants_are_told_too() -> None:
    variants = {"large": {"batch_sizes": {1: {"p99_ms": {"max": 5000}}}}}
    [short] = too_short(latency_gates(variants=variants, budget_s=60))
    assert short.location == ("variants", "large", "batch_sizes", "1", "p99_ms")


def test_where_no_model_is_quick_enough_nothing_starts() -> None:
    gates = latency_gates(batch_sizes={1: {"p999_ms": {"max": 5}}}, budget_s=0.05)
    with pytest.raises(UsageError, match="no model is so quick, so none can pass") as caught:
        check_budget(gates)
    assert "Set latency.budget_s: " in caught.value.hint
    check_budget(latency_gates(batch_sizes={1: {"p99_ms": {"max": 5000}}}, budget_s=1))
