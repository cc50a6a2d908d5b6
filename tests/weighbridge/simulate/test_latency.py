"""Recorded times replayed through the latency gates: a model against itself, slowed to a threshold, and beyond."""

import numpy as np
import pytest

from weighbridge.components.evaluator.gates import LatencyGates
from weighbridge.simulate.latency import Trace, replay, slowdowns, weigh_replayed
from weighbridge.simulate.loads import record_loads, weigh_loads
from weighbridge.verdict import Gate

GATES = LatencyGates.model_validate(
    {
        "budget_s": 4,
        "batch_sizes": {1: {"p50_ms": {"max": 10, "max_ratio": 1.5}, "throughput_rows_s": {"min": 100}}},
        "load_ms": {"max": 1000, "max_ratio": 2},
    }
)


def trace_of(gates=GATES, calls=1500, seed=0, limit_s=4.0):
    rng = np.random.default_rng(seed)
    times = {name: rng.lognormal(0, 0.2, calls) for name in ("candidate", "production")}
    return Trace("latency.batch_1", 1, gates.batch_sizes[1], times, limit_s)


def test_a_model_against_itself_passes_and_one_at_a_threshold_does_not():
    tally = weigh_replayed(GATES, [trace_of()], np.random.default_rng(1), 24)
    assert list(tally.gates) == [
        "latency.batch_1.p50_ms.max",
        "latency.batch_1.p50_ms.max_ratio",
        "latency.batch_1.throughput_rows_s.min",
    ]
    assert (tally.verdict.share, tally.verdict.trials) == (0, 24)
    for each in tally.gates.values():
        assert each.refused.share == 0
        throughput = each.gate.name.endswith("throughput_rows_s.min")  # nothing is twice as far below what is near 0
        assert (each.at_threshold.trials, each.beyond.trials) == (6, 0 if throughput else 2)
        assert each.at_threshold.happened <= 2  # at most 2.5 % each time
        assert each.beyond.happened == 0


def test_a_tail_that_the_budget_cannot_tell_refuses_equal_models():
    gates = LatencyGates.model_validate(
        {"budget_s": 1, "batch_sizes": {1: {"p50_ms": {"max": 99}, "p99_ms": {"max_ratio": 1.2}}}}
    )
    rng = np.random.default_rng(2)
    slow = {name: np.where(rng.random(600) < 0.015, 20.0, 1.0) for name in ("candidate", "production")}
    trace = Trace("latency.batch_1", 1, gates.batch_sizes[1], slow, 1.0)
    tally = weigh_replayed(gates, [trace], rng, 12)
    assert tally.gates["latency.batch_1.p99_ms.max_ratio"].refused.share > 0.5
    assert tally.verdict.share > 0.5


def test_a_replay_ends_with_its_budget():
    gates = LatencyGates.model_validate({"batch_sizes": {1: {"p99_ms": {"max": 99}}}})

    def status(limit_s):
        [gate] = replay(gates, trace_of(gates, limit_s=limit_s), np.random.default_rng(0), 1.0)
        return gate.status

    assert status(0.02) == "inconclusive"  # some ten calls of each
    assert status(9.0) == "passed"


def test_a_variant_has_nothing_in_production_to_compare_with():
    gates = LatencyGates.model_validate({"batch_sizes": {1: {"p50_ms": {"max": 10}}}})
    alone = Trace("latency.big.batch_1", 1, gates.batch_sizes[1], {"candidate": np.full(500, 2.0)}, 4.0)
    [gate] = replay(gates, alone, np.random.default_rng(0), 1.0)
    assert (gate.name, gate.status, gate.baseline) == ("latency.big.batch_1.p50_ms.max", "passed", None)


@pytest.mark.parametrize(
    ("name", "threshold", "at", "twice"),
    [
        ("p50_ms.max_ratio", 1.5, 1.5, 2.25),
        ("p50_ms.max", 10.0, 5.0, 9.0),
        ("p50_ms.max_change", 1.0, 1.5, 2.0),
        ("throughput_rows_s.min_ratio", 0.5, 2.0, 4.0),
        ("throughput_rows_s.min", 100.0, 5.0, None),
    ],
)
def test_how_much_slower_a_model_at_a_threshold_is(name, threshold, at, twice):
    times = {name: np.full(100, 2.0) for name in ("candidate", "production")}
    trace = Trace("latency.batch_1", 1, GATES.batch_sizes[1], times, 4.0)
    gate = Gate(name=f"latency.batch_1.{name}", status="passed", threshold=threshold, message="m")
    assert slowdowns(gate, trace, 0) == pytest.approx((at, at))
    assert slowdowns(gate, trace, 1) == (None if twice is None else pytest.approx((twice, twice)))


def test_loading_is_recorded_and_drawn_anew():
    loaded = []

    class Model:
        def load(self):
            loaded.append(1)
            return lambda: None

    loads = record_loads({"candidate": Model(), "production": Model()})
    assert len(loads) == len(loaded) == 18
    tally = weigh_loads(GATES, np.random.default_rng(0).lognormal(3, 0.1, 18), np.random.default_rng(1), 60)
    assert tally.verdict.share == 0
    assert list(tally.gates) == ["latency.load_ms.max", "latency.load_ms.max_ratio"]
    assert tally.gates["latency.load_ms.max_ratio"].at_threshold.rate.share <= 0.15
    assert tally.gates["latency.load_ms.max_ratio"].beyond.rate.share == 0
