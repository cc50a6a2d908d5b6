"""What a live canary has shown so far, held against the thresholds of `gates.yaml`.

Each step is judged by its own requests. A canary goes on where every threshold is proven to be kept, so each proof may
be wrong as often as `risk.miss` allows: one at a threshold must pass them all (the intersection-union test; Berger,
Technometrics 24, 1982). It is rolled back where any threshold is proven to be missed, so all thresholds and steps share
`risk.false_alarm` (Bonferroni). Both hold however often it is looked at.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

from weighbridge.rollout.observed import Counts, Histogram, Window
from weighbridge.rollout.sequential.asked import NOTHING_YET, SHADOW, WHOLE, Asked
from weighbridge.rollout.sequential.distance import distance_gates
from weighbridge.rollout.sequential.memory import memory_gates
from weighbridge.rollout.sequential.quantities import QUANTILES, shares_of_risk
from weighbridge.rollout.sequential.rates import rate_gates
from weighbridge.rollout.sequential.tallies import Tallies, UnmeasuredError, unsound
from weighbridge.rollout.sequential.times import quantile_gates
from weighbridge.thresholds.canary import WHOLE as ALL_REQUESTS
from weighbridge.thresholds.canary import CanaryGates, CanaryStep
from weighbridge.verdict import Gate

GROUP = "canary"
_UNITS = dict.fromkeys(QUANTILES, "ms") | {"memory_ratio": "x"}


def judge(gates: CanaryGates, windows: Sequence[Window], *, first: bool = False) -> list[Gate]:
    """Judge the step that a canary is in: passed and refused are proven, whatever the number of looks.

    Args:
        gates: the thresholds.
        windows: all of the canary, in the order of time; the last one's step is judged.
        first: whether nothing is in production yet to compare with: relative rules are then `not_compared`.

    Returns:
        One gate per rule, named `canary.<quantity>.<rule>`: `passed` where it is proven to be kept, `refused` where it
        is proven not to be, `inconclusive` where it is open, `unmeasured` where something that it needs was not told.
    """
    return list(_gates(gates, windows, first))


def _gates(gates: CanaryGates, windows: Sequence[Window], first: bool) -> Iterator[Gate]:
    position = windows[-1].step if windows else 0
    known = 0 <= position < len(gates.steps)
    step = gates.steps[position] if known else gates.steps[-1]
    mine = [window for window in windows if window.step == position]
    compared = not first and step.percent < ALL_REQUESTS
    tallies = Tallies(mine, compared=compared, expected=_expected(step) if compared else 0.0)
    problem = unsound(mine) or tallies.problem()
    if not known:
        problem = f"step {position} is none of the {len(gates.steps)} in gates.yaml"
    alone = tallies.alone() if compared and not problem else ""
    each = gates.risk.false_alarm / shares_of_risk(gates)
    for name, bounds in gates.thresholds().items():
        asked = Asked(
            name=f"{GROUP}.{name}",
            bounds=bounds,
            unit=_UNITS.get(name, ""),
            miss=gates.risk.miss,
            false_alarm=each,
            progress=max(tallies.requests, 1.0) / step.requests,
            requests=tallies.requests,
            not_compared="" if compared else NOTHING_YET if first else WHOLE,
        )
        yield from _quantity(name, asked, tallies, windows, step, problem, alone)


def _expected(step: CanaryStep) -> float:
    """Requests of the canary for one of production's."""
    return 1.0 if step.shadow else step.percent / (ALL_REQUESTS - step.percent)


def _quantity(
    name: str, asked: Asked, tallies: Tallies, windows: Sequence[Window], step: CanaryStep, problem: str, alone: str
) -> Iterator[Gate]:
    if name.startswith("business.") and step.shadow:
        yield from (asked.gate(rule, "not_compared", f"{asked.subject}: {SHADOW}.") for rule in asked.rules())
        return
    if problem:
        yield from asked.unmeasured(problem)
        return
    try:
        if name == "memory_ratio":
            yield from memory_gates(asked, windows, windows[-1].step)
        elif name == "prediction_distance":
            yield from _distances(asked, tallies, alone)
        elif name in QUANTILES:
            yield from _times(name, asked, tallies, step, alone)
        else:
            yield from rate_gates(asked, tallies.rates(*_counted(name)), alone)
    except UnmeasuredError as why:
        yield from asked.unmeasured(why)


def _times(name: str, asked: Asked, tallies: Tallies, step: CanaryStep, alone: str) -> Iterator[Gate]:
    """Of the requests after the step has settled."""
    settled = tallies.later_than(step.settles_s)
    if settled is None:
        message = f"{asked.subject} does not count in the first {step.settles_s:g} s of a step, while it settles."
        yield from (
            asked.skipped(rule)
            if asked.not_compared and rule.kind != "value"
            else asked.gate(rule, "inconclusive", message)
            for rule in asked.rules()
        )
        return
    edges, tally = settled.seconds
    yield from quantile_gates(replace(asked, requests=settled.requests), QUANTILES[name], edges, tally, alone)


def _counted(name: str) -> tuple[Callable[[Counts], int], Callable[[Counts], int]]:
    """What is counted, and of how many, for a rate."""
    if name == "error_rate":
        return (lambda counts: counts.errors), (lambda counts: counts.requests)
    metric = name.removeprefix("business.")
    return partial(_of_business, metric, 1), partial(_of_business, metric, 0)


def _of_business(metric: str, which: int, counts: Counts) -> int:
    return counts.business[metric][which] if metric in counts.business else 0


def _distances(asked: Asked, tallies: Tallies, alone: str) -> Iterator[Gate]:
    """Of each output; all of them share the risk of one threshold."""
    outputs = sorted(
        {name for window in tallies.windows for side in (window.canary, window.stable) for name in side.predictions}
    )
    if asked.not_compared:
        yield from map(asked.skipped, asked.rules())
        return
    if not outputs:
        yield from asked.unmeasured("no predictions were told")
        return
    for output in outputs:
        mine = replace(asked, name=f"{asked.name}.{output}", false_alarm=asked.false_alarm / len(outputs))
        try:
            _, tally = tallies.histograms(partial(_of_output, output))
            yield from distance_gates(mine, tally, alone)
        except UnmeasuredError as why:
            yield from mine.unmeasured(why)


def _of_output(output: str, counts: Counts) -> Histogram | None:
    return counts.predictions.get(output)
