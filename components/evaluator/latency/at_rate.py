"""What requests at a declared rate wait and take, from the recorded times of calls: with which certainty."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from weighbridge.components.evaluator.aliases import Floats, Index
from weighbridge.components.evaluator.call_gates import AT_RATE, RateGates
from weighbridge.components.evaluator.latency import queueing
from weighbridge.components.evaluator.latency.intervals import calls_needed, resampled, side
from weighbridge.components.evaluator.latency.queueing import SATURATED, replayed_p99, response_p99, utilisation
from weighbridge.components.evaluator.latency.timing import Times
from weighbridge.verdict import Estimate

_REPLICATES = 400  # of the bootstrap
_ARRIVALS = 8  # samples of arrivals that a value is the mean of
_MANY = 64  # times as many requests as an end of an interval takes, in each of them
_GATHERED = 2**22  # calls in samples that are tried at once
_SHUFFLES = 39  # of the recorded order: it is longer than all of them by chance one time in 40


@dataclass(frozen=True)
class _Responses:
    """The response time that 99 % take at most, ms: its value, and of bootstrap samples for both ends [samples]."""

    value: float
    lows: Floats
    highs: Floats


def summarise_at_rate(
    times: Times, gates: RateGates, confidence: float, looks: int = 1, seed: int = 0
) -> dict[str, Estimate]:
    """The response time that 99 % of the requests take at most, of each contender and against production.

    Requests arrive as a Poisson process, and each takes one of the recorded times; what is random in it is the same for
    all contenders. Intervals come from bootstrap samples of calls, drawn as those of the other quantities: what the
    requests of a sample take, divided by what those of all calls take, is how far the value may be off. An upper end
    allows for a tail that was not seen.

    Args:
        times: of `candidate` and maybe `production`.
        gates: the rate, and how many requests are answered at once.
        confidence: that all of `looks` intervals together hold the truth.
        looks: how often it may be looked at before something is decided.
        seed: of the bootstrap's draws, and of the arrivals.

    Returns:
        By contender, and for `ratio` and `change` of the candidate against production. A value is infinite where more
        arrives than can be answered; an end where that may be, or too few calls tell.
    """
    values = {name: times.by_name[name][: len(times)] for name in times.by_name if name in ("candidate", "production")}
    known = len(times) >= calls_needed(AT_RATE, confidence, looks)
    responses = _responses(values, times.distinct, gates, _REPLICATES if known else 0, seed)
    miss = side(confidence, looks)

    def estimate(value: float, lows: Floats, highs: Floats) -> Estimate:
        if not known:
            return Estimate(value, -math.inf, math.inf)
        place = math.ceil((1 - miss) * (len(highs) - 1))
        return Estimate(value, float(np.sort(lows)[len(lows) - 1 - place]), float(np.sort(highs)[place]))

    result = {name: estimate(found.value, found.lows, found.highs) for name, found in responses.items()}
    if "production" in values:
        ours, theirs = responses["candidate"], responses["production"]
        for name, compared in (("ratio", _divided), ("change", _minus)):
            value = float(compared(np.array([ours.value]), np.array([theirs.value]))[0])
            result[name] = estimate(value, compared(ours.lows, theirs.highs), compared(ours.highs, theirs.lows))
    return result


def _divided(ours: Floats, theirs: Floats) -> Floats:
    with np.errstate(invalid="ignore"):
        return np.where(np.isinf(ours), math.inf, ours / theirs)


def _minus(ours: Floats, theirs: Floats) -> Floats:
    with np.errstate(invalid="ignore"):
        return np.where(np.isinf(ours), math.inf, ours - theirs)


def _responses(
    values: Mapping[str, Floats], distinct: int, gates: RateGates, samples: int, seed: int
) -> dict[str, _Responses]:
    """What the requests take, of all calls and of bootstrap samples of them, by contender."""
    models = {name: _Model.of(column, gates, seed) for name, column in values.items()}
    drawn: dict[str, list[Floats]] = {name: [np.empty((2, 0))] for name in values}
    for counts in _gathered(resampled(values, distinct, samples, seed)):
        for name, model in models.items():
            drawn[name].append(model.samples(counts))
    return {name: model.responses(np.concatenate(drawn[name], axis=1)) for name, model in models.items()}


def _gathered(parts: Iterable[Index]) -> Iterator[Index]:
    """The same samples, more at a time: with several servers each step of the queues has its cost."""
    rows: list[Index] = []
    for part in parts:
        rows.append(part)
        if sum(each.size for each in rows) >= _GATHERED:
            yield np.concatenate(rows)
            rows = []
    if rows:
        yield np.concatenate(rows)


@dataclass(frozen=True)
class _Model:
    """A queue of requests to one model.

    Attributes:
        values: ms of each call [calls], in the order they were made.
        order: that is ascending [calls].
        moved_up: what an upper end takes the calls in ascending order for, ms [calls].
        gates: the rate.
        drawn: the requests that samples are compared by.
        seed: of the arrivals.
    """

    values: Floats
    order: Index
    moved_up: Floats
    gates: RateGates
    drawn: queueing.Requests
    seed: int

    @classmethod
    def of(cls, values: Floats, gates: RateGates, seed: int) -> "_Model":
        # Enough requests for the busiest of the samples that matter, too.
        error = float(values.std()) / math.sqrt(len(values))
        busiest = utilisation(values + 2 * error, gates.rate_rps, gates.servers)
        return cls(values, np.argsort(values), _moved_up(values), gates, queueing.requests(busiest, seed=seed), seed)

    def p99(self, services: list[Floats]) -> Floats:
        """Of each of several queues of the same requests."""
        return response_p99(services, self.gates.rate_rps, self.gates.servers, self.drawn)

    def samples(self, counts: Index) -> Floats:
        """Of samples of calls, at least and at most; that differs where servers are nearly saturated.

        Args:
            counts: how often each call is in each sample [samples, calls].

        Returns:
            ms [2, samples].
        """
        services = [np.repeat(self.moved_up, often) for often in counts[:, self.order]]
        busy = np.array([utilisation(each, self.gates.rate_rps, self.gates.servers) for each in services])
        known = np.flatnonzero(busy < SATURATED)
        found = np.full((2, len(services)), math.inf)
        found[:, known] = self.p99([services[number] for number in known])
        unknown = (busy >= SATURATED) & (busy < 1)
        if unknown.any():  # longer than what calls take that are just quick enough, in any case
            found[0, unknown] = self.p99([np.sort(self.values) * (SATURATED / self.busy)])[0]
        return found

    def responses(self, samples: Floats) -> _Responses:
        """What samples [2, samples] say of the value."""
        value = self.value()
        if math.isinf(value):
            return _Responses(value, *samples)
        plain, moved_up = self.p99([np.sort(self.values), self.moved_up])
        low = value / moved_up if math.isfinite(moved_up) else 1.0
        return _Responses(value, low * samples[0], value / plain * samples[1])

    @property
    def busy(self) -> float:
        """Utilisation of the servers."""
        return utilisation(self.values, self.gates.rate_rps, self.gates.servers)

    def value(self) -> float:
        """Of many requests: how they happened to arrive matters little."""
        rate_rps, servers, values = self.gates.rate_rps, self.gates.servers, np.sort(self.values)
        if self.busy >= 1:
            return math.inf
        many = (queueing.requests(self.busy, _MANY, self.seed + number) for number in range(_ARRIVALS))
        return float(np.mean([response_p99([values], rate_rps, servers, each) for each in many])) * self.together()

    def together(self) -> float:
        """How many times longer responses take because slow calls come together; 1 where that may be chance.

        The calls are replayed in the order in which they were made, and in random orders.
        """
        rng = np.random.default_rng(self.seed)
        drawn = queueing.requests(self.busy, 2, self.seed, least=len(self.values))
        orders = [self.values, *(rng.permutation(self.values) for _ in range(_SHUFFLES))]
        recorded, *others = replayed_p99(orders, self.gates.rate_rps, self.gates.servers, drawn).tolist()
        return float(recorded / np.median(others)) if recorded > max(others) else 1.0


def _moved_up(values: Floats) -> Floats:
    """The times in ascending order, each replaced by the next: an upper end that holds as order statistics do.

    Where the truth lies between two recorded times is not known: an upper end takes it for the later one. Beyond the
    last, it takes the tail for a power law: the last is longer by what the longest are longer on average than those
    below (Hill, A simple general approach to inference about the tail of a distribution, 1975).
    """
    ordered = np.sort(values)
    longest = ordered[-max(2, math.isqrt(len(ordered))) :]
    beyond = math.exp(float(np.log(longest / longest[0]).mean())) if longest[0] > 0 else 1.0
    return np.append(ordered[1:], ordered[-1] * beyond)
