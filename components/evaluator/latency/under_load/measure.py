"""Load on servers: candidate and production in turn, at the declared rate and at those that seek the highest."""

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

import numpy as np

from weighbridge.common.progress import report
from weighbridge.components.evaluator.latency.under_load.responses import (
    Estimates,
    Responses,
    bounds,
    error_rate,
    summarise,
)
from weighbridge.components.evaluator.served_gates import LEAD, RampGates, ServedGates
from weighbridge.load.answers import Answers
from weighbridge.load.generator import Generator
from weighbridge.load.knee import Knee, Tried, search
from weighbridge.load.plan import poisson
from weighbridge.load.target import Target
from weighbridge.load.usage import Usage

_ANSWERED = 0.95  # of the requests, by the end of a rate's load: less and they pile up
_PATIENCE = 20.0  # times the limit that a request is waited for while the highest rate is sought
_LONGEST = 4.0  # times as long as asked, where few requests come
_BLOCKS = 20  # of a rate's requests in time: neighbours are alike
_WARM_RPS = 20.0
_WARM_S = 1.0


@dataclass(frozen=True)
class Contender:
    """A served model.

    Attributes:
        target: where it is asked.
        bodies: of the requests; the same for all contenders.
        used: what its server has used so far; None where that is not known.
    """

    target: Target
    bodies: Sequence[bytes]
    used: Callable[[], Usage | None] = lambda: None


@dataclass
class UnderLoad:
    """What was measured, by `candidate` and `production`.

    Attributes:
        responses: at the declared rate.
        estimates: of them; besides by `ratio` and `change`.
        knees: the highest rate; empty where it was not sought.
        cpu_s: seconds of processor time that the server took for a request; none where that is not known.
        memory_bytes: that the server needed at most; likewise.
    """

    responses: dict[str, Responses] = field(default_factory=dict)
    estimates: Estimates = field(default_factory=dict)
    knees: dict[str, Knee] = field(default_factory=dict)
    cpu_s: dict[str, float] = field(default_factory=dict)
    memory_bytes: dict[str, int] = field(default_factory=dict)


def measure(gates: ServedGates, contenders: Mapping[str, Contender], confidence: float, seed: int = 0) -> UnderLoad:
    """Load all contenders, in segments that take turns.

    What slows the machine for a while then slows all of them; and each pair of segments has the same plan.

    Args:
        gates: what to measure, and how long.
        contenders: `candidate`, and maybe `production`.
        confidence: of the intervals.
        seed: of the plans, and of whose turn it is.

    Raises:
        OSError: a server cannot be reached at all.
    """
    rng = np.random.default_rng(seed)
    found = UnderLoad(responses={name: Responses() for name in contenders})
    distinct = min(len(each.bodies) for each in contenders.values())
    with ExitStack() as stack:
        generators = {
            name: stack.enter_context(Generator(each.target, each.bodies, gates.connections))
            for name, each in contenders.items()
        }
        for generator in generators.values():
            generator.run(poisson(min(_WARM_RPS, gates.rate_rps), _WARM_S, distinct, rng), gates.timeout_ms / 1000)
        _at_rate(gates, contenders, generators, distinct, rng, found)
        found.estimates = summarise(found.responses, confidence, distinct, seed)
        if gates.ramping is not None:
            found.knees = _knees(gates, gates.ramping, generators, distinct, confidence, rng)
    for name, each in contenders.items():
        if (used := each.used()) is not None:
            found.memory_bytes[name] = used.memory_bytes
    return found


def _at_rate(
    gates: ServedGates,
    contenders: Mapping[str, Contender],
    generators: Mapping[str, Generator],
    distinct: int,
    rng: np.random.Generator,
    found: UnderLoad,
) -> None:
    names, seconds = list(contenders), gates.load_s / gates.segments
    answered, used, first = dict.fromkeys(names, 0), dict.fromkeys(names, 0.0), 0
    for number in range(gates.segments):
        plan = poisson(gates.rate_rps, seconds, distinct, rng, first)
        first += len(plan)
        for index in rng.permutation(len(names)).tolist():
            name = names[index]
            before = contenders[name].used()
            answers = generators[name].run(plan, gates.timeout_ms / 1000)
            after = contenders[name].used()
            found.responses[name].add(answers.since(LEAD * seconds), (1 - LEAD) * seconds)
            answered[name] += int((~answers.failed).sum())
            used[name] += after.cpu_s - before.cpu_s if before and after else math.nan
        report(f"{number + 1} of {gates.segments} segments of load at {gates.rate_rps:g} requests/s")
    found.cpu_s = {name: used[name] / answered[name] for name in names if answered[name] and math.isfinite(used[name])}


def _knees(
    gates: ServedGates,
    ramp: RampGates,
    generators: Mapping[str, Generator],
    distinct: int,
    confidence: float,
    rng: np.random.Generator,
) -> dict[str, Knee]:
    """The highest rate of each contender; their rates are tried in turn."""
    start = ramp.start_rps or gates.rate_rps / 2
    # Every rate is a chance to be certain by luck: they share what may be missed.
    miss = (1 - confidence) / 2 / ramp.tries
    searches = {name: search(start, ramp.growth, ramp.resolution, ramp.tries) for name in generators}
    asked = {name: next(each) for name, each in searches.items()}
    knees: dict[str, Knee] = {}
    while asked:
        for name in list(asked):
            rate = asked[name].rate_rps
            tried = try_rate(gates, ramp, generators[name], rate, asked[name].longer, distinct, miss, rng)
            report(f"{name}: {rate:.4g} requests/s {'held' if tried.held else 'did not hold'}")
            try:
                asked[name] = searches[name].send(tried)
            except StopIteration as end:
                knees[name] = end.value
                del asked[name]
    return knees


def try_rate(
    gates: ServedGates,
    ramp: RampGates,
    generator: Generator,
    rate_rps: float,
    longer: float,
    distinct: int,
    miss: float,
    rng: np.random.Generator,
) -> Tried:
    """Load a server at a rate, and see whether the limits hold.

    Args:
        gates: the limits.
        ramp: how long.
        generator: of the requests.
        rate_rps: the rate.
        longer: times as long as usual.
        distinct: different bodies.
        miss: how often what is said to be certain may be wrong.
        rng: draws the plan.
    """
    # So many tell a 99th percentile from above; half of the time again for what is alike, and for the lead.
    needed = 2 * math.log(miss) / math.log(0.99) / rate_rps
    seconds = longer * ramp.load_s
    seconds = max(seconds, min(needed, _LONGEST * seconds))
    timeout_s = min(gates.timeout_ms, max(_PATIENCE * gates.limit_ms, 1000.0)) / 1000
    whole = generator.run(poisson(rate_rps, seconds, distinct, rng), timeout_s)
    return judge_rate(gates, whole, rate_rps, seconds, miss)


def judge_rate(gates: ServedGates, whole: Answers, rate_rps: float, seconds: float, miss: float) -> Tried:
    """Whether the limits held in a segment of load."""
    answers = whole.since(LEAD * seconds)
    times, failed = answers.latency_ms, answers.failed
    if not len(answers):
        return Tried(rate_rps, held=False, limited=True)
    block = (answers.planned * (_BLOCKS / seconds)).astype(np.intp)
    blocks = [block, block // 3]
    p50, p99 = (float(each) for each in np.quantile(times, [0.5, 0.99]))
    low, high = bounds(times, 0.99, miss, blocks, _BLOCKS)
    errors = float(failed.mean())
    answered = float((~whole.failed & (whole.done <= seconds + p50 / 1000)).sum())
    keeps_up = answered >= _ANSWERED * len(whole)
    held = p99 <= gates.limit_ms and errors <= gates.limit_errors and keeps_up
    lagging = len(answers.lag_ms) > 0 and float(np.quantile(answers.lag_ms, 0.99)) > gates.max_lag * p99
    most_errors = error_rate(failed, miss, blocks, _BLOCKS).high or 0.0
    known = high <= gates.limit_ms or math.isinf(gates.limit_ms)
    surely = known and most_errors <= gates.limit_errors if held else low > gates.limit_ms or not keeps_up
    return Tried(
        rate_rps=rate_rps,
        held=held,
        surely=surely,
        limited=lagging and not held,
        requests=len(answers),
        p50_ms=p50,
        p99_ms=p99,
        error_rate=errors,
        answered_rps=answered / seconds,
    )
