"""Measuring latency: load time, size, memory, and the time of calls at each batch size."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from weighbridge.common.progress import report
from weighbridge.components.evaluator.gates import MODEL_QUANTITIES, BatchGates, LatencyGates, VariantGates
from weighbridge.components.evaluator.latency.memory import peak_memory
from weighbridge.components.evaluator.latency.timing import (
    Caller,
    Times,
    of_median,
    settled_heap,
    summarise,
    time_calls,
    warm_up,
)
from weighbridge.verdict import Bounds, Estimate

_LOADS = (3, 9)  # to begin with, and at most
_LOAD_SHARE = 0.25  # of the budget
_WARM_SHARE = 0.1


class Contender(Protocol):
    """A model to be timed."""

    def caller(self, batch_rows: int) -> Caller:
        """What calls it with real rows, `batch_rows` at a time; takes the number of the request."""

    def load(self) -> Callable[[], object]:
        """Load it anew; returns what calls the loaded model once, with the largest batch."""

    def size(self) -> int:
        """Bytes of its files."""


@dataclass
class Measurements:
    """What was measured: estimates by `candidate`, `production`, `ratio` and `change`, by quantity."""

    model: dict[str, dict[str, Estimate]] = field(default_factory=dict)
    batches: dict[int, dict[str, dict[str, Estimate]]] = field(default_factory=dict)
    times: dict[int, Times] = field(default_factory=dict)


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
) -> None:
    for index, (batch_rows, thresholds) in enumerate(batch_sizes.items()):
        # What the quick sizes leave of their share of the budget, the slow ones may use.
        now = time.perf_counter()
        deadline = now + max((end - now) / (len(batch_sizes) - index), 0.0)
        _measure_batch(gates, thresholds.given(), contenders, batch_rows, deadline, rng, found)


def _measure_batch(
    gates: LatencyGates,
    thresholds: Mapping[str, Bounds],
    contenders: Mapping[str, Contender],
    batch_rows: int,
    deadline: float,
    rng: np.random.Generator,
    found: Measurements,
) -> None:
    callers = {name: contender.caller(batch_rows) for name, contender in contenders.items()}
    warm_up(callers, rng, max(_WARM_SHARE * (deadline - time.perf_counter()), 0.01))
    times = found.times.setdefault(batch_rows, Times())
    while True:
        # Doubling keeps the number of looks small: each look is a chance to be decided by luck.
        times.extend(time_calls(callers, max(len(times), gates.calls), rng, deadline))
        found.batches[batch_rows] = summarise(times, batch_rows, gates.confidence)
        report(f"timed {len(times):,} calls with {batch_rows:,} rows")
        if time.perf_counter() > deadline or not _undecided(thresholds, found.batches[batch_rows]):
            return


def _measure_models(
    gates: LatencyGates, contenders: Mapping[str, Contender], deadline: float
) -> dict[str, dict[str, Estimate]]:
    loads: dict[str, list[float]] = {name: [] for name in contenders}
    peaks: dict[str, list[float]] = {name: [] for name in contenders}
    least, most = _LOADS
    result = {"model_bytes": _exact({name: contender.size() for name, contender in contenders.items()})}
    for turn in range(most):
        names = list(contenders)[:: 1 if turn % 2 else -1]
        for name in names:
            load_ms, peak = _load_once(contenders[name])
            loads[name].append(load_ms)
            peaks[name].append(peak)
        for quantity, values in (("load_ms", loads), ("peak_memory_bytes", peaks)):
            result[quantity] = of_median(values["candidate"], values.get("production", []), gates.confidence)
        undecided = any(_undecided({name: bounds}, _by_model(result, name)) for name, bounds in gates.given().items())
        if time.perf_counter() > deadline or (turn + 1 >= least and not undecided):
            break
    return {model: {name: result[name][model] for name in MODEL_QUANTITIES} for model in result["load_ms"]}


def _load_once(contender: Contender) -> tuple[float, float]:
    with peak_memory() as peak:
        start = time.perf_counter()
        call = contender.load()
        load_ms = 1000 * (time.perf_counter() - start)
        call()
    return load_ms, peak.bytes


def _by_model(result: dict[str, dict[str, Estimate]], name: str) -> dict[str, dict[str, Estimate]]:
    return {model: {name: estimate} for model, estimate in result[name].items()}


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


def _undecided(thresholds: Mapping[str, Bounds], found: Mapping[str, Mapping[str, Estimate]]) -> bool:
    return any(
        bounds.undecided(
            found["candidate"][name],
            change=found.get("change", {}).get(name),
            ratio=found.get("ratio", {}).get(name),
        )
        for name, bounds in thresholds.items()
    )
