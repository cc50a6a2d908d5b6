"""Calls by several threads at once: what holds them up is seen, errors are told, and nothing hangs."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from tests.components.evaluator.helpers import latency_gates
from weighbridge.components.evaluator.latency.clients import Clients, time_slices
from weighbridge.components.evaluator.latency.judge import judge
from weighbridge.components.evaluator.latency.measure import measure
from weighbridge.components.evaluator.latency.slices import Called, Slices, summarise_slices
from weighbridge.components.evaluator.unmeasurable import Unmeasurable
from weighbridge.verdict import Gate


@dataclass
class Fake:
    """A contender that sleeps, and as many times as long as it is called at once if calls get in each other's way."""

    delay_s: float
    crowded: bool = False
    lock: Any = field(default_factory=threading.Lock)
    inside: int = 0

    def caller(self, batch_rows: int, requests: int) -> Callable[[int], object]:
        def call(_: int) -> None:
            with self.lock:
                self.inside += 1
                delay_s = self.delay_s * (self.inside if self.crowded else 1)
            time.sleep(delay_s)
            with self.lock:
                self.inside -= 1

        return call

    def requests(self, batch_rows: int) -> int:
        return 10**6

    def load(self) -> Callable[[], object]:
        return lambda: None

    def size(self) -> int:
        return 1000


def weigh(candidate: Fake, production: Fake, level: dict[str, Any], budget_s: float = 20) -> dict[str, Gate]:
    batch = {"p50_ms": {"max_ratio": 4}, "concurrency": {8: level}}
    gates = latency_gates(batch_sizes={1: batch}, calls=20, budget_s=budget_s)
    found = measure(gates, {"candidate": candidate, "production": production})
    return {gate.name: gate for gate in judge(gates, found, in_production=True)}


def test_a_model_whose_calls_get_in_each_others_way_is_refused_under_load_alone() -> None:
    level = {"p50_ms": {"max_ratio": 3}, "throughput_rows_s": {"min_ratio": 0.5}}
    found = weigh(Fake(0.004, crowded=True), Fake(0.004), level)
    assert {name: gate.status for name, gate in found.items()} == {
        "latency.batch_1.p50_ms.max_ratio": "passed",
        "latency.batch_1.concurrency_8.p50_ms.max_ratio": "refused",
        "latency.batch_1.concurrency_8.throughput_rows_s.min_ratio": "refused",
    }
    assert found["latency.batch_1.concurrency_8.p50_ms.max_ratio"].observed > 4


def test_equal_models_pass_and_calls_at_once_are_answered_at_once() -> None:
    level = {"p50_ms": {"max_ratio": 1.5}, "throughput_rows_s": {"min_ratio": 0.5}}
    gates = latency_gates(batch_sizes={1: {"concurrency": {8: level}}}, calls=20, budget_s=20)
    found = measure(gates, {name: Fake(0.02) for name in ("candidate", "production")})
    assert {gate.status for gate in judge(gates, found, in_production=True)} == {"passed"}
    one, eight = found.batches[1]["candidate"], found.at_once[1, 8].estimates["candidate"]
    assert eight["throughput_rows_s"].value > 3 * one["throughput_rows_s"].value


def test_what_the_budget_does_not_decide_is_refused_as_inconclusive() -> None:
    found = weigh(Fake(0.05), Fake(0.05), {"p50_ms": {"max_ratio": 5}, "p99_ms": {"max": 1000}}, budget_s=1)
    at_once = [gate for name, gate in found.items() if "concurrency_8" in name]
    assert [gate.status for gate in at_once] == ["inconclusive"] * 2
    assert all(gate.refuses for gate in at_once)


def test_all_threads_call_at_once_with_requests_of_their_own() -> None:
    meeting = threading.Barrier(4, timeout=10)  # breaks where fewer call at once
    with Clients(4) as clients:
        done = clients.call(lambda turn: meeting.wait(), 0.0, first=100)
    assert sorted(number for each in done for number in each.requests) == [100, 101, 102, 103]
    assert all(len(each.nanoseconds) == 1 for each in done)


def test_contenders_take_turns_in_random_order() -> None:
    order: list[str] = []
    contenders = {name: lambda _, name=name: order.append(name) for name in ("candidate", "production")}
    found = Slices()
    with Clients(2) as clients:
        time_slices(contenders, clients, 60, 0.0, np.random.default_rng(0), time.perf_counter() + 60, found)
    turns = [order[begin : begin + 4] for begin in range(0, 240, 4)]
    assert all(sorted(turn) == ["candidate"] * 2 + ["production"] * 2 and turn[0] == turn[1] for turn in turns)
    assert 15 < sum(turn[0] == "candidate" for turn in turns) < 45
    assert len(found) == 60
    assert found.calls() == 120


@pytest.mark.parametrize(
    ("error", "reason"),
    [(RuntimeError("not from two threads"), "RuntimeError: not from two threads"), (None, "it raised on real rows")],
)
def test_an_error_in_a_thread_is_told_and_ends_all_of_them(error: Exception | None, reason: str) -> None:
    before = set(threading.enumerate())

    def call(turn: int) -> None:
        if turn == 7:
            raise error or Unmeasurable("signature", "callable", "it raised on real rows")
        time.sleep(0.001)

    with pytest.raises(Unmeasurable, match=f"Called by 4 threads at once: {reason}"), Clients(4) as clients:
        clients.call(call, 60)
    until = time.perf_counter() + 10
    while set(threading.enumerate()) - before and time.perf_counter() < until:
        time.sleep(0.01)
    assert not set(threading.enumerate()) - before


def test_a_call_that_never_returns_is_told() -> None:
    never = threading.Event()
    try:
        told = r"Called by 2 threads at once, the model did not answer within 0\.2 s"
        with pytest.raises(Unmeasurable, match=told), Clients(2) as clients:
            clients.call(lambda turn: never.wait() if turn else None, 0.0, patience_s=0.2)
    finally:
        never.set()


def drawn(rng: np.random.Generator, pairs: int, ratio: float) -> Slices:
    """Slices in which the machine is more or less quick, both models alike; each call besides by itself."""
    found = Slices()
    for _ in range(pairs):
        slowness = rng.lognormal(0, 0.3)
        for name, factor in (("candidate", ratio), ("production", 1.0)):
            times = factor * slowness * rng.lognormal(0, 0.3, (4, 10))
            calls = [
                Called((1e6 * each).astype(int).tolist(), list(range(10)), float(each.sum()) / 1000) for each in times
            ]
            found.add(name, calls)
    return found


def test_a_model_exactly_at_the_limit_of_a_ratio_passes_no_more_often_than_promised() -> None:
    """Each end may miss 2.5 % of the time; 1 % is allowed for so few slices."""
    rounds, ratio = 60, 1.5
    rng = np.random.default_rng(0)
    found = [summarise_slices(drawn(rng, 24, ratio), 1, 0.95)["ratio"] for _ in range(rounds)]
    for name, at in (("p50_ms", ratio), ("throughput_rows_s", 1 / ratio)):
        assert sum((each[name].high or 0) < at for each in found) <= binom.ppf(0.999, rounds, 0.035)
        assert sum((each[name].low or 0) > at for each in found) <= binom.ppf(0.999, rounds, 0.035)
        # In pairs: the machine's slowness, which differs by 30 %, is in neither.
        assert np.median([each[name].high / each[name].low for each in found]) < 1.15


def test_calls_of_a_slow_slice_count_as_fewer_than_they_are() -> None:
    rng = np.random.default_rng(1)
    rounds, truth = 40, 1.0  # median of what slices have in common and of what calls have by themselves
    found = [summarise_slices(drawn(rng, 24, 1.0), 1, 0.95)["candidate"]["p50_ms"] for _ in range(rounds)]
    assert sum((each.high or 0) < truth for each in found) <= binom.ppf(0.999, rounds, 0.05)
    assert all(not np.isfinite(each.high) for each in summarise_slices(drawn(rng, 8, 1.0), 1, 0.95)["ratio"].values())
