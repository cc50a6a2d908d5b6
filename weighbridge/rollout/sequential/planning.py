"""How many requests a step takes to let a canary go on that is as good as production.

What times and failures are like is not known before, so usual ones are taken: that is what a plan can be made with, and
no promise.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from weighbridge.rollout.sequential.asked import stays_open
from weighbridge.rollout.sequential.contrast import Contrast
from weighbridge.rollout.sequential.quantities import QUANTILES, shares_of_risk
from weighbridge.thresholds.canary import WHOLE, CanaryGates, CanaryStep
from weighbridge.verdict.outcome import Rule, kind_of
from weighbridge.verdict.risk import NORMAL

_MOST = 1e10  # requests, beyond which none suffice


@dataclass(frozen=True)
class Usual:
    """What requests are taken to be like.

    Attributes:
        errors: share of failures.
        sd: standard deviation of the logarithm of times: 0.5 makes the 99th percentile 3.2 times the median.
        effect: design effect that is found where requests are independent, by chance.
    """

    errors: float = 0.001
    sd: float = 0.5
    effect: float = 1.35


@dataclass(frozen=True)
class Needed:
    """What one threshold takes in one step.

    Attributes:
        step: position of the step.
        path: of the key below `canary`, such as `p99_ms.max_ratio`.
        threshold: its value.
        planned: requests that the step asks for.
        requests: that it takes; infinite where no number lets a canary go on that is equal to production.
    """

    step: int
    path: str
    threshold: float
    planned: int
    requests: float

    @property
    def enough(self) -> bool:
        """Whether the step asks for as many."""
        return self.requests <= self.planned


def needed(gates: CanaryGates, usual: Usual | None = None) -> list[Needed]:
    """What each threshold takes in each step that compares it; what depends on numbers that nobody knows is left out.

    Args:
        gates: the thresholds.
        usual: what requests are taken to be like.
    """
    each = gates.risk.false_alarm / shares_of_risk(gates)
    rules = list(_cases(gates, usual or Usual()))
    found = []
    for position, step in enumerate(gates.steps):
        if step.percent == WHOLE:
            continue
        for case in rules:
            requests = _least(case, step, gates.risk.miss, each, (usual or Usual()).effect)
            found.append(Needed(position, case.path, case.threshold, step.requests, requests))
    return found


@dataclass(frozen=True)
class _Case:
    """A rule, and what an equal canary shows: shares of both, the difference at the threshold, and the allowed side."""

    path: str
    threshold: float
    canary: float
    stable: float
    times: float
    null: float
    sign: int
    sides: int = 1

    @property
    def difference(self) -> float:
        return self.canary - self.times * self.stable


def _cases(gates: CanaryGates, usual: Usual) -> Iterator[_Case]:
    for name, bounds in gates.thresholds().items():
        if bounds.severity != "blocking":
            continue
        for rule, threshold in bounds.rules().items():
            path, kind, sign = f"{name}.{rule}", kind_of(rule), Rule(rule, threshold).sign
            if name in QUANTILES and kind == "ratio":
                p = QUANTILES[name]
                below = NORMAL.cdf(NORMAL.inv_cdf(p) + math.log(threshold) / usual.sd)
                yield _Case(path, threshold, below, p, 1.0, 0.0, -sign)
            elif name == "error_rate" and kind == "ratio":
                yield _Case(path, threshold, usual.errors, usual.errors, threshold, 0.0, sign)
            elif name == "error_rate":
                times = 1.0 if kind == "change" else 0.0
                yield _Case(path, threshold, usual.errors, times * usual.errors, times, threshold, sign)
            elif name == "prediction_distance":
                yield _Case(path, threshold, 0.5, 0.5, 1.0, threshold, sign, sides=2)


def _least(case: _Case, step: CanaryStep, miss: float, false_alarm: float, effect: float) -> float:
    """The least requests by which an equal canary fails to pass no more often than `false_alarm`."""
    low, high = 1.0, _MOST
    if _fails(case, step, high, miss, effect) > false_alarm:
        return math.inf
    while high / low > 1.01:
        middle = math.sqrt(low * high)
        low, high = (
            (low, middle) if _fails(case, step, middle, miss, effect) <= false_alarm else (middle, high)
        )  # fmt: skip
    return high


def _fails(case: _Case, step: CanaryStep, requests: float, miss: float, effect: float) -> float:
    """How often an equal canary is not proven to be within by so many requests."""
    others = requests if step.shadow else requests * (WHOLE - step.percent) / step.percent
    weight = requests * others / (requests + others) if case.times else requests
    found = Contrast(
        canary=np.asarray(case.canary),
        stable=np.asarray(case.stable),
        times=case.times,
        weight=np.asarray(weight),
        of_canary=np.asarray(weight**2 / requests),
        of_stable=np.asarray(weight**2 / others),
        most=np.asarray(weight / requests),
        most_stable=np.asarray(weight / others),
        effect=np.asarray(effect),
    )
    # It passes with the planned requests at the earliest.
    progress = max(requests / step.requests, 1.0)
    margin = float(found.margin(case.null, case.sign, miss, progress))
    room = case.sign * (case.difference - case.null)
    return case.sides * stays_open(room, margin, float(found.error(case.difference)))
