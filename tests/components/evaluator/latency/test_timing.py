"""The clock against the truth that the timed function records itself."""

import gc
import time
from collections.abc import Callable

import numpy as np
import pytest

from weighbridge.components.evaluator.latency.intervals import summarise
from weighbridge.components.evaluator.latency.timing import Times, histogram, histogram_edges, time_calls, warm_up


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
    call_s = warm_up({"candidate": lambda _: time.sleep(next(falling))}, np.random.default_rng(0), limit_s=30)
    assert call_s == pytest.approx(0.004, rel=0.5)
    assert warm_up({"candidate": lambda _: None}, np.random.default_rng(0), limit_s=0) == 0


def test_every_call_is_in_the_histogram() -> None:
    rng = np.random.default_rng(0)
    times = Times({name: rng.lognormal(0, 0.3, 500) for name in ("candidate", "production")})
    edges = histogram_edges(times)
    for values in times.by_name.values():
        drawn = histogram(values, edges)
        assert sum(drawn.counts) == 500
        assert len(drawn.edges_ms) == len(drawn.counts) + 1


def test_a_thousand_million_calls_end_with_the_deadline() -> None:
    times = time_calls({"candidate": lambda _: None}, 10**9, np.random.default_rng(0), time.perf_counter() + 0.05)
    assert 1 <= len(times["candidate"]) < 10**9
