"""What the monitoring counted in a step, as arrays; and what is wrong with it, so that nothing can pass."""

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

import numpy as np
import numpy.typing as npt

from weighbridge.rollout.observed import EDGES, Counts, Histogram, Window

Floats = npt.NDArray[np.float64]
Index = npt.NDArray[np.intp]

MOST_MISSING = 0.1  # of a step's requests, that a quantity is not told of
_FEWEST = 5  # requests of each model in what is compared as one window
_MOST_GROUPS = 400
_ROUNDING = 0.001  # s
_NOTICED = 20  # requests of a model that it should have had while it had none


class UnmeasuredError(Exception):
    """A quantity cannot be judged; the message says why, as a sentence that ends what is judged: `…: no requests`."""


@dataclass(frozen=True)
class Tally:
    """Counts of both models in windows of a step.

    Attributes:
        canary: what was counted, shape [windows] or [windows, buckets].
        of_canary: all that was counted, shape [windows].
        stable: the same of production.
        of_stable: likewise.
    """

    canary: Floats
    of_canary: Floats
    stable: Floats
    of_stable: Floats

    def upto(self) -> "Tally":
        """Of buckets, what lies at most at each of their edges."""
        return Tally(self.canary.cumsum(axis=1), self.of_canary, self.stable.cumsum(axis=1), self.of_stable)


class Tallies:
    """The windows of one step.

    Args:
        windows: of the step, in the order of time.
        compared: whether production should have answered in them, too.
        expected: requests of the canary for one of production's, as the step asks for; 0 where nothing is compared.
    """

    def __init__(self, windows: Sequence[Window], *, compared: bool, expected: float = 0.0) -> None:
        self.windows = windows
        self.compared = compared
        self.canary = np.array([window.canary.requests for window in windows], dtype=np.float64)
        self.stable = np.array([window.stable.requests for window in windows], dtype=np.float64)
        self.requests = float(self.canary.sum())
        self._expected = expected
        self._later: dict[float, Tallies | None] = {}
        self._starts = _groups(self.canary, self.stable if compared else None)

    def problem(self) -> str:
        """Why nothing of the step can be judged; empty where it can."""
        if not self.requests:
            return "the canary answered no requests in this step"
        if self.compared and self._expected:
            silent = self.stable[len(self.stable) - _trailing_zeros(self.canary) :].sum() * self._expected
            if silent > max(_NOTICED, MOST_MISSING * self.requests):
                return f"the canary has answered nothing lately, where about {silent:,.0f} requests were its share"
        return ""

    def alone(self) -> str:
        """Why nothing can be compared; empty where it can."""
        if not self.stable.sum():
            return "production answered no requests beside it"
        longest = max((requests for requests in _runs(self.canary, self.stable == 0)), default=0.0)
        if longest > max(_NOTICED, MOST_MISSING * self.requests):
            return f"{longest:,.0f} requests of the canary in a row have none of production's beside them"
        return ""

    def later_than(self, seconds: float) -> "Tallies | None":
        """The windows of which half lies so long after the canary's first answer; None where it answered in none."""
        if seconds not in self._later:
            answers = next((window for window in self.windows if window.canary.requests), self.windows[0])
            began = answers.end - timedelta(seconds=answers.seconds)
            later = [
                window
                for window in self.windows
                if (window.end - began).total_seconds() - window.seconds / 2 >= seconds - _ROUNDING
            ]
            found = Tallies(later, compared=self.compared, expected=self._expected)
            self._later[seconds] = found if found.requests else None
        return self._later[seconds]

    def rates(self, successes: Callable[[Counts], int], trials: Callable[[Counts], int]) -> Tally:
        """Counts of something that either is or is not, such as failures.

        Raises:
            UnmeasuredError: more than is possible was counted, or nothing.
        """
        sides = []
        for side in ("canary", "stable"):
            counts = [getattr(window, side) for window in self.windows]
            of = np.array([trials(each) for each in counts], dtype=np.float64)
            kinds = np.array([successes(each) for each in counts], dtype=np.float64)
            if not (np.isfinite(of).all() and np.isfinite(kinds).all() and (kinds >= 0).all() and (kinds <= of).all()):
                raise UnmeasuredError(f"what was counted of the {_NAMES[side]} is impossible")
            sides += [self._grouped(kinds), self._grouped(of)]
        if not sides[1].sum():
            raise UnmeasuredError("nothing was counted of the canary")
        return Tally(*sides)

    @cached_property
    def seconds(self) -> tuple[EDGES, Tally]:
        """How long requests took; raises as `histograms` does."""
        return self.histograms(lambda counts: counts.seconds)

    def histograms(self, of: Callable[[Counts], Histogram | None]) -> tuple[EDGES, Tally]:
        """Counts by bucket of both models, and the upper edges that both have.

        A request that failed need not be told of: that it failed is, and is judged by itself.

        Raises:
            UnmeasuredError: too few requests are told of, or the two have no edge in common.
        """
        found = {
            "canary": [of(window.canary) for window in self.windows],
            "stable": [of(window.stable) for window in self.windows],
        }
        all_edges = _kinds(each for side in found.values() for each in side)
        if not all_edges:
            raise UnmeasuredError("nothing was counted of the canary")
        if any(not _ascending(each) for each in all_edges):
            raise UnmeasuredError("the buckets' edges do not ascend to infinity")
        edges = tuple(sorted(set.intersection(*(set(each) for each in all_edges))))
        if len(edges) < 2:
            raise UnmeasuredError("the buckets of canary and production have no edges in common")
        sides: list[Floats] = []
        for side, requests in (("canary", self._answered("canary")), ("stable", self._answered("stable"))):
            counts = _matrix(found[side], edges, side)
            told = counts.sum(axis=1)
            missing = np.maximum(requests - told, 0.0).sum()
            if side == "canary" or self.compared:
                if not told.sum():
                    raise UnmeasuredError(f"nothing was counted of the {_NAMES[side]}")
                if missing > max(_NOTICED, MOST_MISSING * requests.sum()):
                    many = f"{missing:,.0f} of {requests.sum():,.0f} requests of the {_NAMES[side]}"
                    raise UnmeasuredError(f"{many} are not told of")
            sides += [self._grouped(counts), self._grouped(told)]
        return edges, Tally(*sides)

    def _answered(self, side: str) -> Floats:
        """Requests that did not fail, by window."""
        counts: list[Counts] = [getattr(window, side) for window in self.windows]
        return np.array([max(each.requests - each.errors, 0) for each in counts], dtype=np.float64)

    def _grouped(self, values: Floats) -> Floats:
        return np.asarray(np.add.reduceat(values, self._starts, axis=0), dtype=np.float64)


_NAMES = {"canary": "canary", "stable": "model in production"}


def unsound(windows: Sequence[Window]) -> str:
    """Why the windows cannot be what happened; empty where they can."""
    if not windows:
        return ""
    sides = [side for window in windows for side in (window.canary, window.stable)]
    numbers = np.array([(each.requests, each.errors, each.trials, each.successes, each.restarts) for each in sides])
    if not (np.isfinite(numbers).all() and (numbers >= 0).all()):
        return "a counter went backwards, or is no number"
    lasted = np.array([window.seconds for window in windows])
    if not (np.isfinite(lasted).all() and (lasted > 0).all()):
        return f"a window lasts {lasted[~(lasted > 0)][:1].sum():g} s"
    for before, after in itertools.pairwise(windows):
        if after.end <= before.end:
            return f"the monitoring's clock went back from {before.end:%H:%M:%S} to {after.end:%H:%M:%S}"
        if (after.end - before.end).total_seconds() < after.seconds / 2:
            return f"two windows overlap at {after.end:%H:%M:%S}"
    return ""


def _groups(canary: Floats, stable: Floats | None) -> Index:
    """Where groups of windows begin in which each model has some requests; shape [groups], the first 0."""
    fewest = max(_FEWEST, float(canary.sum()) / _MOST_GROUPS)
    starts, ours, theirs = [0], 0.0, 0.0
    others = canary if stable is None else stable
    for index, (mine, other) in enumerate(zip(canary.tolist(), others.tolist(), strict=True)):
        if ours >= fewest and theirs >= _FEWEST:
            starts.append(index)
            ours = theirs = 0.0
        ours, theirs = ours + mine, theirs + other
    if len(starts) > 1 and (ours < fewest or theirs < _FEWEST):
        starts.pop()  # what is left over belongs to the last group
    return np.array(starts)


def _kinds(histograms: Iterable[Histogram | None]) -> set[EDGES]:
    """The different edges; those of one server are mostly the very same."""
    by_place = {id(each.edges): each.edges for each in histograms if each is not None and each.edges}
    return set(by_place.values())


def _ascending(edges: EDGES) -> bool:
    numbers = np.array(edges)
    return bool(not np.isnan(numbers).any() and (np.diff(numbers) > 0).all() and numbers[-1] == math.inf)


def _matrix(histograms: Sequence[Histogram | None], edges: EDGES, side: str) -> Floats:
    """Counts in buckets of these edges, shape [windows, buckets]."""
    rows = np.zeros((len(histograms), len(edges)))
    told = [(place, each) for place, each in enumerate(histograms) if each is not None and each.edges]
    for kind in _kinds(histograms):
        mine = [(place, each.numbers) for place, each in told if each.edges is kind or each.edges == kind]
        if any(len(each) != len(kind) for _, each in mine):
            raise UnmeasuredError(f"a histogram of the {_NAMES[side]} has not as many counts as buckets")
        places, found = [place for place, _ in mine], np.array([each for _, each in mine])
        if not np.isfinite(found).all() or (found < 0).any():
            raise UnmeasuredError(f"a counter of the {_NAMES[side]} went backwards, or is no number")
        if kind != edges:
            upto = found.cumsum(axis=1)[:, np.searchsorted(kind, edges)]
            found = np.diff(upto, axis=1, prepend=0.0)
        rows[places] = found
    return rows


def _trailing_zeros(values: Floats) -> int:
    there = np.flatnonzero(values)
    return len(values) - (int(there[-1]) + 1 if len(there) else 0)


def _runs(values: Floats, mask: npt.NDArray[np.bool_]) -> list[float]:
    """Sums of values over each run in which a mask holds."""
    pairs = zip(values.tolist(), mask.tolist(), strict=True)
    runs = itertools.groupby(pairs, key=lambda pair: pair[1])
    return [math.fsum(value for value, _ in run) for holds, run in runs if holds]
