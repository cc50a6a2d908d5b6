"""Judging a served model: thresholds on what it showed under load."""

import math

from weighbridge.components.evaluator.gates import LatencyGates
from weighbridge.components.evaluator.latency.under_load.measure import UnderLoad
from weighbridge.components.evaluator.latency.under_load.responses import Estimates, Responses
from weighbridge.components.evaluator.latency.under_load.size import cost_per_million, max_rate
from weighbridge.components.evaluator.served_gates import COST, ERROR_RATE, LATENCIES, MAX_RATE, ServedGates
from weighbridge.verdict import Estimate, Gate, Sampled

GROUP = "latency.served"
UNITS = {**dict.fromkeys(LATENCIES, "ms"), ERROR_RATE: "", MAX_RATE: "requests/s", COST: ""}

_ADVICE = {
    **dict.fromkeys(
        LATENCIES, "Make the served graph cheaper, or send less to a replica; more seconds of load narrow the interval."
    ),
    MAX_RATE: "Make the served graph cheaper; more seconds of the ramp narrow the interval.",
    COST: "Make the served graph cheaper, or take a cheaper machine.",
}
_SHOWN = 200


def all_estimates(gates: ServedGates, found: UnderLoad) -> Estimates:
    """All that thresholds are about: by contender, `ratio` and `change`, by name of the quantity.

    Latencies that the generator measured while it could not keep its plan are no numbers.
    """
    result = {name: dict(each) for name, each in found.estimates.items()}
    late = {name for name, each in found.responses.items() if lagged(gates, each)}
    for name in found.responses:
        if name in late:
            result[name] |= dict.fromkeys(LATENCIES, Estimate(math.nan))
        if (knee := found.knees.get(name)) is not None:
            result[name][MAX_RATE] = max_rate(knee)
            if (cost := cost_per_million(gates, max_rate(knee))) is not None:
                result[name][COST] = cost
    for compared in {"ratio", "change"} & set(result):
        if late:
            result[compared] |= dict.fromkeys(LATENCIES, Estimate(math.nan))
    return result


def lagged(gates: ServedGates, responses: Responses) -> bool:
    """Whether the generator was too late to have measured the server."""
    return not responses.lag_share <= gates.max_lag


def judge(gates: LatencyGates, found: UnderLoad, *, in_production: bool) -> list[Gate]:
    """Judge what was measured, in gates named `latency.served.<quantity>.<rule>`.

    Args:
        gates: the section.
        found: what `measure` returned.
        in_production: whether there is a model in production, so that relative thresholds need its value.
    """
    served = gates.served
    assert served is not None  # noqa: S101, else nothing was measured
    estimates = all_estimates(served, found)
    ours, theirs = estimates["candidate"], estimates.get("production", {})
    sampled = Sampled(gates.risk, looks=1, on_undecided=gates.on_undecided)
    judged = [_kept_plan(served, name, each) for name, each in found.responses.items() if lagged(served, each)]
    for name, bounds in served.given().items():
        judged += bounds.judge(
            f"{GROUP}.{name}",
            ours[name],
            baseline=theirs.get(name) or (math.nan if in_production else None),
            change=estimates.get("change", {}).get(name),
            ratio=estimates.get("ratio", {}).get(name),
            unit=UNITS[name],
            sampled=sampled,
            advice=_failures(found.responses["candidate"]) if name == ERROR_RATE else _ADVICE[name],
        )
    return judged


def _kept_plan(gates: ServedGates, name: str, responses: Responses) -> Gate:
    share = responses.lag_share
    return Gate(
        name=f"{GROUP}.generator.{name}.kept_plan",
        status="unmeasured",
        observed=share if math.isfinite(share) else None,
        threshold=gates.max_lag,
        message=f"The load generator could not send to the {name} as planned: in the 99th percentile it was late by "
        f"{'an unknown share' if math.isnan(share) else f'{share:.0%}'} of the response time, and {gates.max_lag:.0%} "
        "is allowed. Its latencies are the generator's: let nothing else run on this machine, give it more processors, "
        "or ask for a lower rate_rps.",
    )


def _failures(responses: Responses) -> str:
    """What failed, and what the server said."""
    if not responses.errors:
        return "More seconds of load narrow the interval."
    found = ", ".join(f"{name}: {count:,}" for name, count in responses.errors.items())
    said = next((text for text in responses.said.values() if text), "")
    return f"Failed: {found}." + (f" The server said: {said[:_SHOWN]}" if said else "")
