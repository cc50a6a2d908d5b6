"""Requests at a declared rate: a model that is a little slower lets them wait much longer. Its times are drawn."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from tests.components.evaluator.helpers import latency_gates
from tests.components.evaluator.latency.drawn import Contender, draw_times
from weighbridge.components.evaluator.call_gates import RateGates
from weighbridge.components.evaluator.latency import at_rate, intervals, measure, queueing
from weighbridge.components.evaluator.latency.at_rate import summarise_at_rate
from weighbridge.components.evaluator.latency.carried import capacity
from weighbridge.components.evaluator.latency.judge import judge
from weighbridge.components.evaluator.latency.timing import Times
from weighbridge.verdict import Gate

Weigh = Callable[..., dict[str, Gate]]


@pytest.fixture
def weigh(monkeypatch: pytest.MonkeyPatch) -> Weigh:
    """Gates by name, of log-normal times whose mean is 1 ms in production and so much more in the candidate."""
    monkeypatch.setattr(intervals, "_REPLICATES", (100, 100))  # of other quantities

    def run(
        slower: float, batch: dict[str, Any], *, seed: int = 0, alone: bool = False, calls: int = 2200, sd: float = 0.3
    ) -> dict[str, Gate]:
        rng = np.random.default_rng(seed)

        def draw(names: list[str], calls: int) -> dict[str, np.ndarray]:
            factors = {"candidate": slower, "production": 1.0}
            return {name: factors[name] * rng.lognormal(-(sd**2) / 2, sd, calls) for name in names}

        draw_times(monkeypatch, draw, call_s=0.001, most=calls)
        names = ("candidate",) if alone else ("candidate", "production")
        gates = latency_gates(batch_sizes={1: batch}, calls=400, budget_s=calls / 1000)
        found = measure.measure_calls(gates, {name: Contender() for name in names}, measure.decided)
        return {gate.name: gate for gate in judge(gates, found, in_production=not alone)}

    return run


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(at_rate, "_ARRIVALS", 2)
    monkeypatch.setattr(at_rate, "_REPLICATES", 200)
    monkeypatch.setattr(at_rate, "_SHUFFLES", 1)  # which only makes values longer
    monkeypatch.setattr(at_rate._Model, "together", lambda *_: 1.0)


@pytest.mark.usefixtures("quick")
def test_what_passes_each_gate_on_calls_waits_much_longer(weigh: Weigh) -> None:
    """Production is busy 60 % of the time, the candidate takes 1.4 times as long."""
    batch = {
        "p50_ms": {"max_ratio": 1.5},
        "p99_ms": {"max": 5, "max_ratio": 2},
        "throughput_rows_s": {"min_ratio": 0.5},
        "at_rate": {"rate_rps": 600, "p99_ms": {"max_ratio": 2}},
    }
    gates = weigh(1.4, batch)
    *calls, response = gates.values()
    assert len(calls) == 4
    assert all(gate.passed for gate in calls)
    assert response.name == "latency.batch_1.at_rate.p99_ms.max_ratio"
    assert response.status == "refused"
    assert response.observed > 2.5
    assert "At 600 requests/s it is busy 8" in response.message
    assert "of the time; the limit holds up to about 5" in response.message
    assert all(gate.passed for gate in weigh(1.0, batch, seed=1).values())


@pytest.mark.usefixtures("quick")
def test_a_rate_that_cannot_be_answered_is_refused_and_told(weigh: Weigh) -> None:
    """Whatever the threshold allows, and whether or not something is in production."""
    bounds = {"max": 1e12, "max_ratio": 1e9, "max_change": 1e12, "severity": "blocking"}
    batch = {"at_rate": {"rate_rps": 800, "p99_ms": bounds}}
    for alone in (False, True):
        judged = weigh(1.4, batch, alone=alone)
        assert {gate.status for gate in judged.values()} == {"refused"}
        message = judged["latency.batch_1.at_rate.p99_ms.max"].message
        assert "800 requests/s are more than the model answers" in message
        assert "(utilisation 11" in message
        assert "more servers in gates.yaml" in message
    batch["at_rate"]["servers"] = 2
    assert all(gate.passed for gate in weigh(1.4, batch).values())


def test_a_candidate_that_answers_what_production_cannot_passes_against_it(weigh: Weigh) -> None:
    batch = {"at_rate": {"rate_rps": 1200, "p99_ms": {"max": 10, "max_ratio": 1.1}}}
    judged = weigh(0.5, batch)
    assert {gate.status for gate in judged.values()} == {"passed"}
    ratio = judged["latency.batch_1.at_rate.p99_ms.max_ratio"]
    assert ratio.observed == 0
    assert "Production cannot answer so many (utilisation 1" in ratio.message


@pytest.mark.usefixtures("quick")
def test_near_saturation_nothing_passes(weigh: Weigh) -> None:
    """The model may be too slow for the rate: no response time is certain."""
    judged = weigh(1.0, {"at_rate": {"rate_rps": 985, "p99_ms": {"max": 1e9}}}, alone=True)
    gate = judged["latency.batch_1.at_rate.p99_ms.max"]
    assert gate.status == "inconclusive"
    assert gate.refuses


def test_a_rate_without_a_threshold_refuses_nothing(weigh: Weigh) -> None:
    judged = weigh(1.4, {"p50_ms": {"max": 10}, "at_rate": {"rate_rps": 5000}})
    assert [gate.status for gate in judged.values()] == ["passed"]


def test_too_few_calls_say_nothing_of_the_tail() -> None:
    times = Times({"candidate": np.random.default_rng(0).lognormal(0, 0.3, 200)})
    found = summarise_at_rate(times, RateGates(rate_rps=300), 0.95)["candidate"]
    assert math.isfinite(found.value)
    assert (found.low, found.high) == (-math.inf, math.inf)


@pytest.mark.parametrize("servers", [1, 4])
def test_the_highest_rate_at_which_a_limit_holds(servers: int) -> None:
    """With one server and exponential times: what it could answer, less ln(100) by the limit."""
    values = -np.log1p(-(np.arange(20_000) + 0.5) / 20_000)
    found = capacity(values, servers, 12.0)
    if servers == 1:
        assert found == pytest.approx(1000 * (1 - math.log(100) / 12), rel=0.05)
    response = queueing.response_p99([values], found, servers, queueing.requests(found / 1000 / servers, 32))[0]
    assert response == pytest.approx(12.0, rel=0.1)
    assert capacity(values, servers, 4.0) == 0  # which calls alone take longer than
    assert capacity(values, servers, 1e6) == pytest.approx(queueing.SATURATED * 1000 * servers, rel=0.01)


def test_slow_calls_that_come_together_make_responses_longer() -> None:
    rng = np.random.default_rng(0)
    bursts = np.where(np.arange(2000) // 100 % 5 == 4, 2.5, 1.0) * rng.lognormal(0, 0.1, 2000)
    gates = RateGates(rate_rps=500)
    together, apart = (
        summarise_at_rate(Times({"candidate": values}), gates, 0.95)["candidate"]
        for values in (bursts, rng.permutation(bursts))
    )
    assert together.value > 3 * apart.value
    assert together.high is not None
    assert together.high > together.value


@pytest.mark.usefixtures("quick")
def test_the_same_times_give_the_same_numbers() -> None:
    rng = np.random.default_rng(0)
    times = Times({name: rng.lognormal(0, 0.3, 600) for name in ("candidate", "production")}, 100)
    gates = RateGates(rate_rps=900, servers=2)
    first, second = summarise_at_rate(times, gates, 0.95), summarise_at_rate(times, gates, 0.95)
    assert first == second
    assert set(first) == {"candidate", "production", "ratio", "change"}
    for estimate in first.values():
        assert estimate.low is not None
        assert estimate.high is not None
        assert estimate.low < estimate.value < estimate.high


def truth(sd: float, rate_rps: float) -> float:
    """The response time that 99 % take at most, of log-normal times with the mean 1 ms."""
    values = np.sort(np.random.default_rng(7).lognormal(-(sd**2) / 2, sd, 400_000))
    drawn = (queueing.requests(rate_rps / 1000, 64, seed) for seed in range(16))
    return float(np.mean([queueing.response_p99([values], rate_rps, 1, each)[0] for each in drawn]))


@pytest.mark.slow
@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("rate_rps", [300, 600])
def test_a_model_exactly_at_its_limit_passes_no_more_often_than_promised(rate_rps: float) -> None:
    """Of so few calls that the longest of them tell of the 99th percentile; 1 % is allowed for the bootstrap."""
    rounds, limit = 150, truth(0.5, rate_rps)
    passed = 0
    for seed in range(rounds):
        values = np.random.default_rng(seed).lognormal(-(0.5**2) / 2, 0.5, 528)
        found = summarise_at_rate(Times({"candidate": values}), RateGates(rate_rps=rate_rps), 0.95, seed=seed)
        passed += (found["candidate"].high or 0) <= limit
    assert passed <= binom.ppf(0.999, rounds, 0.035)


@pytest.mark.usefixtures("quick")
def test_a_model_well_within_its_limit_passes(weigh: Weigh) -> None:
    batch = {"at_rate": {"rate_rps": 600, "p99_ms": {"max": 1.4 * truth(0.5, 600)}}}
    judged = [weigh(1.0, batch, seed=seed, alone=True, sd=0.5) for seed in range(5)]
    assert all(gate.passed for gates in judged for gate in gates.values())
