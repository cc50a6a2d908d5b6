"""Measuring calls that so many threads make at once: as many slices of time as decide, within the budget."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from weighbridge.common.progress import report
from weighbridge.components.evaluator.call_gates import CallGates
from weighbridge.components.evaluator.latency.clients import Clients, time_slices
from weighbridge.components.evaluator.latency.intervals import calls_needed
from weighbridge.components.evaluator.latency.looks import is_decided, plan_looks
from weighbridge.components.evaluator.latency.slices import FEWEST, Slices, summarise_slices
from weighbridge.components.evaluator.latency.timing import Caller
from weighbridge.verdict import Estimate

_SLICE_S = 0.05  # that a slice lasts at least
_SLICE_CALLS = 8  # of each thread in a slice: what is not full load, at its end, weighs little
_WARM_SHARE = 0.1  # of the time to measure


@dataclass
class Concurrent:
    """What was measured of calls by several threads.

    Attributes:
        estimates: by `candidate`, `production`, `ratio` and `change`, by quantity.
        slices: of time.
        looks: how often they might have been looked at before a decision.
    """

    estimates: dict[str, dict[str, Estimate]] = field(default_factory=dict)
    slices: Slices = field(default_factory=Slices)
    looks: int = 1


def measure_at_once(
    gates: CallGates,
    threads: int,
    contenders: Mapping[str, Caller],
    *,
    batch_rows: int,
    distinct: int,
    calls: int,
    confidence: float,
    deadline: float,
    rng: np.random.Generator,
) -> Concurrent:
    """Call contenders from several threads at once, in slices of time that take turns.

    Args:
        gates: thresholds that decide how long.
        threads: how many.
        contenders: what is called, by name.
        batch_rows: rows in a call.
        distinct: different requests, which are sent in turn.
        calls: of each contender to begin with.
        confidence: of the intervals.
        deadline: on `time.perf_counter`.
        rng: draws whose turn it is.

    Raises:
        Unmeasurable: a call failed, or did not return.
    """
    found = Concurrent()
    thresholds = gates.given()
    with Clients(threads) as clients:
        warm = _warm_up(contenders, clients, deadline, rng)
        call_s = max(float(np.median(times)) for times in warm.times.values()) / 1000
        left = deadline - time.perf_counter()
        # As long as the calls ask for, but not so long that too few would fit.
        fit_s = left / (len(contenders) * FEWEST) - call_s
        slice_s = max(call_s, min(max(_SLICE_S, _SLICE_CALLS * call_s), fit_s))
        pair_s = len(contenders) * (slice_s + call_s)
        calls_each = max(1.0, threads * slice_s / max(call_s, 1e-9))

        def needed(looks: int) -> int:
            most = max((calls_needed(name, confidence, looks) for name in thresholds), default=1)
            return max(FEWEST, math.ceil(most / calls_each))

        looks = plan_looks(max(FEWEST, math.ceil(calls / calls_each)), needed, pair_s, left)
        found.looks = len(looks)
        for slices in looks:
            more = slices - len(found.slices)
            time_slices(contenders, clients, more, slice_s, rng, deadline, found.slices)
            found.estimates = summarise_slices(found.slices, batch_rows, confidence, len(looks), distinct)
            report(f"timed {found.slices.calls():,} calls with {batch_rows:,} rows by {threads} threads at once")
            if time.perf_counter() > deadline or is_decided(thresholds, found.estimates):
                break
    return found


def _warm_up(contenders: Mapping[str, Caller], clients: Clients, deadline: float, rng: np.random.Generator) -> Slices:
    """The second of two short slices: in the first, threads call for the first time."""
    lasting_s = min(0.25, max(0.0, _WARM_SHARE * (deadline - time.perf_counter())) / (2 * len(contenders)))
    for _ in range(2):
        warm = Slices()
        time_slices(contenders, clients, 1, lasting_s, rng, deadline, warm)
    return warm
