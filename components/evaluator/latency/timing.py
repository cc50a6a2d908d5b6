"""Timing calls of contenders, interleaved.

Knows nothing of models: a contender is any callable that takes the number of the request.
"""

import contextlib
import gc
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from weighbridge.components.evaluator.aliases import Floats
from weighbridge.evidence.latency import Histogram

Caller = Callable[[int], object]

_DRAWN = 1024  # orders of turns at once
_WARM_BLOCK = 8
_WARM_TOLERANCE = 0.1


@dataclass
class Times:
    """Times of calls in ms, [calls] by contender; the i-th calls of all contenders are a pair in time.

    Attributes:
        by_name: ms of each call.
        distinct: how many different requests were sent in turn; 0 where no two are the same.
    """

    by_name: dict[str, Floats] = field(default_factory=dict)
    distinct: int = 0

    def extend(self, more: Mapping[str, Floats]) -> None:
        """Append more pairs."""
        for name, values in more.items():
            self.by_name[name] = np.append(self.by_name.get(name, np.empty(0)), values)

    def __len__(self) -> int:
        return min((len(values) for values in self.by_name.values()), default=0)


def time_calls(
    contenders: Mapping[str, Caller],
    calls: int,
    rng: np.random.Generator,
    deadline: float = math.inf,
    first: int = 0,
) -> dict[str, Floats]:
    """Call all contenders in turn, in random order within each turn, without garbage collection.

    Whatever slows the machine for a moment then slows all of them.

    Args:
        contenders: what is called, by name.
        calls: number of calls of each contender.
        rng: draws the order within each turn.
        deadline: on `time.perf_counter`; ends the measuring early, after one turn at least.
        first: number of the first request.

    Returns:
        Milliseconds [calls] by name.
    """
    names = list(contenders)
    times: dict[str, list[int]] = {name: [] for name in names}
    with no_collection():
        for turn, order in enumerate(_orders(calls, len(names), rng), first):
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
def no_collection() -> Iterator[None]:
    """No garbage is collected inside the block."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def warm_up(contenders: Mapping[str, Caller], rng: np.random.Generator, limit_s: float) -> float:
    """Call until the median of a block of calls is that of the block before, or until the limit.

    Returns:
        Seconds that a call of each contender takes by then, together; 0 where the limit left no time for any.
    """
    deadline = time.perf_counter() + limit_s
    before: dict[str, float] = {}
    while time.perf_counter() < deadline:
        block = time_calls(contenders, _WARM_BLOCK, rng, deadline)
        medians = {name: float(np.median(values)) for name, values in block.items()}
        if before and all(abs(medians[name] - before[name]) <= _WARM_TOLERANCE * before[name] for name in medians):
            return sum(medians.values()) / 1000
        before = medians
    return sum(before.values()) / 1000


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
