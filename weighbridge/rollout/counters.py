"""Increments of counters from their raw samples: restarts of servers, series that begin, and buckets of histograms."""

import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from weighbridge.rollout.observed import Histogram
from weighbridge.rollout.prometheus import Series


@dataclass(frozen=True)
class Instances:
    """What is known of the servers of one version in a window, by their label `instance`.

    Attributes:
        start: of the window; Unix seconds by Prometheus' clock.
        known: those that were sampled at `start` or before it: a series of theirs that begins later began at 0.
        begun: those that were started after `start`, by their own word: all they count is of this window.
        resets: when a sample showed first that one had been started again, ascending.
    """

    start: float
    known: frozenset[str] = frozenset()
    begun: frozenset[str] = frozenset()
    resets: Mapping[str, Sequence[float]] = field(default_factory=dict)

    @property
    def restarts(self) -> int:
        """How often servers were started again within the window."""
        return sum(at > self.start for times in self.resets.values() for at in times)

    @classmethod
    def of(cls, started: Iterable[Series], others: Iterable[Series], start: float) -> "Instances":
        """What series tell.

        Args:
            started: of the gauge that holds when a server was started, in Unix seconds.
            others: any other series of the same servers.
            start: of the window.
        """
        started, known, begun, resets = list(started), set[str](), set[str](), defaultdict[str, list[float]](list)
        for series in (*started, *others):
            if series.times[0] <= start:
                known.add(instance_of(series))
        for series in started:
            name = instance_of(series)
            if series.values[-1] > start and name not in known:
                begun.add(name)
            pairs = zip(series.times, series.values, strict=True)
            last = None
            for at, value in pairs:
                if last is not None and value != last:
                    resets[name].append(at)
                last = value
        return cls(start, frozenset(known), frozenset(begun), {name: sorted(times) for name, times in resets.items()})


def instance_of(series: Series) -> str:
    """Which server a series is of; one name for all where the monitoring does not tell."""
    return series.labels.get("instance", "")


def increase(series: Series, instances: Instances) -> float:
    """How much a counter grew in a window.

    A counter that fell, or whose server was started again, began at 0 once more: what it counted between its last
    sample and the end of the old server is lost. The first sample of a series in a window counts whole where the
    series began in it, and is only what the next is held against where somebody began to look at an old one.

    Args:
        series: its samples in the window and some time before.
        instances: what is known of the servers.

    Returns:
        At least 0.
    """
    name = instance_of(series)
    resets = instances.resets.get(name, ())
    first = bisect_right(series.times, instances.start)
    grown = 0.0
    if first:
        last, at = series.values[first - 1], series.times[first - 1]
    elif name in instances.known or name in instances.begun:
        last, at = 0.0, -math.inf
    elif series.times:
        last, at, first = series.values[0], series.times[0], 1
    for time, value in zip(series.times[first:], series.values[first:], strict=True):
        restarted = value < last or (at > -math.inf and bisect_right(resets, time) > bisect_right(resets, at))
        grown += value if restarted else value - last
        last, at = value, time
    return max(grown, 0.0)


def cumulative(buckets: Iterable[Series], instances: Instances) -> dict[float, float]:
    """Observations at most as high as each edge, over all servers.

    Servers whose edges differ are added up at the edges that all of them have, where the counts are exact.

    Args:
        buckets: the series of a histogram's buckets, with the label `le`.
        instances: what is known of the servers.

    Returns:
        Counts by upper edge, ascending; empty where there is no whole histogram.
    """
    by_server: dict[tuple[tuple[str, str], ...], dict[float, float]] = defaultdict(dict)
    for series in buckets:
        try:
            edge = float(series.labels.get("le", ""))
        except ValueError:
            continue
        server = tuple(sorted((name, value) for name, value in series.labels.items() if name != "le"))
        by_server[server][edge] = by_server[server].get(edge, 0.0) + increase(series, instances)
    edges = shared_edges(by_server.values())
    return {edge: sum(counts[edge] for counts in by_server.values()) for edge in edges}


def shared_edges(histograms: Iterable[Mapping[float, float]]) -> list[float]:
    """The edges that all histograms have, ascending; none where the infinite one is not among them."""
    found = list(histograms)
    edges = set(found[0]).intersection(*found[1:]) if found else set()
    return sorted(edges) if math.inf in edges else []


def histogram(counts: Mapping[float, float], edges: Sequence[float]) -> Histogram:
    """A histogram of counts per bucket.

    Args:
        counts: observations at most as high as each edge.
        edges: which of them to keep, ascending, the last infinite; none gives a histogram of nothing.
    """
    if not edges:
        return Histogram((math.inf,), (0,))
    found, before = [], 0
    for edge in edges:
        now = max(round(counts.get(edge, 0.0)), before)  # buckets are not read all at the same moment
        found.append(now - before)
        before = now
    return Histogram(tuple(edges), tuple(found))
