"""What Prometheus says of canary and stable between two looks, as a window of increments; and what is wrong with it.

Everything is timed by Prometheus' own clock. A look that cannot be made leaves no window: the next one covers its time.
"""

import re
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from weighbridge.rollout.counters import Instances, cumulative, histogram, increase, shared_edges
from weighbridge.rollout.observed import Counts, Window
from weighbridge.rollout.prometheus import Prometheus, Series
from weighbridge.rollout.restarts import Restarts
from weighbridge.thresholds.canary import CanaryGates

QUERIES: Mapping[str, str] = {
    "requests": 'weighbridge_requests_total{model="$model",version="$version"}',
    "latency": 'weighbridge_request_seconds_bucket{model="$model",version="$version"}',
    "predictions": 'weighbridge_prediction_bucket{model="$model",version="$version"}',
    "memory_bytes": 'weighbridge_memory_bytes{model="$model",version="$version"}',
    "started": 'weighbridge_started_seconds{model="$model",version="$version"}',
    "ready": 'weighbridge_model_ready{model="$model",version="$version"}',
}
"""What is asked for, where `canary.queries` of gates.yaml says nothing else."""

_CODES = ("code", "response_code", "status", "status_code")  # labels that hold an answer's HTTP status
_FAILURE = re.compile(r"[45]\d\d")
_UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6}
MOST_SKEW_S = 30.0
LAG_S = 1.0  # a sample bears the time when its scrape began, and is there when that has ended
LOOKBACK_S = 300.0  # as far as Prometheus itself looks back
_LOOKBACK_SAMPLES = 20
_LEAST_LOOKBACK_S = 10.0
_CHUNK_S = 600.0  # of a window that is looked up later
_MIN_TIMES = 100  # requests without a time that are no chance


@dataclass(frozen=True)
class Seen:
    """What a look saw.

    Attributes:
        now: by Prometheus' clock; UTC.
        window: since the last look; None where there is nothing to tell.
        problems: why nothing may pass on it, a sentence each.
        gone: why nobody can use the canary: its servers were there and are gone, while production's are there, or what
            users ask ends them again and again.
        ready: whether the canary's servers are there, and none of them says that it is not ready.
    """

    now: datetime
    window: Window | None = None
    problems: tuple[str, ...] = ()
    gone: str = ""
    ready: bool = True


@dataclass(frozen=True)
class _Side:
    """One of the two models in a window."""

    counts: Counts
    seconds: Mapping[float, float]
    predictions: Mapping[str, Mapping[float, float]]
    newest: float  # sample; Unix seconds, 0 for none
    ready: bool
    interval_s: float  # between samples; 0 where that is not known


@dataclass
class Watch:
    """Looks at the monitoring of canary and stable.

    Attributes:
        prometheus: who is asked.
        gates: may name queries of their own, and metrics of the business.
        model: name that the servers give the model.
        versions: of `canary` and `stable`, as the servers' label says.
        clock: this machine's time, UTC.
        lag_s: how much is left out before now, for scrapes that have not ended.
    """

    prometheus: Prometheus
    gates: CanaryGates
    model: str
    versions: Mapping[str, str]
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    lag_s: float = LAG_S
    _interval_s: float = field(default=0.0, init=False)
    _met: bool = field(default=False, init=False)
    _restarts: Restarts = field(init=False)

    def __post_init__(self) -> None:
        self._restarts = Restarts(self.gates.steps)

    def now(self) -> datetime:
        """The time by Prometheus' clock.

        Raises:
            WeighbridgeError: it does not answer.
        """
        return self.prometheus.now()

    def look(self, start: datetime, step: int) -> Seen:
        """Look at the time from `start` to now.

        Args:
            start: end of the last window, or when the canary began.
            step: the canary's step, which all of the time counts for.

        Raises:
            UsageError: Prometheus does not take a query or the credentials.
            InfrastructureError: it cannot be reached.
        """
        now = self.now()
        problems = self._skew(now)
        end = now - timedelta(seconds=self.lag_s)
        if end <= start:
            return Seen(now, None, tuple(problems), ready=False)
        window, sides = self._window(start, end, step)
        found, gone = self._missing(sides, end.timestamp())
        restarted, again = self._restarts.see(window)
        if restarted:
            found.append(restarted)
            gone = gone or (restarted if again else "")
        canary = sides["canary"]
        there = end.timestamp() - canary.newest <= self.stale_s
        return Seen(now, window, (*problems, *found), gone, there and canary.ready)

    def again(self, start: datetime, end: datetime, step: int) -> list[Window]:
        """The windows of a time that is over, as of a canary whose process was killed; as `look`."""
        windows = []
        while start < end:
            stop = min(start + timedelta(seconds=_CHUNK_S), end)
            windows.append(self._window(start, stop, step)[0])
            start = stop
        return windows

    def _window(self, start: datetime, end: datetime, step: int) -> tuple[Window, Mapping[str, _Side]]:
        sides = {name: self._side(version, start, end) for name, version in self.versions.items()}
        edges = shared_edges([side.seconds for side in sides.values() if side.seconds])
        outputs = sorted({output for side in sides.values() for output in side.predictions})
        counts = {}
        for name, side in sides.items():
            predictions = {}
            for output in outputs:
                given = [each.predictions[output] for each in sides.values() if output in each.predictions]
                predictions[output] = histogram(side.predictions.get(output, {}), shared_edges(given))
            found = {**vars(side.counts), "seconds": histogram(side.seconds, edges), "predictions": predictions}
            counts[name] = Counts(**found)
        length = (end - start).total_seconds()
        return Window(end, length, step, canary=counts["canary"], stable=counts["stable"]), sides

    def _side(self, version: str, start: datetime, end: datetime) -> _Side:
        lookback = min(LOOKBACK_S, _LOOKBACK_SAMPLES * self._interval_s) if self._interval_s else LOOKBACK_S
        seconds = (end - start).total_seconds() + max(lookback, _LEAST_LOOKBACK_S)

        def ask(query: str) -> list[Series]:
            return self.prometheus.samples(self._filled(query, version), end, seconds)

        found = {name: ask(query) for name, query in self.queries.items()}
        others = [series for name, each in found.items() if name != "started" for series in each]
        instances = Instances.of(found["started"], others, start.timestamp())
        grown = [(series, increase(series, instances)) for series in found["requests"]]
        failed = [(series, increase(series, instances)) for series in found.get("errors", ())]
        if "errors" not in found:
            failed = [(series, count) for series, count in grown if _failed(series)]
        outputs: dict[str, list[Series]] = {}
        for series in found["predictions"]:
            outputs.setdefault(series.labels.get("output", ""), []).append(series)
        newest = max((series.times[-1] for each in found.values() for series in each), default=0.0)
        fresh = [series for series in found["memory_bytes"] if series.times[-1] >= newest - self.stale_s]
        business = self._business(ask, instances)
        counts = Counts(
            requests=round(sum(count for _, count in grown)),
            errors=round(sum(count for _, count in failed)),
            seconds=histogram({}, ()),
            memory_bytes=max((series.values[-1] for series in fresh), default=None),
            restarts=_restarts(found.get("restarts", ()), instances),
            trials=sum(trials for trials, _ in business.values()),
            successes=sum(successes for _, successes in business.values()),
            business=business,
        )
        unit = _UNITS[self.gates.queries.latency_unit] if self.gates.queries.latency else 1.0
        times = {edge * unit: count for edge, count in cumulative(found["latency"], instances).items()}
        predictions = {output: cumulative(each, instances) for output, each in outputs.items()}
        ready = all(series.values[-1] == 1 for series in found["ready"] if series.times[-1] >= newest - self.stale_s)
        return _Side(counts, times, predictions, newest, ready, _interval([*found["started"], *others]))

    @property
    def queries(self) -> Mapping[str, str]:
        """What is asked for, by name: what gates.yaml says, else what Weighbridge's own server tells."""
        given = self.gates.queries.model_dump(exclude={"latency_unit"}, exclude_none=True)
        return {**QUERIES, **given}

    @property
    def stale_s(self) -> float:
        """How old the newest sample may be."""
        return min(max(5.0, 4 * self._interval_s), LOOKBACK_S) if self._interval_s else LOOKBACK_S / 2

    def _business(self, ask: Callable[[str], list[Series]], instances: Instances) -> dict[str, tuple[int, int]]:
        """Trials and successes of each metric."""

        def grown(query: str) -> int:
            return round(sum(increase(series, instances) for series in ask(query)))

        return {name: (grown(metric.trials), grown(metric.successes)) for name, metric in self.gates.business.items()}

    def _missing(self, sides: Mapping[str, _Side], end: float) -> tuple[list[str], str]:
        """What is missing, and whether the canary's servers are gone."""
        if found := [side.interval_s for side in sides.values() if side.interval_s]:
            self._interval_s = max(found)
        ages = {name: end - side.newest for name, side in sides.items()}
        problems = []
        for name, age in ages.items():
            if age > self.stale_s:
                problems.append(self._unseen(name, age, sides[name].newest))
        for name, side in sides.items():
            # Our server tells no times of what failed.
            if side.counts.requests - side.counts.errors > _MIN_TIMES and not sum(side.seconds.values()):
                query = self._filled(self.queries["latency"], self.versions[name])
                problems.append(f"Prometheus has no times of the {side.counts.requests:,} requests of {name}: {query}.")
        self._met = self._met or sides["canary"].newest > 0
        gone = ""
        if self._met and ages["canary"] > max(20.0, 6 * self._interval_s) and ages["stable"] <= self.stale_s:
            version = self.versions["canary"]
            gone = f"No server of version {version} answers Prometheus any more, while production's do."
        return problems, gone

    def _unseen(self, name: str, age: float, newest: float) -> str:
        what = f"version {self.versions[name]}" + (", the canary," if name == "canary" else ", production,")
        query = self._filled(self.queries["requests"], self.versions[name])
        since = f"since {age:,.0f} s" if newest else "at all"
        return f"Prometheus has no samples of {what} {since}. Does it scrape those servers? {query}."

    def _skew(self, now: datetime) -> list[str]:
        skew = (now - self.clock()).total_seconds()
        if abs(skew) <= MOST_SKEW_S:
            return []
        which = "ahead of" if skew > 0 else "behind"
        return [
            f"The clock of Prometheus at {self.prometheus.address} is {abs(skew):,.0f} s {which} this machine's, "
            f"{MOST_SKEW_S:.0f} s at most are allowed. Set both by NTP."
        ]

    def _filled(self, query: str, version: str) -> str:
        return filled(query, self.model, version)


def filled(query: str, model: str, version: str) -> str:
    """A selector of one model's series; the model is any text, and stays within its quotes."""
    name = model.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return query.replace("$version", version).replace("$model", name)


def _failed(series: Series) -> bool:
    """Whether a counter counts answers that give nothing: of a server that failed (5xx), or refused (4xx).

    A canary that no longer takes a feature which clients send, or fewer requests at once, refuses what production
    answers. What clients do wrong hits both alike.
    """
    return any(_FAILURE.fullmatch(series.labels.get(name, "")) for name in _CODES)


def _restarts(counted: Sequence[Series], instances: Instances) -> int:
    """How often servers were started again, by a counter where there is one: the servers' own word is of the same."""
    return round(sum(increase(each, instances) for each in counted)) if counted else instances.restarts


def _interval(series: list[Series]) -> float:
    """Time between two samples, in seconds; 0 where there are not enough to tell."""
    longest = max(series, key=lambda each: len(each.times), default=None)
    if longest is None or len(longest.times) < 3:
        return 0.0
    return statistics.median(after - before for before, after in zip(longest.times, longest.times[1:], strict=False))
