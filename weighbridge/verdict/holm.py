"""Refusing what is proven to be wrong among many: the more is asked, the more is wrong by chance."""

import math
from collections.abc import Sequence

from weighbridge.verdict.estimate import Estimate
from weighbridge.verdict.gate import Gate
from weighbridge.verdict.outcome import Rule, chance_of
from weighbridge.verdict.risk import Sampled


def holm(p_values: Sequence[float], alpha: float) -> list[bool]:
    """Which hypotheses are rejected, so that any true one among them is with probability `alpha` at most.

    Holm's step-down procedure (Scandinavian Journal of Statistics 6, 1979): the smallest p-value is held against alpha
    divided by their number, the next by one less, and so on until one is larger.
    """
    rejected = [False] * len(p_values)
    ascending = sorted(range(len(p_values)), key=lambda index: (math.isnan(p_values[index]), p_values[index]))
    for place, index in enumerate(ascending):
        if not p_values[index] <= alpha / (len(p_values) - place):
            break
        rejected[index] = True
    return rejected


def only_proven(gates: Sequence[Gate], sampled: Sampled) -> list[Gate]:
    """Let those refusals stand that are proven, all gates considered; the others are inconclusive, and warn.

    Args:
        gates: of one family, such as all thresholds on slices, judged with `on_undecided: warn`.
        sampled: how they were judged.
    """
    p_values = [p_value(gate, sampled) for gate in gates]
    among = [index for index, p in enumerate(p_values) if p is not None]
    stands = holm([p for p in p_values if p is not None], sampled.risk.false_refusal)
    chance = {index for index, proven in zip(among, stands, strict=True) if not proven}
    return [
        _left_open(gate, len(among)) if gate.refuses and gate.status == "refused" and index in chance else gate
        for index, gate in enumerate(gates)
    ]


def p_value(gate: Gate, sampled: Sampled) -> float | None:
    """How often chance would show a model at the threshold as far on the wrong side; None without an interval."""
    if gate.interval is None or not isinstance(gate.observed, float) or not isinstance(gate.threshold, float):
        return None
    return chance_of(Rule(gate.rule, gate.threshold, gate.unit), Estimate(gate.observed, *gate.interval), sampled)


def _left_open(gate: Gate, among: int) -> Gate:
    message = f"{gate.message} Among {among} such gates that may be chance (Holm), so it only warns."
    return gate.model_copy(update={"status": "inconclusive", "severity": "warning", "message": message})
