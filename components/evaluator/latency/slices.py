"""Slices of time in which several threads called a contender at once, and what they say with which certainty."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from weighbridge.components.evaluator.aliases import Floats, Index
from weighbridge.components.evaluator.latency.intervals import (
    QUANTILES,
    QUANTITIES,
    block_draws,
    calls_needed,
    grouped_bounds,
    quantities,
    side,
)
from weighbridge.verdict import Estimate

FEWEST = 20  # slices of each contender that tell how much they vary
_REPLICATES = 1000  # of the bootstrap
_CELLS = 2_000_000  # of a block of bootstrap samples


@dataclass
class Called:
    """What one thread did in a slice.

    Attributes:
        nanoseconds: of each call.
        requests: number of the request of each call.
        lasted_s: seconds from its first call to the end of its last.
    """

    nanoseconds: list[int] = field(default_factory=list)
    requests: list[int] = field(default_factory=list)
    lasted_s: float = 0.0


@dataclass
class Slices:
    """Times of calls in ms by contender, the i-th slices of all contenders a pair in time.

    Attributes:
        times: ms of each call [calls].
        slices: number of the slice of each call [calls].
        requests: number of the request of each call [calls].
        seconds: that the threads called on average, of each slice [slices].
    """

    times: dict[str, Floats] = field(default_factory=dict)
    slices: dict[str, Index] = field(default_factory=dict)
    requests: dict[str, Index] = field(default_factory=dict)
    seconds: dict[str, Floats] = field(default_factory=dict)

    def add(self, name: str, calls: Sequence[Called]) -> None:
        """Append what the threads did in a slice."""
        number = len(self.seconds.get(name, ()))
        times = np.concatenate([np.array(each.nanoseconds, np.float64) / 1e6 for each in calls])
        requests = np.concatenate([np.array(each.requests, np.intp) for each in calls])
        lasted = np.mean([each.lasted_s for each in calls])
        self.times[name] = np.append(self.times.get(name, np.empty(0)), times)
        self.slices[name] = np.append(self.slices.get(name, np.empty(0, np.intp)), np.full(len(times), number))
        self.requests[name] = np.append(self.requests.get(name, np.empty(0, np.intp)), requests)
        self.seconds[name] = np.append(self.seconds.get(name, np.empty(0)), lasted)

    def calls(self) -> int:
        """Calls of the contender that made the fewest."""
        return min((len(values) for values in self.times.values()), default=0)

    def __len__(self) -> int:
        return min((len(values) for values in self.seconds.values()), default=0)


def summarise_slices(
    found: Slices, batch_rows: int, confidence: float, looks: int = 1, distinct: int = 0, seed: int = 0
) -> dict[str, dict[str, Estimate]]:
    """Percentiles and throughput of each contender, and candidate against production, all with intervals.

    What slows the machine slows all calls of a slice: slices are what is independent. A percentile of one model is
    bounded by order statistics of as many calls as tell as much; the rest by a bootstrap that draws pairs of slices, in
    blocks of neighbours.

    Args:
        found: of `candidate` and maybe `production`.
        batch_rows: rows in a call.
        confidence: that all of `looks` intervals of a quantity together hold the truth.
        looks: how often the intervals may be looked at before something is decided.
        distinct: different requests, which were sent in turn; 0 where all differ.
        seed: of the bootstrap's draws.

    Returns:
        By contender, and for `ratio` and `change` of the candidate against production: by name of the quantity.
    """
    pairs, miss = len(found), side(confidence, looks)
    names = [name for name in found.times if name in ("candidate", "production")]
    models = {name: _Model.of(found, name, pairs, batch_rows) for name in names}
    point = {name: model.of_samples(np.ones((1, pairs), np.intp)) for name, model in models.items()}
    replicas = _bootstrap(models, pairs, seed)
    stretch = _stretch(pairs / _block(pairs), miss) if pairs >= FEWEST else math.inf

    def estimates(of: Callable[[Mapping[str, dict[str, Floats]], str], Floats], scale: _Scale) -> dict[str, Estimate]:
        return {
            name: _interval(float(of(point, name)[0]), of(replicas, name), miss, stretch, scale) for name in QUANTITIES
        }

    result: dict[str, dict[str, Estimate]] = {}
    for name, model in models.items():
        result[name] = estimates(lambda values, quantity, name=name: values[name][quantity], _LOGARITHM)  # type: ignore[misc]
        for quantity, quantile in QUANTILES.items():
            low, high = grouped_bounds(model.times, quantile, miss, model.groupings(distinct))
            if pairs < FEWEST:
                low, high = -math.inf, math.inf
            result[name][quantity] = Estimate(result[name][quantity].value, low, high)
    if "production" in models:
        result["ratio"] = estimates(lambda each, name: each["candidate"][name] / each["production"][name], _LOGARITHM)
        result["change"] = estimates(lambda each, name: each["candidate"][name] - each["production"][name], _LINEAR)
        calls = min(len(model.times) for model in models.values())
        for quantity in QUANTITIES:  # where production's worst was not seen, neither end is known
            if calls < calls_needed(quantity, confidence, looks):
                for compared in ("ratio", "change"):
                    result[compared][quantity] = Estimate(result[compared][quantity].value, -math.inf, math.inf)
    return result


@dataclass(frozen=True)
class _Model:
    """The calls of one contender, in whole pairs of slices."""

    times: Floats
    slices: Index
    requests: Index
    seconds: Floats
    batch_rows: int

    @classmethod
    def of(cls, found: Slices, name: str, pairs: int, batch_rows: int) -> "_Model":
        kept = found.slices[name] < pairs
        return cls(
            times=found.times[name][kept],
            slices=found.slices[name][kept],
            requests=found.requests[name][kept],
            seconds=found.seconds[name][:pairs],
            batch_rows=batch_rows,
        )

    def of_samples(self, counts: Index) -> dict[str, Floats]:
        """The quantities of samples that hold each slice so often [samples, slices]; [samples] by name."""
        rows = self.batch_rows * np.bincount(self.slices, minlength=len(self.seconds))
        found = quantities(self.times, counts[:, self.slices], self.batch_rows)
        return {**found, "throughput_rows_s": (counts @ rows) / (counts @ self.seconds)}

    def groupings(self, distinct: int) -> list[Index]:
        """The group of each call [calls]: its slice, slices that are neighbours; and the same request."""
        requests = [self.requests % distinct] if 1 < distinct < len(self.times) else []
        return [self.slices, self.slices // _block(len(self.seconds)), *requests]


def _block(pairs: int) -> int:
    return max(1, round(pairs ** (1 / 3)))


def _bootstrap(models: Mapping[str, _Model], pairs: int, seed: int) -> dict[str, dict[str, Floats]]:
    """The quantities of samples of pairs of slices, the same for all contenders: [samples] by contender and name."""
    rng = np.random.default_rng(seed)
    size = max(1, _CELLS // max(len(model.times) for model in models.values()))
    parts: dict[str, list[dict[str, Floats]]] = {name: [] for name in models}
    for begin in range(0, _REPLICATES, size):
        counts = block_draws(min(size, _REPLICATES - begin), pairs, 0, rng)
        for name, model in models.items():
            parts[name].append(model.of_samples(counts))
    return {
        name: {key: np.concatenate([part[key] for part in each]) for key in each[0]} for name, each in parts.items()
    }


_Scale = tuple[Callable[[float], float], Callable[[float], float]]
_LINEAR: _Scale = (float, float)
_LOGARITHM: _Scale = (math.log, math.exp)


def _stretch(blocks: float, miss: float) -> float:
    """How much wider an interval of so few is than the bootstrap's (Hesterberg, The American Statistician 69, 2015)."""
    from scipy.stats import norm, t

    return float(t.isf(miss, blocks - 1) / norm.isf(miss) * math.sqrt(blocks / (blocks - 1)))


def _interval(value: float, replicas: Floats, miss: float, stretch: float, scale: _Scale) -> Estimate:
    if math.isinf(stretch):
        return Estimate(value, -math.inf, math.inf)
    to, back = scale
    low, high = (to(float(end)) for end in np.quantile(replicas, [miss, 1 - miss]))
    middle = to(value)
    return Estimate(
        value, back(middle + min(low - middle, 0) * stretch), back(middle + max(high - middle, 0) * stretch)
    )
