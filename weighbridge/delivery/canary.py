"""The time of a delivered copy beside production's, on a machine that is weighed first: production beside itself.

Imports no tfx.
"""

from collections.abc import Mapping

import numpy as np

from weighbridge.common.errors import InfrastructureError
from weighbridge.components.evaluator.call_gates import BatchGates
from weighbridge.components.evaluator.gates import LatencyGates
from weighbridge.components.evaluator.latency.intervals import summarise
from weighbridge.components.evaluator.latency.judge import GROUP, judge
from weighbridge.components.evaluator.latency.measure import Contender, Measurements, decided, measure_calls
from weighbridge.components.evaluator.latency.timing import Times
from weighbridge.thresholds.delivery import Stage
from weighbridge.verdict import Bounds, Gate
from weighbridge.verdict.gate import format_value
from weighbridge.verdict.outcome import Rule

_ROWS = 1  # of a call
_STEPS = 5  # of bisection: the smallest slowdown is known to a thirtieth of the largest
_UNDISTURBED = 0.05  # this share of the calls is about as fast as the model is by itself
_REPLAYED = 4000  # calls at most that a slowdown is added to


def weigh_calls(name: str, stage: Stage, contenders: Mapping[str, Contender], thresholds: LatencyGates) -> list[Gate]:
    """Time calls with one row each, the contenders in turn, and judge the candidate.

    Where there is a production, a second load of it is timed as well: an A/A control. A machine on which production
    falls behind itself, or on which a model far slower than allowed would pass, is too noisy to say anything.

    Args:
        name: of the stage; the gates are called `<name>.…`.
        stage: how many calls, how long, and the thresholds.
        contenders: `candidate`, and `production` with `control` where there is something in production.
        thresholds: name the signature and the inputs that are the same in all requests.

    Returns:
        The gates: that all calls were answered, the thresholds', and the smallest slowdown that would be refused.

    Raises:
        Unmeasurable: a model cannot be called.
        InfrastructureError: the machine is too noisy to judge the model.
    """
    gates = LatencyGates(
        batch_sizes={_ROWS: BatchGates(p50_ms=stage.p50_ms, p99_ms=stage.p99_ms)},
        signature=thresholds.signature,
        inputs=thresholds.inputs,
        calls=stage.calls,
        budget_s=stage.budget_s,
    )
    compared = "production" in contenders

    def settled(bounds: Mapping[str, Bounds], found: Measurements, rows: int) -> bool:
        return decided(bounds, found, rows) and not (compared and _refused(_beside_itself(gates, found)))

    found = measure_calls(gates, contenders, settled)
    judged = judge(gates, found, in_production=compared)
    if compared:
        judged += _machine(gates, found, judged)
    prefix = f"{GROUP}.batch_{_ROWS}."
    renamed = [gate.model_copy(update={"name": f"{name}.{gate.name.removeprefix(prefix)}"}) for gate in judged]
    return [answered(name, len(found.times[_ROWS])), *renamed]


def answered(name: str, calls: int) -> Gate:
    """The gate that all calls were answered."""
    return Gate(
        name=f"{name}.calls.answered",
        status="passed",
        observed=calls,
        message=f"The copy answered all {calls:,} calls.",
    )


def _machine(gates: LatencyGates, found: Measurements, judged: list[Gate]) -> list[Gate]:
    """The smallest slowdown that would have been refused, as a gate; none where the model was refused.

    Raises:
        InfrastructureError: production beside itself fails whatever the model fails; or the model passed, but so would
            one that is far slower.
    """
    beside_itself = _beside_itself(gates, found)
    control = {gate.name: gate for gate in beside_itself if not gate.passed}
    failed = {gate.name for gate in judged if gate.refuses}
    if failed - set(control):
        return []  # the machine does not explain it
    if not beside_itself:
        return []  # nothing is compared
    if failed or _refused(list(control.values())):
        raise _too_noisy(_differs(_refused(list(control.values())) or list(control.values())))
    most = 1 + _largest_slowdown(gates, found)
    refused = _smallest_refused(gates, found, most)
    if refused is None:
        raise _too_noisy(f"a model {most:.3g}x slower than production would have passed")
    message = f"A model {refused:.3g}x slower than production would have been refused."
    return [Gate(name="slowdown.max", status="passed", observed=refused, threshold=most, unit="x", message=message)]


def _too_noisy(why: str) -> InfrastructureError:
    return InfrastructureError(
        f"This machine is too noisy to time the model: {why.rstrip('.')}",
        "Run the same command again when it has less to do. If that does not help, raise budget_s of the stage in "
        "gates.yaml, or compare its medians alone there (p50_ms, no p99_ms).",
    )


def _differs(gates: list[Gate]) -> str:
    """How production differs from itself, by the first of the gates that it fails."""
    gate = gates[0]
    quantity, limit = gate.name.split(".")[-2], format_value(gate.threshold, gate.unit)
    if _beyond(gate):
        return f"measured twice, production's own {quantity} differs by {format_value(gate.observed, gate.unit)}"
    return f"measured twice, production's own {quantity} may differ by more than {limit}"


def _refused(gates: list[Gate]) -> list[Gate]:
    return [gate for gate in gates if _beyond(gate)]


def _beyond(gate: Gate) -> bool:
    """Whether what was measured is on the wrong side itself, proven or not."""
    if gate.status != "inconclusive":
        return gate.status == "refused"
    return not Rule(gate.rule, float(str(gate.threshold))).allows(float(str(gate.observed)))


def _beside_itself(gates: LatencyGates, found: Measurements, slower_by: float = 0.0) -> list[Gate]:
    """The control against production by the relative gates that block, each of its calls `slower_by` ms longer."""
    times = found.times[_ROWS]
    ours, theirs = (times.by_name[name][:_REPLAYED] for name in ("control", "production"))
    replayed = Times({"candidate": ours + slower_by, "production": theirs}, times.distinct)
    batches = {_ROWS: summarise(replayed, _ROWS, gates.confidence, found.looks[_ROWS])}
    return [
        gate
        for gate in judge(gates, Measurements(batches=batches), in_production=True)
        if gate.rule not in ("min", "max") and gate.severity == "blocking"
    ]


def _largest_slowdown(gates: LatencyGates, found: Measurements) -> float:
    """The slowdown that must be refused: twice what is allowed of the median, and 1 at least."""
    median = found.batches[_ROWS]["production"]["p50_ms"].value
    bounds = gates.batch_sizes[_ROWS].given().get("p50_ms")
    allowed = []
    if bounds is not None and bounds.max_ratio is not None:
        allowed.append(bounds.max_ratio - 1)
    if bounds is not None and bounds.max_change is not None:
        allowed.append(bounds.max_change / median)
    return max(1.0, 2 * min(allowed, default=0.0))


def _smallest_refused(gates: LatencyGates, found: Measurements, most: float) -> float | None:
    """How many times slower than production its own calls would have to be to be refused; None for more than `most`.

    What a call takes when the machine does nothing else is added, so many times, to the times of the control, and the
    sum is judged again.
    """
    own = float(np.quantile(found.times[_ROWS].by_name["production"], _UNDISTURBED))

    def refuses(times_slower: float) -> bool:
        # What is merely inconclusive at such a slowdown might have passed with more luck.
        return bool(_refused(_beside_itself(gates, found, (times_slower - 1) * own)))

    if not refuses(most):
        return None
    low, high = 1.0, most
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if refuses(middle) else (middle, high)
    return high
