"""Thresholds that a first run suggests: what it observed, less what chance alone may take away. For a person to review.

A second run on the same data with another seed should pass, and a model that is clearly worse should not. So the worst
end of the confidence interval is taken, which tells how far the same model may lie on other rows, and a margin for what
another seed makes of it.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from weighbridge.evidence.base import Interval
from weighbridge.evidence.latency import LatencyReport
from weighbridge.evidence.metrics import Metric

# All of them shares, between 0 and 1.
HIGHER_IS_BETTER = {
    "auc",
    "auc_precision_recall",
    "binary_accuracy",
    "sparse_categorical_accuracy",
    "squared_pearson_correlation",
}
UNMEASURED = "nothing, it could not be measured"

_SEEDS = 0.5  # what another seed may take away from a share, divided by the root of the rows that it is a share of
_LEAST_SEEDS = 0.005
_SEEDS_RATIO = 0.05  # the same of a quantity without bounds, as a part of it
_NONE_OF = 3.0  # rule of three: n rows without an error leave 3/n of them possible, at 95 %
_TOO_FEW = 20  # rows of a class, with fewer of which the Evaluator gives no interval
_TIMES_SLOWER = 4.0  # a busy machine
_LEAST_MS = {"p50_ms": 10.0, "p99_ms": 50.0}
_RATIOS = {"p50_ms": 2.0, "p99_ms": 3.0}
_LEAST_LOAD_MS = 5000.0
_LEAST_BYTES = 1_000_000
_ROWS = 0.5  # of those that there were


@dataclass(frozen=True)
class Proposal:
    """A line of `gates.yaml`.

    Attributes:
        key: what it is about.
        rules: the thresholds, by rule.
        observed: what the first run observed, in words.
    """

    key: str
    rules: Mapping[str, float]
    observed: str

    @property
    def text(self) -> str:
        """The rules as a mapping in YAML."""
        return "{" + ", ".join(f"{rule}: {plain(value)}" for rule, value in self.rules.items()) + "}"


def of_metric(metric: Metric) -> Proposal:
    """A threshold for a metric of the built-in provider, absolute and beside production."""
    return at_least(metric) if metric.name in HIGHER_IS_BETTER else at_most(metric)


def at_least(metric: Metric, least_of_all: float = 0.0) -> Proposal:
    """A threshold for a metric of which more is better, about as large as a share; never below `least_of_all`."""
    value, rows = metric.value, metric.rows
    if value is None:  # what could not be measured refuses: nothing is proposed that would hide it
        return Proposal(metric.name, {"min": least_of_all}, UNMEASURED)
    low = min(_low(metric, value), value - _NONE_OF / max(rows, 1))
    width = value - low
    seeds = max(_LEAST_SEEDS, _SEEDS / math.sqrt(max(rows, 1)))
    least = max(least_of_all, _down(low - max(seeds, width) / 2))
    change = -_up(max(seeds, width))
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
    width = high - value
    most = nice_up(high + max(width / 2, _SEEDS_RATIO * value))
    ratio = _up(1 + max(_SEEDS_RATIO, width / value if value else 0.0))
    return Proposal(metric.name, {"max": most, "max_ratio": ratio}, f"{value:.4g}")


def of_latency(report: LatencyReport) -> dict[int, list[Proposal]]:
    """Thresholds for calls, by batch size."""
    return {
        batch.batch_size: [
            Proposal(
                key,
                {"max": nice_up(max(least, _TIMES_SLOWER * _most(found)), (1, 2, 5)), "max_ratio": _RATIOS[key]},
                f"{found.value:.2f} ms",
            )
            for key, least in _LEAST_MS.items()
            for found in [getattr(batch.candidate, key)]
            if found.value is not None
        ]
        for batch in report.batches
    }


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
