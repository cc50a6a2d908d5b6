"""The run's model timed against itself, and those times replayed through the latency gates again and again."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from weighbridge.common.progress import report
from weighbridge.components.evaluator.call_gates import BatchGates
from weighbridge.components.evaluator.gates import LatencyGates
from weighbridge.components.evaluator.latency.intervals import calls_needed, summarise
from weighbridge.components.evaluator.latency.judge import GROUP, judge_calls
from weighbridge.components.evaluator.latency.looks import plan_looks
from weighbridge.components.evaluator.latency.measure import Contender, Measurements, decided, measure_calls
from weighbridge.components.evaluator.latency.timing import Times
from weighbridge.simulate.quality import targets
from weighbridge.simulate.rates import Bools, Floats, Rate
from weighbridge.simulate.tally import GateTally, Tally
from weighbridge.verdict import Bounds, Gate
from weighbridge.verdict.outcome import Rule, kind_of

_OURS, _THEIRS = "candidate", "production"
_RECORDED = 3000  # calls of one size that are enough to replay
_WORSE = (0.25, 0.1)  # of the replays, with a candidate at a threshold and twice as far: each takes its own
_SLOWEST = 1e6  # a factor beyond which nothing is told any more


@dataclass(frozen=True)
class Trace:
    """Recorded times of one batch size.

    Attributes:
        prefix: of its gates' names: `latency.batch_1`.
        batch_rows: rows in a call.
        thresholds: on its calls.
        times: ms, [calls] by contender; what ran at the same time is in the same place.
        limit_s: that measuring it may take.
    """

    prefix: str
    batch_rows: int
    thresholds: BatchGates
    times: Mapping[str, Floats]
    limit_s: float

    @property
    def compares(self) -> bool:
        """Whether there are two contenders."""
        return _THEIRS in self.times


def record(gates: LatencyGates, contenders: Mapping[str, Contender]) -> list[Trace]:
    """Time the model against itself: a few thousand calls, or as many as the gates' budget has time for.

    Args:
        gates: thresholds, calls and budget.
        contenders: `candidate` and `production`, which are the same model.

    Raises:
        Unmeasurable: it cannot be called.
    """
    found = measure_calls(gates, contenders, _enough)
    limit = gates.budget_s / len(gates.batch_sizes)
    return [
        Trace(f"{GROUP}.batch_{rows}", rows, thresholds, found.times[rows].by_name, limit)
        for rows, thresholds in gates.batch_sizes.items()
    ]


def record_variant(gates: LatencyGates, name: str, contender: Contender) -> list[Trace]:
    """Time a variant alone: nothing in production is compared with it."""
    alone = gates.model_copy(update={"batch_sizes": gates.variants[name].batch_sizes})
    found = measure_calls(alone, {_OURS: contender}, _enough)
    limit = gates.budget_s / len(alone.batch_sizes)
    return [
        Trace(f"{GROUP}.{name}.batch_{rows}", rows, thresholds, found.times[rows].by_name, limit)
        for rows, thresholds in alone.batch_sizes.items()
    ]


def _enough(_: Mapping[str, Bounds], found: Measurements, batch_rows: int) -> bool:
    return len(found.times[batch_rows]) >= _RECORDED


def weigh_replayed(gates: LatencyGates, traces: list[Trace], rng: np.random.Generator, replays: int) -> Tally:
    """Replay the times through the gates: as they are, and with the candidate slowed to each threshold and beyond.

    Args:
        gates: thresholds, calls and budget.
        traces: recorded times.
        rng: draws which stretches of a trace are replayed, and which contender is the candidate.
        replays: of each.
    """
    tally = Tally(GROUP)
    refused = np.zeros(replays, bool)
    for trace in traces:
        refused |= _replay_equal(gates, trace, rng, replays, tally)
        for gate in [each.gate for each in tally.gates.values() if each.gate.name.startswith(f"{trace.prefix}.")]:
            _replay_worse(gates, trace, rng, replays, tally.of(gate))
            report(f"replayed {gate.name}")
    if tally.gates:
        tally.verdict = Rate.of(int(refused.sum()), replays)
    return tally


def _replay_equal(gates: LatencyGates, trace: Trace, rng: np.random.Generator, replays: int, tally: Tally) -> Bools:
    refused = np.zeros(replays, bool)
    for number in range(replays):
        for gate in replay(gates, trace, rng, 1.0):
            tally.of(gate).refusals.add(not gate.passed)
            refused[number] |= gate.refuses
        report(f"replayed {trace.prefix} {number + 1:,} times")
    return refused


def _replay_worse(gates: LatencyGates, trace: Trace, rng: np.random.Generator, replays: int, tally: GateTally) -> None:
    for place, counted in ((0, tally.at_threshold), (1, tally.beyond)):
        factors = slowdowns(tally.gate, trace, place)
        if factors is None:
            continue
        for _ in range(max(1, round(_WORSE[place] * replays))):
            [gate] = [each for each in replay(gates, trace, rng, factors) if each.name == tally.gate.name]
            counted.add(gate.passed or gate.severity != tally.gate.severity)


def slowdowns(gate: Gate, trace: Trace, place: int) -> tuple[float, float] | None:
    """By how much the candidate's calls must take longer to lie at a gate's threshold, or twice as far.

    Args:
        gate: a gate on calls.
        trace: recorded times.
        place: 0 for the threshold, 1 for twice as far.

    Returns:
        Factors for either contender as the candidate; None where no slowdown leads there.
    """
    quantity, rule = gate.name.split(".")[-2:]
    of = {name: _quantity(values, quantity, trace.batch_rows) for name, values in trace.times.items()}
    factors = []
    for ours, theirs in ((_OURS, _THEIRS), (_THEIRS, _OURS)) if trace.compares else ((_OURS, _OURS),):
        equal = {"ratio": 1.0, "change": 0.0}.get(kind_of(rule), of[ours])
        target = targets(Rule(rule, float(gate.threshold)), equal)[place]  # type: ignore[arg-type]
        wanted = {"ratio": target * of[theirs], "change": of[theirs] + target}.get(kind_of(rule), target)
        if wanted <= 0:
            return None
        factor = of[ours] / wanted if quantity == "throughput_rows_s" else wanted / of[ours]
        if not 1 / _SLOWEST < factor < _SLOWEST:
            return None
        factors.append(factor)
    return factors[0], factors[-1]


def replay(
    gates: LatencyGates, trace: Trace, rng: np.random.Generator, slower: float | tuple[float, float]
) -> list[Gate]:
    """Decide once by a part of a trace, as measuring would: look, and call on while something is open.

    Args:
        gates: calls, budget and risk.
        trace: recorded times.
        rng: draws stretches of it, and which contender is the candidate.
        slower: factor of the candidate's times; one for each contender as the candidate.
    """
    swapped = trace.compares and bool(rng.integers(2))
    factor = slower if isinstance(slower, float) else slower[swapped]
    ours, theirs = (_THEIRS, _OURS) if swapped else (_OURS, _THEIRS)
    times = {_OURS: trace.times[ours] * factor} | ({_THEIRS: trace.times[theirs]} if trace.compares else {})
    call_s = float(sum(np.median(values) for values in times.values())) / 1000
    thresholds = trace.thresholds.given()

    def needed(looks: int) -> int:
        return max((calls_needed(name, gates.confidence, looks) for name in thresholds), default=1)

    looks = plan_looks(gates.calls, needed, call_s, trace.limit_s)
    index = _stretches(len(next(iter(times.values()))), looks[-1], rng)
    stream = {name: values[index] for name, values in times.items()}
    spent_s = np.cumsum(sum(stream.values())) / 1000
    most = max(1, int(np.searchsorted(spent_s, trace.limit_s)) + 1)
    found = Measurements()
    found.looks[trace.batch_rows] = len(looks)
    early = [gates.calls] if gates.calls < looks[0] else []
    for calls in early + looks:
        part = Times({name: values[: min(calls, most)] for name, values in stream.items()})
        found.batches[trace.batch_rows] = summarise(
            part, trace.batch_rows, gates.confidence, len(looks), seed=int(rng.integers(2**31))
        )
        if calls >= most or decided(thresholds, found, trace.batch_rows):
            break
    return judge_calls(
        trace.prefix.rpartition(".")[0],
        gates,
        {trace.batch_rows: trace.thresholds},
        found,
        in_production=trace.compares,
    )


def _stretches(recorded: int, calls: int, rng: np.random.Generator) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    """Places in a trace for so many calls, stretches of neighbours: what slows one call slows the next, too."""
    length = max(1, math.isqrt(recorded))
    begins = rng.integers(0, recorded, math.ceil(calls / length))
    return np.asarray((begins[:, None] + np.arange(length)).ravel()[:calls] % recorded)


def _quantity(values: Floats, quantity: str, batch_rows: int) -> float:
    if quantity == "throughput_rows_s":
        return 1000 * batch_rows / float(values.mean())
    from weighbridge.components.evaluator.latency.intervals import QUANTILES

    return float(np.quantile(values, QUANTILES[quantity]))
