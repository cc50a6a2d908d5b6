"""What became of the requests of segments of load, and with which certainty, although neighbours are alike."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from weighbridge.components.evaluator.aliases import Bools, Floats, Index
from weighbridge.components.evaluator.latency.intervals import (
    QUANTILES,
    design_effect,
    order_bounds,
    overdispersion,
    side,
)
from weighbridge.components.evaluator.latency.slices import FEWEST, Slices, summarise_slices
from weighbridge.components.evaluator.served_gates import ERROR_RATE, LATENCIES
from weighbridge.load.answers import Answers
from weighbridge.verdict import Estimate
from weighbridge.verdict.estimate import change_of

_DOUBT = 0.05  # how often the variance between segments may be larger than it is taken for
_COMPARED = ("ratio", "change")

Estimates = dict[str, dict[str, Estimate]]


@dataclass
class Responses:
    """The requests of one model, segment after segment.

    Attributes:
        times: ms from when each was planned to its answer; its time-out where it failed [requests].
        failed: which have no answer, or one that is no success [requests].
        segments: number of the segment of each [requests].
        bodies: number of the body that each sent [requests].
        queued: which waited for a free connection [requests].
        lag: ms by which the generator was late [sent requests].
        seconds: that each segment was measured for [segments].
        errors: how many failed, by what became of them.
        cpu_s: seconds that the generator computed.
        lasted_s: that it was at work.
        said: begin of the first answer of each status that is no success.
    """

    times: Floats = field(default_factory=lambda: np.empty(0))
    failed: Bools = field(default_factory=lambda: np.empty(0, np.bool_))
    segments: Index = field(default_factory=lambda: np.empty(0, np.intp))
    bodies: Index = field(default_factory=lambda: np.empty(0, np.intp))
    queued: Bools = field(default_factory=lambda: np.empty(0, np.bool_))
    lag: Floats = field(default_factory=lambda: np.empty(0))
    seconds: Floats = field(default_factory=lambda: np.empty(0))
    errors: dict[str, int] = field(default_factory=dict)
    cpu_s: float = 0.0
    lasted_s: float = 0.0
    said: dict[int, str] = field(default_factory=dict)

    def add(self, answers: Answers, seconds: float) -> None:
        """Append a segment that was measured for so long."""
        self.times = np.append(self.times, answers.latency_ms)
        self.failed = np.append(self.failed, answers.failed)
        self.segments = np.append(self.segments, np.full(len(answers), len(self.seconds)))
        self.bodies = np.append(self.bodies, answers.bodies)
        self.queued = np.append(self.queued, answers.queued)
        self.lag = np.append(self.lag, answers.lag_ms)
        self.seconds = np.append(self.seconds, seconds)
        for name, count in answers.errors().items():
            self.errors[name] = self.errors.get(name, 0) + count
        self.cpu_s += answers.cpu_s
        self.lasted_s += answers.lasted_s
        self.said |= answers.said

    def __len__(self) -> int:
        return len(self.times)

    def groupings(self, distinct: int) -> list[Index]:
        """The group of each request [requests]: its segment, segments that are neighbours; and the same body."""
        block = max(1, round(len(self.seconds) ** (1 / 3)))
        bodies = [self.bodies] if 1 < distinct < len(self) else []
        return [self.segments, self.segments // block, *bodies]

    def percentile(self, share: float) -> float:
        """Of the times, ms; NaN of none."""
        return float(np.quantile(self.times, share)) if len(self) else math.nan

    @property
    def lag_share(self) -> float:
        """The generator's own lag in the 99th percentile, as a share of that of the responses; NaN of none."""
        if not len(self.lag):
            return math.nan
        return float(np.quantile(self.lag, 0.99)) / self.percentile(0.99)


def summarise(found: dict[str, Responses], confidence: float, distinct: int, seed: int = 0) -> Estimates:
    """Percentiles and share of failures of each model, and candidate against production, all with intervals.

    Requests that wait for the same slow one are alike: a queue's neighbours. What is independent is segments, so the
    number of requests is divided by how much more what is counted varies between segments than by chance (Kish's design
    effect), of which an upper confidence bound is taken, since it is estimated from few (chi squared, as of a
    variance). What compares two models comes from a bootstrap that draws pairs of segments.

    Args:
        found: of `candidate` and maybe `production`, with the same segments.
        confidence: of the intervals: each end may miss half of the rest.
        distinct: different bodies, which were sent in turn.
        seed: of the bootstrap's draws.

    Returns:
        By contender, and for `ratio` and `change` of the candidate against production: by name of the quantity.
    """
    miss = side(confidence)
    slices = Slices(
        times={name: each.times for name, each in found.items()},
        slices={name: each.segments for name, each in found.items()},
        requests={name: each.bodies for name, each in found.items()},
        seconds={name: each.seconds for name, each in found.items()},
    )
    result = {
        name: {quantity: estimate for quantity, estimate in each.items() if quantity in LATENCIES}
        for name, each in summarise_slices(slices, 1, confidence, 1, distinct, seed).items()
    }
    for name, each in found.items():
        groups = each.groupings(distinct)
        for quantity in LATENCIES:
            low, high = bounds(each.times, QUANTILES[quantity], miss, groups, len(each.seconds))
            result[name][quantity] = Estimate(result[name][quantity].value, low, high)
        result[name][ERROR_RATE] = error_rate(each.failed, miss, groups, len(each.seconds))
    if "production" in found:
        ours, theirs = result["candidate"], result["production"]
        for quantity in LATENCIES:
            if not math.isfinite(_end(ours[quantity].high)) or not math.isfinite(_end(theirs[quantity].high)):
                for compared in _COMPARED:
                    result[compared][quantity] = Estimate(result[compared][quantity].value, -math.inf, math.inf)
        result["change"][ERROR_RATE] = change_of(ours[ERROR_RATE], theirs[ERROR_RATE])
    return result


def bounds(values: Floats, quantile: float, miss: float, groups: Iterable[Index], segments: int) -> tuple[float, float]:
    """Bounds of a percentile by order statistics of as many values as tell as much as independent ones.

    Args:
        values: ms [requests].
        quantile: between 0 and 1.
        miss: probability that an end may have to lie on the wrong side.
        groups: for each grouping the group of each request [requests].
        segments: that there are.

    Returns:
        Lower and upper end; minus infinity and infinity where there are too few to know.
    """
    if segments < FEWEST or not len(values):
        return -math.inf, math.inf
    effect = design_effect(values, quantile, groups)
    return order_bounds(values, quantile, miss, int(len(values) / _doubted(effect, segments)))


def error_rate(failed: Bools, miss: float, groups: Iterable[Index], segments: int) -> Estimate:
    """Share of failures with its interval (Clopper and Pearson, Biometrika 26, 1934), of as many as tell as much.

    Failures come together, as where a server restarts: they are corrected for as percentiles are.
    """
    from scipy.stats import beta

    count = len(failed)
    if not count:
        return Estimate(math.nan)
    value = float(failed.mean())
    if segments < FEWEST:
        return Estimate(value, -math.inf, math.inf)
    effect = max([1.0, *(overdispersion(failed, each) for each in groups)])
    independent = max(1.0, count / _doubted(effect, segments))
    hits = value * independent
    low = float(beta.ppf(miss, hits, independent - hits + 1)) if hits > 0 else 0.0
    high = float(beta.isf(miss, hits + 1, independent - hits)) if hits < independent else 1.0
    return Estimate(value, low, high)


def _doubted(effect: float, segments: int) -> float:
    """An upper confidence bound of a design effect that was estimated from so many segments."""
    from scipy.stats import chi2

    if effect <= 1:
        return 1.0
    return 1 + (effect - 1) * (segments - 1) / float(chi2.ppf(_DOUBT, segments - 1))


def _end(end: float | None) -> float:
    return math.nan if end is None else end
