"""What a declared rate makes of the models: how busy they are, up to which rate a limit holds, and how that is told."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from weighbridge.components.evaluator.aliases import Floats
from weighbridge.components.evaluator.call_gates import AT_RATE, RateGates
from weighbridge.components.evaluator.latency import queueing
from weighbridge.components.evaluator.latency.queueing import SATURATED, response_p99, utilisation
from weighbridge.components.evaluator.latency.timing import Times
from weighbridge.verdict import Bounds, Estimate, Gate
from weighbridge.verdict.gate import format_value

_STEPS = 14  # of the search for a rate
_TAIL = 0.99
_ADVICE = "Make the served graph cheaper, or declare a lower rate_rps or more servers in gates.yaml."


@dataclass(frozen=True)
class Carried:
    """What a model makes of requests at the declared rate.

    Attributes:
        call_ms: mean time of a call.
        utilisation: share of their time that the servers are busy; from 1 on they are too few.
        capacity_rps: the highest rate at which the threshold on the response time still holds, requests/s; 0 where it
            holds at none, None where there is no threshold.
    """

    call_ms: float
    utilisation: float
    capacity_rps: float | None = None


def carried(times: Times, gates: RateGates, found: Mapping[str, Mapping[str, Estimate]]) -> dict[str, Carried]:
    """What the models make of the declared rate, by contender.

    Args:
        times: of `candidate` and maybe `production`.
        gates: the rate and the threshold.
        found: what was measured, by contender.
    """
    production = found.get("production", {}).get(AT_RATE)
    limit_ms = _limit(gates.p99_ms, production.value if production else None)
    return {
        name: Carried(
            call_ms=float(values.mean()),
            utilisation=utilisation(values, gates.rate_rps, gates.servers),
            capacity_rps=None if limit_ms is None else capacity(values, gates.servers, limit_ms),
        )
        for name, values in times.by_name.items()
    }


def capacity(values: Floats, servers: int, limit_ms: float, seed: int = 0) -> float:
    """The highest rate at which 99 % of the responses come within a limit, requests/s; 0 where there is none.

    Args:
        values: ms of each call [calls].
        servers: requests that are answered at once.
        limit_ms: for the response.
        seed: of the arrivals.
    """
    if np.quantile(values, _TAIL) > limit_ms:
        return 0.0
    drawn = queueing.requests(SATURATED, seed=seed)
    ordered = np.sort(values)

    def holds(rate_rps: float) -> bool:
        return float(response_p99([ordered], rate_rps, servers, drawn)[0]) <= limit_ms

    low, high = 0.0, SATURATED * 1000 * servers / float(values.mean())
    if holds(high):
        return high
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def _limit(bounds: Bounds | None, production_ms: float | None) -> float | None:
    """The least of the response times that a threshold allows at most; None where it allows any."""
    limits = [bounds.max] if bounds else []
    if bounds and production_ms is not None and math.isfinite(production_ms):
        limits.append(None if bounds.max_ratio is None else bounds.max_ratio * production_ms)
        limits.append(None if bounds.max_change is None else bounds.max_change + production_ms)
    return min((limit for limit in limits if limit is not None), default=None)


def told(judged: Sequence[Gate], gates: RateGates, models: Mapping[str, Carried]) -> list[Gate]:
    """The gates on the response time, saying how busy the models are; one that is too slow for the rate is refused.

    Args:
        judged: as the thresholds judged the response time.
        gates: the rate.
        models: what `carried` returned.
    """
    ours, theirs = models["candidate"], models.get("production")
    if ours.utilisation >= 1:
        return [
            gate.model_copy(update={"status": "refused", "message": _overloaded(gate, gates, ours)}) for gate in judged
        ]
    rate = _rate(gates.rate_rps)
    more = f" At {rate} it is busy {ours.utilisation:.0%} of the time"
    if ours.capacity_rps:
        more += f"; the limit holds up to about {_rate(ours.capacity_rps)}"
    elif ours.capacity_rps is not None:
        more += "; the limit holds at no rate"
    if theirs and theirs.utilisation >= 1:
        more += f". Production cannot answer so many (utilisation {theirs.utilisation:.0%})"
    return [gate.model_copy(update={"message": f"{gate.message}{more}."}) for gate in judged]


def _overloaded(gate: Gate, gates: RateGates, ours: Carried) -> str:
    servers = "one server answers" if gates.servers == 1 else f"{gates.servers} servers answer"
    most = _rate(1000 * gates.servers / ours.call_ms)
    return (
        f"{gate.name.rpartition('.')[0].partition('.')[2]}: {_rate(gates.rate_rps)} are more than the model answers. A "
        f"call takes {format_value(ours.call_ms, 'ms')} on average, so {servers} fewer than {most} (utilisation "
        f"{ours.utilisation:.0%}): requests would wait without end. {_ADVICE}"
    )


def _rate(rate_rps: float) -> str:
    return format_value(float(f"{rate_rps:.3g}"), "requests/s")
