"""What a measured model asks of a cluster: processor, memory, replicas, and what a million predictions cost."""

import math

from weighbridge.components.evaluator.latency.under_load.measure import UnderLoad
from weighbridge.components.evaluator.served_gates import ServedGates
from weighbridge.evidence.sizing import Sizing
from weighbridge.load.knee import Knee
from weighbridge.verdict import Estimate

_LEAST_REPLICAS = 2  # one may be moved to another machine
_MILLICORES = 10
_MEBIBYTE = 1 << 20


def max_rate(knee: Knee) -> Estimate:
    """The highest rate with its interval; an end that is not known is 0 or infinite."""
    return Estimate(knee.rate_rps, knee.low, knee.high)


def cost_per_million(gates: ServedGates, rate: Estimate) -> Estimate | None:
    """Of predictions, where a replica answers that rate less the headroom; None where no price is known."""
    if gates.cost_per_hour is None:
        return None

    def cost(rate_rps: float | None) -> float:
        each_hour = 3600 * (rate_rps or 0.0) * (1 - gates.headroom) * gates.rows
        return 1e6 * (gates.cost_per_hour or 0.0) / each_hour if each_hour else math.inf

    value = cost(rate.value)
    return Estimate(value if math.isfinite(value) else math.nan, cost(rate.high), cost(rate.low))


def sizing(gates: ServedGates, found: UnderLoad) -> Sizing | None:
    """What to run the candidate with; None where its server's use of the machine, or a rate that holds, is not known.

    A replica answers the highest rate at which the limits held (without a ramp, the declared rate, which is what was
    shown), less the headroom; it asks for the processor time that so many requests take. Memory is the highest that it
    had under load, and the headroom beyond.

    Args:
        gates: the declared rate, the headroom, and the price.
        found: what was measured.
    """
    cpu_s, memory, knee = (
        found.cpu_s.get("candidate"),
        found.memory_bytes.get("candidate"),
        found.knees.get("candidate"),
    )
    most = gates.rate_rps if knee is None else knee.rate_rps
    if cpu_s is None or memory is None or not most:
        return None
    each = most * (1 - gates.headroom)
    cost = None if knee is None else cost_per_million(gates, max_rate(knee))
    return Sizing(
        cpu_millicores=max(_MILLICORES, math.ceil(1000 * cpu_s * each / _MILLICORES) * _MILLICORES),
        memory_bytes=max(1, math.ceil(memory * (1 + gates.headroom) / _MEBIBYTE)) * _MEBIBYTE,
        rate_rps=gates.rate_rps,
        max_rps_per_replica=float(f"{most:.4g}"),
        replicas=max(_LEAST_REPLICAS, math.ceil(gates.rate_rps / each)),
        cost_per_million=None if cost is None else cost.value,
        headroom=gates.headroom,
    )
