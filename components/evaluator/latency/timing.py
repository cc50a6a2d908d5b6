"""Timing calls of one or two contenders, interleaved, and what their times say with which certainty.

Knows nothing of models: a contender is any callable that takes the number of the request.
"""

import contextlib
import gc
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from weighbridge.components.evaluator.aliases import Floats, Index
from weighbridge.evidence.latency import Histogram
from weighbridge.verdict import Estimate

Caller = Callable[[int], object]
Quantities = dict[str, dict[str, Floats]]

QUANTILES = {"p50_ms": 0.50, "p95_ms": 0.95, "p99_ms": 0.99}
QUANTITIES = (*QUANTILES, "throughput_rows_s")
_REPLICATES = 500
_CELLS = 4_000_000  # of a block of bootstrap samples: 32 MB
_DRAWN = 1024  # orders of turns at once
_WARM_BLOCK = 8
_WARM_TOLERANCE = 0.1


@dataclass
class Times:
    """Times of calls in ms, [calls] by contender; the i-th calls of all contenders are a pair in time."""

    by_name: dict[str, Floats] = field(default_factory=dict)

    def extend(self, more: Mapping[str, Floats]) -> None:
        """Append more pairs."""
        for name, values in more.items():
            self.by_name[name] = np.append(self.by_name.get(name, np.empty(0)), values)

    def __len__(self) -> int:
        return min((len(values) for values in self.by_name.values()), default=0)


def time_calls(
    contenders: Mapping[str, Caller], calls: int, rng: np.random.Generator, deadline: float = math.inf
) -> dict[str, Floats]:
    """Call all contenders in turn, in random order within each turn, without garbage collection.

    Whatever slows the machine for a moment then slows all of them.

    Args:
        contenders: what is called, by name.
        calls: number of calls of each contender.
        rng: draws the order within each turn.
        deadline: on `time.perf_counter`; ends the measuring early, after one turn at least.

    Returns:
        Milliseconds [calls] by name.
    """
    names = list(contenders)
    times: dict[str, list[int]] = {name: [] for name in names}
    with _no_collection():
        for turn, order in enumerate(_orders(calls, len(names), rng)):
            for index in order:
                name = names[index]
                call = contenders[name]
                start = time.perf_counter_ns()
                call(turn)
                times[name].append(time.perf_counter_ns() - start)
            if time.perf_counter() > deadline:
                break
    return {name: np.array(values, np.float64) / 1e6 for name, values in times.items()}


def _orders(calls: int, contenders: int, rng: np.random.Generator) -> Iterator[list[int]]:
    """A random order of the contenders for each turn, drawn as they are needed: the deadline may come long before."""
    for begin in range(0, calls, _DRAWN):
        turns = min(_DRAWN, calls - begin)
        yield from np.argsort(rng.random((turns, contenders)), axis=1).tolist()


@contextlib.contextmanager
def settled_heap() -> Iterator[None]:
    """Set aside all objects there are now, so that collections inside the block look at new ones only."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def warm_up(contenders: Mapping[str, Caller], rng: np.random.Generator, limit_s: float) -> int:
    """Call until the median of a block of calls is that of the block before, or until the limit.

    Returns:
        Calls made of each contender.
    """
    deadline = time.perf_counter() + limit_s
    before: dict[str, float] = {}
    calls = 0
    while time.perf_counter() < deadline:
        block = time_calls(contenders, _WARM_BLOCK, rng, deadline)
        calls += min(map(len, block.values()))
        medians = {name: float(np.median(values)) for name, values in block.items()}
        if before and all(abs(medians[name] - before[name]) <= _WARM_TOLERANCE * before[name] for name in medians):
            break
        before = medians
    return calls


def summarise(times: Times, batch_rows: int, confidence: float, seed: int = 0) -> dict[str, dict[str, Estimate]]:
    """Percentiles and throughput of each contender, and candidate against production, all with intervals.

    Args:
        times: of `candidate` and maybe `production`.
        batch_rows: rows in a call.
        confidence: level of the intervals, e.g. 0.95.
        seed: of the bootstrap's draws.

    Returns:
        By contender, and for `ratio` and `change` of the candidate against production: by name of the quantity.
    """
    calls = len(times)
    values = {name: times.by_name[name][:calls] for name in times.by_name}
    point = {name: _quantities(column[None], batch_rows) for name, column in values.items()}
    replicas = _bootstrap(values, batch_rows, seed)
    sure = _sure(calls, confidence)

    def estimates(of: Callable[[Quantities, str], Floats]) -> dict[str, Estimate]:
        return {
            name: _interval(float(of(point, name)[0]), of(replicas, name), confidence, name in sure)
            for name in QUANTITIES
        }

    def of_model(model: str) -> Callable[[Quantities, str], Floats]:
        return lambda found, name: found[model][name]

    result = {model: estimates(of_model(model)) for model in values}
    if "production" in values:
        result["ratio"] = estimates(lambda found, name: found["candidate"][name] / found["production"][name])
        result["change"] = estimates(lambda found, name: found["candidate"][name] - found["production"][name])
        for compared in ("ratio", "change"):  # where production's worst was not seen, neither end is known
            result[compared] |= {
                name: Estimate(result[compared][name].value, -math.inf, math.inf) for name in set(QUANTITIES) - sure
            }
    return result


def of_median(values: list[float], baseline: list[float], confidence: float) -> dict[str, Estimate]:
    """Median of a few paired measurements with its bootstrap interval, and against the baseline where there is one.

    A single measurement has no interval.
    """
    ours, theirs = np.array(values), np.array(baseline)
    everything = np.arange(len(ours))[None]
    picks = np.random.default_rng(0).integers(0, len(ours), (_REPLICATES, len(ours)))

    def estimate(of: Callable[[Index], Floats]) -> Estimate:
        value = float(of(everything)[0])
        return _interval(value, of(picks), confidence, True) if len(ours) > 1 else Estimate(value)

    def median(numbers: Floats, index: Index) -> Floats:
        return np.asarray(np.median(numbers[index], axis=1))

    result = {"candidate": estimate(lambda index: median(ours, index))}
    if baseline:
        result["production"] = estimate(lambda index: median(theirs, index))
        with np.errstate(divide="ignore", invalid="ignore"):
            result["ratio"] = estimate(lambda index: median(ours, index) / median(theirs, index))
        result["change"] = estimate(lambda index: median(ours, index) - median(theirs, index))
    return result


def calls_needed(quantity: str, confidence: float) -> int:
    """Fewest calls that bound a percentile from above: with fewer, the worst may not have been seen."""
    quantile = QUANTILES.get(quantity, 0.0)
    return math.ceil(math.log((1 - confidence) / 2) / math.log(quantile)) if quantile else 1


def histogram(values: Floats, edges: Floats) -> Histogram:
    """How many calls took how long.

    Args:
        values: ms of each call.
        edges: of the buckets, ms, ascending.
    """
    counts, _ = np.histogram(values, edges)
    return Histogram(edges_ms=edges.round(6).tolist(), counts=counts.tolist())


def histogram_edges(times: Times, bins: int = 40) -> Floats:
    """Edges common to all contenders, evenly spaced in the logarithm, since tails are long."""
    everything = np.concatenate(list(times.by_name.values()))
    low, high = everything.min() * 0.999, everything.max() * 1.001
    return np.geomspace(max(low, 1e-6), max(high, 2e-6), bins + 1)


def _sure(calls: int, confidence: float) -> set[str]:
    return {name for name in QUANTITIES if calls >= calls_needed(name, confidence)}


def _quantities(samples: Floats, batch_rows: int) -> dict[str, Floats]:
    """Each quantity of each sample: [samples, calls] -> [samples]."""
    found = np.quantile(samples, list(QUANTILES.values()), axis=1)
    return {
        **dict(zip(QUANTILES, found, strict=True)),
        "throughput_rows_s": 1000 * batch_rows / samples.mean(axis=1),
    }


def _bootstrap(values: Mapping[str, Floats], batch_rows: int, seed: int) -> Quantities:
    """The quantities of bootstrap samples, the same calls drawn for all contenders.

    Calls are drawn in blocks of neighbours: what slows one call (another process, a hot chip) slows the next, and
    drawing them one by one would pretend to more independent calls than there were.
    """
    calls = len(next(iter(values.values())))
    length = max(1, round(calls ** (1 / 3)))
    rng = np.random.default_rng(seed)
    parts: dict[str, list[dict[str, Floats]]] = {name: [] for name in values}
    left = _REPLICATES
    while left:
        size = min(left, max(1, _CELLS // calls))
        starts = rng.integers(0, calls, (size, math.ceil(calls / length), 1))
        index = ((starts + np.arange(length)) % calls).reshape(size, -1)[:, :calls]
        for name, column in values.items():
            parts[name].append(_quantities(column[index], batch_rows))
        left -= size
    return {
        name: {key: np.concatenate([part[key] for part in found]) for key in found[0]} for name, found in parts.items()
    }


def _interval(value: float, replicas: Floats, confidence: float, sure: bool) -> Estimate:
    low, high = np.quantile(replicas, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Estimate(value, float(low), float(high) if sure else math.inf)
