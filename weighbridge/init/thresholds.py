"""Thresholds that a first run suggests: what it observed, less what chance may take away. For a person to review.

A second training on the same data with another seed should pass, and a model that is clearly worse should not. Gates
are judged by intervals, so a threshold lies as far off as the risk declared in gates.yaml takes with so many rows
(`weighbridge.verdict.risk.margin_needed`): for the interval of what is measured, for the luck of these rows, and for
what another seed makes of it. An equally good model then passes in 95 % of the cases.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from weighbridge.components.evaluator.gates import LatencyGates
from weighbridge.components.evaluator.spending import share
from weighbridge.evidence.base import Interval
from weighbridge.evidence.latency import LatencyReport
from weighbridge.evidence.metrics import Metric
from weighbridge.verdict import Risk, Severity
from weighbridge.verdict.risk import margin_needed, quantile

# All of them shares, between 0 and 1.
HIGHER_IS_BETTER = {
    "auc",
    "auc_precision_recall",
    "binary_accuracy",
    "sparse_categorical_accuracy",
    "squared_pearson_correlation",
}
UNMEASURED = "nothing, it could not be measured"

# What is guessed of retraining: the standard deviation of a share's change between two equally good trainings, times
# the root of the rows that it is a share of (0.009 for the AUC of 1,634 taxi rows paid by card), between these two.
_SEEDS = 0.36
_SEEDS_RANGE = (0.002, 0.02)
_SEEDS_RATIO = 0.03  # the same of a quantity without bounds, as a part of it
_NONE_OF = 3.0  # rule of three: n rows without an error leave 3/n of them possible, at 95 %
_TOO_FEW = 20  # rows of a class, with fewer of which the Evaluator gives no interval
_TIMES_SLOWER = 4.0  # a busy machine
_LEAST_MS = {"p50_ms": 10.0, "p99_ms": 50.0}
_RATIOS = {"p50_ms": 2.0, "p99_ms": 3.0}
_MOST_RATIO = 10.0  # beyond which a ratio says nothing
_LEAST_LOAD_MS = 5000.0
_LEAST_BYTES = 1_000_000
_ROWS = 0.5  # of those that there were
RISK = Risk(false_pass=Risk().false_pass * share(1))  # of a first attempt, where gates.yaml says nothing


@dataclass(frozen=True)
class Proposal:
    """A line of `gates.yaml`.

    Attributes:
        key: what it is about.
        rules: the thresholds, by rule.
        observed: what the first run observed, in words.
        severity: of the threshold.
    """

    key: str
    rules: Mapping[str, float]
    observed: str
    severity: Severity = "blocking"

    @property
    def text(self) -> str:
        """The rules as a mapping in YAML."""
        severity = {} if self.severity == "blocking" else {"severity": self.severity}
        rules = {rule: plain(value) for rule, value in self.rules.items()} | severity
        return "{" + ", ".join(f"{key}: {value}" for key, value in rules.items()) + "}"


def of_metric(metric: Metric) -> Proposal:
    """A threshold for a metric of the built-in provider, absolute and beside production."""
    found = at_least(metric) if metric.name in HIGHER_IS_BETTER else at_most(metric)
    if metric.value is not None and metric.low is None:  # so few rows tell it that it has no interval: nothing passes
        return replace(found, severity="warning")
    return found


def at_least(metric: Metric, least_of_all: float = 0.0) -> Proposal:
    """A threshold for a metric of which more is better, about as large as a share; never below `least_of_all`.

    Of the change to production nothing is known yet. Two trainings answer the same rows, so their errors are correlated
    by one half or more, and the change is no less sure than the value; but where few rows change, those that are gained
    and those that are lost have bounds at half the risk each.
    """
    value, rows = metric.value, metric.rows
    if value is None:  # what could not be measured refuses: nothing is proposed that would hide it
        return Proposal(metric.name, {"min": least_of_all}, UNMEASURED)
    low = min(_low(metric, value), value - _NONE_OF / max(rows, 1))
    error = (value - low) / quantile(RISK.false_pass)
    spread = min(max(_SEEDS_RANGE[0], _SEEDS / math.sqrt(max(rows, 1))), _SEEDS_RANGE[1])
    least = max(least_of_all, _down(value - margin_needed(error, RISK, spread / math.sqrt(2))))
    halved = quantile(RISK.false_pass / 2) / quantile(RISK.false_pass)
    change = -_up(margin_needed(error * halved, RISK, spread))
    return Proposal(metric.name, {"min": least, "min_change": change}, f"{value:.4f}")


def _low(metric: Metric, value: float) -> float:
    """The lower end of the interval; where there is none since too few rows tell the share, that of so few rows."""
    if metric.low is not None:
        return metric.low
    return value - 2 * math.sqrt(max(value * (1 - value), 0.0) / _TOO_FEW)


def at_most(metric: Metric) -> Proposal:
    """A threshold for a metric of which less is better."""
    value = metric.value
    if value is None:
        return Proposal(metric.name, {"max": 0.0}, UNMEASURED)
    high = max(value, value if metric.high is None else metric.high)
    error, spread = (high - value) / quantile(RISK.false_pass), _SEEDS_RATIO * value
    most = nice_up(value + margin_needed(error, RISK, spread / math.sqrt(2)))
    ratio = _up(
        math.exp(margin_needed(_log_ratio(metric, value, high) / quantile(RISK.false_pass), RISK, _SEEDS_RATIO))
    )
    return Proposal(metric.name, {"max": most, "max_ratio": ratio}, f"{value:.4g}")


def _log_ratio(metric: Metric, value: float, high: float) -> float:
    """How far the upper end of a ratio of two such models lies off: each is taken for measured on rows of its own."""
    if value <= 0:
        return 0.0
    up = math.log(high / value)
    down = math.log(value / metric.low) if metric.low is not None and 0 < metric.low < value else up
    return math.hypot(up, down)


def of_latency(report: LatencyReport) -> dict[int, list[Proposal]]:
    """Thresholds for calls, by batch size."""
    return {
        batch.batch_size: [
            Proposal(
                key,
                {
                    "max": nice_up(max(least, _TIMES_SLOWER * _most(found)), (1, 2, 5)),
                    "max_ratio": max(_RATIOS[key], _ratio(found, batch.looks)),
                },
                f"{found.value:.2f} ms",
            )
            for key, least in _LEAST_MS.items()
            for found in [getattr(batch.candidate, key)]
            if found.value is not None
        ]
        for batch in report.batches
    }


def _ratio(found: Interval, looks: int) -> float:
    """The least ratio of two equally fast models that calls decide as they were measured; 0 where that is unknown."""
    risk = LatencyGates.model_fields["risk"].default
    if not found.value or found.high is None or found.value <= 0:
        return 0.0
    miss = risk.false_pass / looks
    error = math.sqrt(2) * math.log(max(found.high / found.value, 1.0)) / quantile(miss)
    each = Risk(false_pass=miss, false_refusal=risk.false_refusal)
    return min(nice_up(math.exp(min(margin_needed(error, each), 3.0))), _MOST_RATIO)


def of_model(report: LatencyReport) -> list[Proposal]:
    """Thresholds for loading the model, and for its size."""
    load, size = report.load_ms.candidate, report.model_bytes.candidate
    most_load = nice_up(max(_LEAST_LOAD_MS, _TIMES_SLOWER * _most(load)), (1, 2, 5))
    most_bytes = nice_up(max(_LEAST_BYTES, 3 * size), (1, 2, 5))
    return [
        Proposal("load_ms", {"max": most_load}, f"{load.value or 0:.0f} ms"),
        Proposal("model_bytes", {"max": most_bytes}, f"{size:,}"),
    ]


def _most(interval: Interval) -> float:
    return max(value for value in (interval.value, interval.high, 0.0) if value is not None)


def least_rows(rows: int) -> int:
    """How many rows a split should have, where it had so many."""
    return max(1, int(nice_down(_ROWS * rows)))


def most_distance(noise: float, least: float) -> float:
    """How far a distribution may move, where train and eval of the same data were `noise` apart."""
    return min(1.0, nice_up(max(least, 3 * noise), (1, 2, 3, 5)))


def most_malformed(malformed: int, rows: int) -> float:
    """The share of rows that may be malformed: none where there was none, else twice what there was."""
    return min(0.9, nice_up(2 * malformed / rows, (1, 2, 5))) if malformed else 0.0


def nice_up(value: float, steps: tuple[int, ...] = ()) -> float:
    """The next round number that is not below `value`: of two digits, or of one of `steps`."""
    return _nice(value, steps, math.ceil)


def nice_down(value: float) -> float:
    """The next number of two digits that is not above `value`."""
    return _nice(value, (), math.floor)


def _nice(value: float, steps: tuple[int, ...], towards: Callable[[float], int]) -> float:
    if value <= 0 or not math.isfinite(value):
        return 0.0
    power = math.floor(math.log10(value))
    if steps:
        found = next((step for step in steps if step * 10.0**power >= value * (1 - 1e-12)), 10)
        return float(f"{found}e{power}")
    digits = value / 10.0 ** (power - 1)
    nearest = round(digits)
    whole = nearest if math.isclose(digits, nearest, rel_tol=1e-12) else towards(digits)
    return float(f"{whole}e{power - 1}")


def _down(value: float) -> float:
    return math.floor(round(value * 100, 6)) / 100


def _up(value: float) -> float:
    return math.ceil(round(value * 100, 6)) / 100


def plain(value: float) -> str:
    """A number as people write it."""
    return f"{value:.10f}".rstrip("0").rstrip(".") if value % 1 else f"{value:.0f}"
