"""The clock against the truth that the timed function records itself, and what is concluded from its times."""

import gc
import math
import time
from collections.abc import Callable

import numpy as np
import pytest

from weighbridge.components.evaluator.latency.timing import (
    Times,
    calls_needed,
    histogram,
    histogram_edges,
    of_median,
    summarise,
    time_calls,
    warm_up,
)


def delayed(delay_s: Callable[[int], float], truth_ms: list[float]) -> Callable[[int], object]:
    """A function that takes as long as it is told, and writes down how long that was."""

    def call(turn: int) -> None:
        start = time.perf_counter()
        time.sleep(delay_s(turn))
        truth_ms.append(1000 * (time.perf_counter() - start))

    return call


@pytest.mark.parametrize(
    ("delay_s", "calls"),
    [
        (lambda _: 0.005, 400),
        (lambda _: 0.020, 120),
        (lambda turn: 0.100 if turn % 70 == 69 else 0.005, 420),
    ],
    ids=["5 ms", "20 ms", "a tail of 100 ms"],
)
def test_percentiles_are_the_truth(delay_s: Callable[[int], float], calls: int) -> None:
    truth: list[float] = []
    times = Times()
    times.extend(time_calls({"candidate": delayed(delay_s, truth)}, calls, np.random.default_rng(0)))
    found = summarise(times, 1, 0.95)["candidate"]
    assert found["p50_ms"].value == pytest.approx(np.quantile(truth, 0.50), rel=0.05)
    assert found["p99_ms"].value == pytest.approx(np.quantile(truth, 0.99), rel=0.10)
    assert found["throughput_rows_s"].value == pytest.approx(1000 / np.mean(truth), rel=0.05)


def test_contenders_take_turns_in_random_order_with_the_same_requests() -> None:
    seen: list[tuple[str, int]] = []
    callers = {name: lambda turn, name=name: seen.append((name, turn)) for name in ("candidate", "production")}
    times = time_calls(callers, 200, np.random.default_rng(0))
    pairs = [tuple(seen[turn : turn + 2]) for turn in range(0, 400, 2)]
    assert all({name for name, _ in pair} == set(callers) for pair in pairs)
    assert all(first[1] == second[1] == turn for turn, (first, second) in enumerate(pairs))
    assert 60 < sum(first[0] == "candidate" for first, _ in pairs) < 140
    assert {name: len(values) for name, values in times.items()} == {"candidate": 200, "production": 200}


def test_no_garbage_is_collected_while_the_clock_runs_and_all_is_restored() -> None:
    states: list[bool] = []
    time_calls({"candidate": lambda _: states.append(gc.isenabled())}, 3, np.random.default_rng(0))
    assert states == [False] * 3
    assert gc.isenabled()

    def fails(_: int) -> None:
        raise ValueError

    with pytest.raises(ValueError):
        time_calls({"candidate": fails}, 3, np.random.default_rng(0))
    assert gc.isenabled()


def test_a_deadline_ends_the_measuring_after_one_turn_at_least() -> None:
    times = time_calls({"candidate": lambda _: None}, 1000, np.random.default_rng(0), deadline=0.0)
    assert len(times["candidate"]) == 1


def test_warming_up_ends_when_times_are_stable_and_not_before() -> None:
    falling = iter([0.064] * 8 + [0.016] * 8 + [0.004] * 100)  # so far apart that a busy machine hides nothing
    calls = warm_up({"candidate": lambda _: time.sleep(next(falling))}, np.random.default_rng(0), limit_s=30)
    assert calls >= 32
    assert warm_up({"candidate": lambda _: None}, np.random.default_rng(0), limit_s=0) == 0


def synthetic(calls: int, rng: np.random.Generator) -> Times:
    """Production and a candidate a tenth slower, on a machine whose speed wanders by a factor of two."""
    machine = np.exp(0.35 * np.sin(np.arange(calls) / 40))
    noise = rng.lognormal(0, 0.05, (2, calls))
    return Times({"candidate": 1.1 * machine * noise[0], "production": machine * noise[1]})


def test_a_wandering_machine_cancels_out_of_the_ratio() -> None:
    found = summarise(synthetic(2000, np.random.default_rng(5)), 1, 0.95)
    ratio, alone = found["ratio"]["throughput_rows_s"], found["candidate"]["throughput_rows_s"]
    assert ratio.low is not None
    assert ratio.high is not None
    assert ratio.low <= 1 / 1.1 <= ratio.high
    width = (alone.high - alone.low) / alone.value  # type: ignore[operator]
    assert (ratio.high - ratio.low) / ratio.value < width / 3
    assert found["ratio"]["p50_ms"].value == pytest.approx(1.1, rel=0.05)
    assert found["change"]["p50_ms"].value == pytest.approx(0.1, rel=0.5)


def test_intervals_hold_the_truth_though_calls_resemble_their_neighbours() -> None:
    rng = np.random.default_rng(6)
    rounds, held = 150, 0
    for seed in range(rounds):
        steps = rng.normal(0, 1, 600)
        wander = np.zeros(600)
        for turn in range(1, 600):
            wander[turn] = 0.5 * wander[turn - 1] + steps[turn]
        median = summarise(Times({"candidate": np.exp(0.1 * wander)}), 1, 0.95, seed)["candidate"]["p50_ms"]
        held += median.low <= 1.0 <= median.high  # type: ignore[operator]
    assert held / rounds >= 0.9  # drawn one by one instead of in blocks, calls hold it in 0.81 of these rounds


def test_the_end_of_a_tail_is_unknown_until_it_was_likely_seen() -> None:
    assert calls_needed("p99_ms", 0.95) == 368
    assert calls_needed("throughput_rows_s", 0.95) == 1
    few = summarise(Times({"candidate": np.ones(300), "production": np.ones(300)}), 1, 0.95)
    assert few["candidate"]["p99_ms"].high == math.inf
    assert (few["ratio"]["p99_ms"].low, few["ratio"]["p99_ms"].high) == (-math.inf, math.inf)
    assert few["candidate"]["p50_ms"].high == 1.0
    many = summarise(Times({"candidate": np.ones(400)}), 1, 0.95)
    assert many["candidate"]["p99_ms"].high == 1.0


def test_a_few_loads() -> None:
    found = of_median([10.0, 12.0, 11.0], [20.0, 24.0, 22.0], 0.95)
    assert found["candidate"].value == 11
    assert (found["candidate"].low, found["candidate"].high) == (10, 12)
    assert found["ratio"].value == 0.5
    assert (found["ratio"].low, found["ratio"].high) == (0.5, 0.5)
    assert of_median([10.0], [], 0.95)["candidate"].low is None


def test_every_call_is_in_the_histogram() -> None:
    times = synthetic(500, np.random.default_rng(0))
    edges = histogram_edges(times)
    for values in times.by_name.values():
        drawn = histogram(values, edges)
        assert sum(drawn.counts) == 500
        assert len(drawn.edges_ms) == len(drawn.counts) + 1


def test_a_thousand_million_calls_end_with_the_deadline() -> None:
    times = time_calls({"candidate": lambda _: None}, 10**9, np.random.default_rng(0), time.perf_counter() + 0.05)
    assert 1 <= len(times["candidate"]) < 10**9
