"""Looking more than once is paid for: how often a model exactly at its limit passes. Its times are drawn."""

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from tests.components.evaluator.helpers import latency_gates
from tests.components.evaluator.latency.drawn import Contender, draw_times
from weighbridge.components.evaluator.latency import intervals, measure
from weighbridge.components.evaluator.latency.intervals import calls_needed
from weighbridge.components.evaluator.latency.judge import judge
from weighbridge.components.evaluator.latency.looks import plan_looks


def needed(looks: int) -> int:
    return calls_needed("p99_ms", 0.95, looks)


@given(st.integers(20, 10_000), st.floats(0, 1, allow_subnormal=False), st.floats(0.01, 100, allow_subnormal=False))
def test_looks_are_few_and_each_can_decide(calls: int, call_s: float, limit_s: float) -> None:
    looks = plan_looks(calls, needed, call_s, limit_s)
    assert 1 <= len(looks) <= 5
    assert looks[0] >= max(calls, needed(len(looks)))
    assert all(later >= 2 * earlier - 1 for earlier, later in pairwise(looks))
    if len(looks) > 1:
        assert looks[-1] * call_s <= 1.01 * limit_s + call_s


def test_a_budget_that_is_spent_already_leaves_one_look() -> None:
    assert plan_looks(400, lambda looks: 368, call_s=0.001, limit_s=-2.0) == [400]


def test_a_slow_model_is_looked_at_once() -> None:
    assert plan_looks(20, needed, 0.163, 60) == [368]
    assert plan_looks(400, needed, 0.0, 60) == [400]


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> Callable[..., bool]:
    """Whether a candidate passes a threshold, with times of a drawn distribution and time for some 8,000 calls."""

    def run(rng: np.random.Generator, bounds: dict[str, Any], ratio: float = 1.0, names: Any = ("candidate",)) -> bool:
        def draw(names: list[str], calls: int) -> dict[str, np.ndarray]:
            times = {name: rng.lognormal(0, 0.5, calls) for name in names}
            return times | {"candidate": times["candidate"] * ratio}

        draw_times(monkeypatch, draw, call_s=0.001, most=8000)
        gates = latency_gates(batch_sizes={1: {"p99_ms": bounds}}, calls=400, budget_s=8)
        found = measure.measure_calls(gates, {name: Contender() for name in names}, measure.decided)
        return all(gate.passed for gate in judge(gates, found, in_production="production" in names))

    return run


LIMIT = math.exp(0.5 * 2.3263478740408408)  # the 99th percentile of the times that are drawn


def test_a_model_exactly_at_its_limit_passes_no_more_often_than_promised(
    passes: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    rounds = 300
    monkeypatch.setattr(intervals, "_REPLICATES", (10, 10))  # of the bootstrap, which decides nothing here
    passed = sum(passes(rng, {"max": LIMIT}) for _ in range(rounds))
    assert passed <= binom.ppf(0.999, rounds, 0.025)


def test_a_model_far_beyond_its_limit_is_refused_after_the_first_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    draw_times(monkeypatch, lambda names, calls: {name: rng.lognormal(0, 0.5, calls) for name in names}, 0.001, 8000)
    gates = latency_gates(batch_sizes={1: {"p99_ms": {"max": 0.1}}}, calls=20, budget_s=8)
    found = measure.measure_calls(gates, {"candidate": Contender()}, measure.decided)
    assert len(found.times[1]) == 20
    assert [gate.status for gate in judge(gates, found, in_production=False)] == ["refused"]


def test_a_model_well_within_its_limit_passes(passes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    monkeypatch.setattr(intervals, "_REPLICATES", (10, 10))
    assert all(passes(rng, {"max": 1.3 * LIMIT}) for _ in range(20))


@pytest.mark.slow
def test_a_model_exactly_at_the_limit_of_a_ratio_passes_no_more_often_than_promised(passes: Any) -> None:
    rng = np.random.default_rng(2)
    rounds = 20
    bounds = {"max_ratio": 1.4, "severity": "blocking"}
    passed = sum(passes(rng, bounds, 1.4, ("candidate", "production")) for _ in range(rounds))
    assert passed <= binom.ppf(0.999, rounds, 0.025)
    assert all(passes(rng, bounds, 1.0, ("candidate", "production")) for _ in range(5))
