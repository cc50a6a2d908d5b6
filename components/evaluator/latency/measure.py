"""Measuring latency: load time, size, memory, and the time of calls at each batch size."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from weighbridge.common.progress import report
from weighbridge.components.evaluator.call_gates import AT_RATE, BatchGates
from weighbridge.components.evaluator.gates import MODEL_QUANTITIES, LatencyGates, VariantGates
from weighbridge.components.evaluator.latency.at_rate import summarise_at_rate
from weighbridge.components.evaluator.latency.carried import Carried, carried
from weighbridge.components.evaluator.latency.concurrent import Concurrent, measure_at_once
from weighbridge.components.evaluator.latency.intervals import calls_needed, of_median, summarise
from weighbridge.components.evaluator.latency.looks import is_decided, plan_looks
from weighbridge.components.evaluator.latency.memory import peak_memory
from weighbridge.components.evaluator.latency.timing import Caller, Times, settled_heap, time_calls, warm_up
from weighbridge.verdict import Bounds, Estimate

_LOADS = (3, 9)  # at least, and where their time is judged
_LOAD_SHARE = 0.25  # of the budget
_WARM_SHARE = 0.1
_WARM_REQUESTS = 32
_REQUESTS = (512, 2048)  # different ones, at least and at most: what a call costs may depend on what is asked


class Contender(Protocol):
    """A model to be timed."""

    def caller(self, batch_rows: int, requests: int) -> Caller:
        """What calls it with real rows, `batch_rows` at a time, in so many requests in turn; takes a call's number."""

    def requests(self, batch_rows: int) -> int:
        """How many different requests there can be."""

    def load(self) -> Callable[[], object]:
        """Load it anew; returns what calls the loaded model once, with the largest batch."""

    def size(self) -> int:
        """Bytes of its files."""


@dataclass
class Measurements:
    """What was measured.

    Attributes:
        model: estimates by `candidate`, `production`, `ratio` and `change`, by quantity.
        batches: likewise of calls, by rows in a call.
        times: of the calls, by rows in a call.
        looks: how often they might have been looked at before a decision, by rows in a call.
        at_once: of calls by several threads, by rows in a call and number of threads.
        carried: what a declared rate makes of the models, by rows in a call and by `candidate` and `production`.
    """

    model: dict[str, dict[str, Estimate]] = field(default_factory=dict)
    batches: dict[int, dict[str, dict[str, Estimate]]] = field(default_factory=dict)
    times: dict[int, Times] = field(default_factory=dict)
    looks: dict[int, int] = field(default_factory=dict)
    at_once: dict[tuple[int, int], Concurrent] = field(default_factory=dict)
    carried: dict[int, dict[str, Carried]] = field(default_factory=dict)


Settled = Callable[[Mapping[str, Bounds], Measurements, int], bool]


def measure(gates: LatencyGates, contenders: Mapping[str, Contender], seed: int = 0) -> Measurements:
    """Measure `candidate`, and `production` where there is one, interleaved.

    Args:
        gates: what to measure, and the thresholds that decide how long.
        contenders: the models, by `candidate` and maybe `production`.
        seed: of the random order of calls.

    Raises:
        Unmeasurable: a model cannot be loaded or called.
    """
    rng = np.random.default_rng(seed)
    found = Measurements()
    with settled_heap():
        begin = time.perf_counter()
        found.model = _measure_models(gates, contenders, begin + _LOAD_SHARE * gates.budget_s)
        _measure_batches(gates, gates.batch_sizes, contenders, begin + gates.budget_s, rng, found)
    return found


def measure_calls(gates: LatencyGates, contenders: Mapping[str, Contender], settled: Settled) -> Measurements:
    """Measure the calls alone, of any contenders, interleaved.

    Args:
        gates: what to measure, and how long.
        contenders: `candidate`, maybe `production`, and others that are timed beside them.
        settled: says of the thresholds, what was measured and the rows in a call whether that is enough.

    Raises:
        Unmeasurable: a model cannot be called.
    """
    found = Measurements()
    with settled_heap():
        deadline = time.perf_counter() + gates.budget_s
        _measure_batches(gates, gates.batch_sizes, contenders, deadline, np.random.default_rng(0), found, settled)
    return found


def measure_variant(gates: LatencyGates, variant: VariantGates, contender: Contender, seed: int = 0) -> Measurements:
    """Measure the calls of a variant, and the size of its files.

    Args:
        gates: the calls to begin with, the budget and the confidence.
        variant: what to measure, and the thresholds that decide how long.
        contender: the variant as a model to be timed.
        seed: of the random order of calls.

    Raises:
        Unmeasurable: it cannot be called.
    """
    contenders = {"candidate": contender}
    found = Measurements()
    size = _exact({"candidate": contender.size()})
    found.model = {model: {"model_bytes": estimate} for model, estimate in size.items()}
    with settled_heap():
        deadline = time.perf_counter() + gates.budget_s
        _measure_batches(gates, variant.batch_sizes, contenders, deadline, np.random.default_rng(seed), found)
    return found


def _measure_batches(
    gates: LatencyGates,
    batch_sizes: Mapping[int, BatchGates],
    contenders: Mapping[str, Contender],
    end: float,
    rng: np.random.Generator,
    found: Measurements,
    settled: Settled | None = None,
) -> None:
    settled = settled or decided
    parts = sum(each.parts for each in batch_sizes.values())
    for batch_rows, thresholds in batch_sizes.items():
        # What the quick ones leave of their share of the budget, the slow ones may use.
        deadline = _share(end, parts)
        made_s, called = _measure_batch(gates, thresholds, contenders, batch_rows, deadline, rng, found, settled)
        end += made_s
        parts -= 1
        for threads, level in thresholds.concurrency.items():
            found.at_once[batch_rows, threads] = measure_at_once(
                level,
                threads,
                called,
                batch_rows=batch_rows,
                distinct=found.times[batch_rows].distinct,
                calls=gates.calls,
                confidence=gates.confidence,
                deadline=_share(end, parts),
                rng=rng,
            )
            parts -= 1


def _share(end: float, parts: int) -> float:
    """When the next of so many parts that are still to be measured must be done."""
    now = time.perf_counter()
    return now + max((end - now) / parts, 0.0)


def _measure_batch(
    gates: LatencyGates,
    batch: BatchGates,
    contenders: Mapping[str, Contender],
    batch_rows: int,
    deadline: float,
    rng: np.random.Generator,
    found: Measurements,
    settled: Settled,
) -> tuple[float, dict[str, Caller]]:
    """Measure calls of one size, one at a time.

    Returns:
        The seconds that making the requests took, which no budget pays for, and what calls the contenders with them.
    """
    thresholds = batch.given()
    most = min(contender.requests(batch_rows) for contender in contenders.values())

    def callers(requests: int) -> dict[str, Caller]:
        return {name: contender.caller(batch_rows, min(requests, most)) for name, contender in contenders.items()}

    call_s = warm_up(callers(_WARM_REQUESTS), rng, max(_WARM_SHARE * (deadline - time.perf_counter()), 0.01))

    def needed(looks: int) -> int:
        return max((calls_needed(name, gates.confidence, looks) for name in thresholds), default=1)

    looks = plan_looks(gates.calls, needed, call_s, deadline - time.perf_counter())
    requests = _requests_for(looks, call_s, deadline - time.perf_counter())
    times = found.times.setdefault(batch_rows, Times(distinct=min(requests, most)))
    found.looks[batch_rows] = len(looks)
    begin = time.perf_counter()
    called = callers(requests)
    made_s = time.perf_counter() - begin
    deadline += made_s
    # Where the first look needs more calls, nothing can pass before it: to look costs nothing, and spares slow models.
    early = [gates.calls] if gates.calls < looks[0] else []
    for calls in early + looks:
        times.extend(time_calls(called, calls - len(times), rng, deadline, first=len(times)))
        estimates = summarise(times, batch_rows, gates.confidence, len(looks))
        if batch.at_rate:
            for name, estimate in summarise_at_rate(times, batch.at_rate, gates.confidence, len(looks)).items():
                estimates[name][AT_RATE] = estimate
        found.batches[batch_rows] = estimates
        report(f"timed {len(times):,} calls with {batch_rows:,} rows")
        if time.perf_counter() > deadline or settled(thresholds, found, batch_rows):
            break
    if batch.at_rate:
        found.carried[batch_rows] = carried(times, batch.at_rate, found.batches[batch_rows])
    return made_s, called


def _requests_for(looks: list[int], call_s: float, limit_s: float) -> int:
    """How many different requests to make: one for each call of the first look, within what time and memory allow."""
    calls = int(limit_s / call_s) if call_s > 0 else 0
    return max(_WARM_REQUESTS, min(max(looks[0], _REQUESTS[0]), _REQUESTS[1], calls))


def _measure_models(
    gates: LatencyGates, contenders: Mapping[str, Contender], deadline: float
) -> dict[str, dict[str, Estimate]]:
    loads: dict[str, list[float]] = {name: [] for name in contenders}
    peaks: dict[str, list[float]] = {name: [] for name in contenders}
    least, judged = _LOADS
    result = {"model_bytes": _exact({name: contender.size() for name, contender in contenders.items()})}
    for turn in range(judged if gates.load_ms else least):
        names = list(contenders)[:: 1 if turn % 2 else -1]
        for name in names:
            load_ms, peak = _load_once(contenders[name])
            loads[name].append(load_ms)
            peaks[name].append(peak)
        if turn + 1 >= least and time.perf_counter() > deadline:
            break
    for quantity, values in (("load_ms", loads), ("peak_memory_bytes", peaks)):
        result[quantity] = of_median(values["candidate"], values.get("production", []), gates.confidence)
    return {model: {name: result[name][model] for name in MODEL_QUANTITIES} for model in result["load_ms"]}


def _load_once(contender: Contender) -> tuple[float, float]:
    with peak_memory() as peak:
        start = time.perf_counter()
        call = contender.load()
        load_ms = 1000 * (time.perf_counter() - start)
        call()
    return load_ms, peak.bytes


def _exact(sizes: Mapping[str, int]) -> dict[str, Estimate]:
    ours = float(sizes["candidate"])
    if "production" not in sizes:
        return {"candidate": Estimate(ours)}
    theirs = float(sizes["production"])
    return {
        "candidate": Estimate(ours),
        "production": Estimate(theirs),
        "ratio": Estimate(ours / theirs if theirs else math.nan),
        "change": Estimate(ours - theirs),
    }


def decided(thresholds: Mapping[str, Bounds], measured: Measurements, batch_rows: int) -> bool:
    """Whether no threshold on calls with so many rows lies inside an interval."""
    return is_decided(thresholds, measured.batches[batch_rows])
