"""The rules on latency: may the candidate's median be 1.5 times, its p99 twice production's?"""

from collections.abc import Callable

import numpy as np

from benchmarks.gates.call_streams import CallStream, Draw
from benchmarks.gates.checks import ArgoRollouts, Flagger
from benchmarks.gates.kayenta import Classifier
from benchmarks.gates.outcomes import AT_MARGIN, EQUAL, TWICE, WITHIN, Answer, Verdict
from benchmarks.gates.played import Silent, played
from weighbridge.common.errors import InfrastructureError
from weighbridge.components.evaluator.gates import LatencyGates
from weighbridge.components.evaluator.latency.judge import judge
from weighbridge.components.evaluator.latency.measure import decided, measure_calls
from weighbridge.delivery.canary import weigh_calls
from weighbridge.thresholds.delivery import Stage
from weighbridge.verdict import Gate

EVALUATOR, CANARY = "Weighbridge, Evaluator", "Weighbridge, canary"
LIMITS = {0.5: 1.5, 0.99: 2.0}  # of the ratio, by quantile
_TURN_S, _TURNS = 0.0015, 4000  # of all contenders together; what the budget pays for
_RATIOS = {"p50_ms": {"max_ratio": LIMITS[0.5]}, "p99_ms": {"max_ratio": LIMITS[0.99]}}
_GATES = LatencyGates.model_validate({"batch_sizes": {1: _RATIOS}, "budget_s": _TURN_S * _TURNS})
_STAGE = Stage.model_validate({"stage": "canary", "calls": 200, "budget_s": _TURN_S * _TURNS, **_RATIOS})
_POINTS, _POINT_CALLS = 30, 100  # of a time series, and calls that each of its points tells of

Rule = Callable[[Draw, CallStream], Verdict]


def evaluator(draw: Draw, _: CallStream) -> Verdict:
    """The Evaluator's gates: called on until no limit lies inside an interval, in looks that share the risk."""
    with played(draw, _TURN_S, _TURNS) as drawn:
        found = measure_calls(_GATES, {name: Silent() for name in ("candidate", "production")}, decided)
        return _answer(judge(_GATES, found, in_production=True)), drawn()


def canary(draw: Draw, _: CallStream) -> Verdict:
    """The canary, which times production beside itself as well; a machine too noisy for that (exit 3) is undecided."""
    with played(draw, _TURN_S, _TURNS) as drawn:
        contenders = {name: Silent() for name in ("candidate", "production", "control")}
        try:
            return _answer(weigh_calls("canary", _STAGE, contenders, _GATES)), drawn()
        except InfrastructureError:
            return "undecided", drawn()


def _answer(gates: list[Gate]) -> Answer:
    """What the gates say together; inconclusive ones alone are undecided."""
    failed = {gate.status for gate in gates if gate.refuses}
    return "refused" if "refused" in failed else "undecided" if failed else "passed"


def two_numbers(draw: Draw, _: CallStream) -> Verdict:
    """What a script does: 400 calls of each, and the ratio of what was measured against the limit."""
    times = draw(["candidate", "production"], 400)
    ratios = {q: np.quantile(times["candidate"], q) / np.quantile(times["production"], q) for q in LIMITS}
    return ("passed" if all(ratios[q] <= limit for q, limit in LIMITS.items()) else "refused"), 400


def _kayenta(draw: Draw, classifiers: dict[float, Classifier]) -> Verdict:
    """Two metrics, p50 and p99 of each interval: with one of them High half of the score is left, and that fails."""
    shape = (_POINTS, _POINT_CALLS)
    times = {
        name: column.reshape(shape)
        for name, column in draw(["candidate", "production"], _POINTS * _POINT_CALLS).items()
    }
    for quantile, classifier in classifiers.items():
        series = {name: np.quantile(points, quantile, axis=1) for name, points in times.items()}
        if classifier.label(series["production"], series["candidate"]) == "High":
            return "refused", _POINTS * _POINT_CALLS
    return "passed", _POINTS * _POINT_CALLS


def kayenta(draw: Draw, _: CallStream) -> Verdict:
    """With its defaults: any increase that is proven."""
    return _kayenta(draw, {quantile: Classifier() for quantile in LIMITS})


def kayenta_with_effect_size(draw: Draw, _: CallStream) -> Verdict:
    """With `effectSize: allowedIncrease` set to our limits."""
    return _kayenta(draw, {quantile: Classifier(allowed=(1.0, limit)) for quantile, limit in LIMITS.items()})


def _within(draw: Draw, stream: CallStream) -> Callable[[int], bool]:
    """Thresholds that somebody set who knows production's median and p99 exactly: the limits times these."""
    most = {0.5: LIMITS[0.5] * stream.median, 0.99: LIMITS[0.99] * stream.p99}

    def within(calls: int) -> bool:
        times = draw(["candidate"], calls)["candidate"]
        return all(np.quantile(times, quantile) <= limit for quantile, limit in most.items())

    return within


def flagger(draw: Draw, stream: CallStream) -> Verdict:
    """Fixed thresholds on each interval's median and p99."""
    return Flagger().judge(_within(draw, stream))


def argo_rollouts(draw: Draw, stream: CallStream) -> Verdict:
    """The same thresholds."""
    return ArgoRollouts().judge(_within(draw, stream))


RULES: dict[str, Rule] = {
    EVALUATOR: evaluator,
    CANARY: canary,
    "two numbers": two_numbers,
    "Kayenta": kayenta,
    "Kayenta, effect size": kayenta_with_effect_size,
    "Flagger": flagger,
    "Argo Rollouts": argo_rollouts,
}
TRUTHS = {EQUAL: 1.0, WITHIN: 1.1, AT_MARGIN: 1.5, TWICE: 2.0}
"""Ratio of the medians."""
