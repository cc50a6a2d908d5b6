"""Loading times of the run's model, drawn anew and judged by the real gates."""

import time
from collections.abc import Mapping

import numpy as np

from weighbridge.components.evaluator.gates import LatencyGates
from weighbridge.components.evaluator.latency.intervals import of_median
from weighbridge.components.evaluator.latency.judge import GROUP, UNITS
from weighbridge.components.evaluator.latency.measure import Contender
from weighbridge.simulate.quality import targets
from weighbridge.simulate.rates import Floats, Rate
from weighbridge.simulate.tally import Tally
from weighbridge.verdict import Bounds, Gate, Sampled
from weighbridge.verdict.outcome import Rule, kind_of

_LOADS = 9  # as the Evaluator loads a model whose loading time is judged


def record_loads(contenders: Mapping[str, Contender]) -> Floats:
    """Milliseconds of loading the same model again and again, [loads]."""
    found = []
    for contender in [*contenders.values()] * _LOADS:
        start = time.perf_counter()
        contender.load()
        found.append(1000 * (time.perf_counter() - start))
    return np.array(found)


def weigh_loads(gates: LatencyGates, loads: Floats, rng: np.random.Generator, replays: int) -> Tally:
    """Judge loading times drawn from those recorded: as they are, at each threshold, and twice as far."""
    tally = Tally("loading")
    if gates.load_ms is None:
        return tally
    refused = np.zeros(replays, bool)
    for number in range(replays):
        for gate in _judge(gates, gates.load_ms, loads, rng, 1.0):
            tally.of(gate).refusals.add(not gate.passed)
            refused[number] |= gate.refuses
    tally.verdict = Rate.of(int(refused.sum()), replays)
    for each in tally.gates.values():
        for place, counted in ((0, each.at_threshold), (1, each.beyond)):
            factor = _factor(each.gate, float(np.median(loads)), place)
            for _ in range(replays if factor > 0 else 0):
                judged = _judge(gates, gates.load_ms, loads, rng, factor)
                [gate] = [other for other in judged if other.name == each.gate.name]
                counted.add(gate.passed or gate.severity != each.gate.severity)
    return tally


def _factor(gate: Gate, median: float, place: int) -> float:
    """By how much loading must take longer to lie at a threshold, or twice as far."""
    kind = kind_of(gate.rule)
    equal = {"ratio": 1.0, "change": 0.0}.get(kind, median)
    target = targets(Rule(gate.rule, float(gate.threshold)), equal)[place]  # type: ignore[arg-type]
    return {"ratio": target, "change": 1 + target / median}.get(kind, target / median)


def _judge(gates: LatencyGates, bounds: Bounds, loads: Floats, rng: np.random.Generator, factor: float) -> list[Gate]:
    ours, theirs = rng.choice(loads, (2, _LOADS))
    found = of_median(list(ours * factor), list(theirs), gates.confidence)
    return bounds.judge(
        f"{GROUP}.load_ms",
        found["candidate"],
        baseline=found["production"],
        change=found["change"],
        ratio=found["ratio"],
        unit=UNITS["load_ms"],
        sampled=Sampled(gates.risk, on_undecided=gates.on_undecided),
    )
