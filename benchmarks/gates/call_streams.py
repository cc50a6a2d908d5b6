"""Streams of call times whose truth is known: what a call of each contender takes, turn by turn.

All contenders are the same model, but for the candidate, which takes so many times as long as was asked for: that is
the ratio of the medians. What the machine does to the calls of a turn, it does to all contenders, and not more to a
slower one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks.gates.recorded import CALLS

Floats = npt.NDArray[np.float64]
Draw = Callable[[list[str], int], dict[str, Floats]]
"""(contenders, turns) -> ms [turns] of each; the next call goes on where the last ended."""

_OWN_MS = 0.3  # what a call of the model itself takes
_OWN_SD = 0.08  # of its logarithm
_LOAD = 0.95, 0.15  # how much of the machine's load is left a turn later; sd of the logarithm of what it costs
_PAUSES = 0.004, 0.2  # how often pauses begin, and end, a turn: one turn in fifty is in one
_PAUSE_MS = 3.0, 7.0
_AROUND = 301  # calls whose median is what the model takes at that time
_RARE = 0.01, 20.0  # share of the calls that take so many times as long


class Times(NamedTuple):
    """ms [contenders, turns], and how much of it a slower model would multiply."""

    ms: Floats
    own: Floats


Begin = Callable[[np.random.Generator], Callable[[int, int], Times]]


@dataclass(frozen=True)
class CallStream:
    """A kind of machine.

    Attributes:
        name: for people.
        begin: makes the times of equal contenders from a source of chance, and what of them is the model's.
        median: ms of a call.
        p99: ms that 99 % of the calls take at most.
    """

    name: str
    begin: Begin
    median: float
    p99: float

    def draw(self, rng: np.random.Generator, ratio: float = 1.0) -> Draw:
        """A stream whose candidate's median is `ratio` times that of the others."""
        times = self.begin(rng)

        def drawn(names: list[str], turns: int) -> dict[str, Floats]:
            columns = times(len(names), turns)
            slower = [(ratio - 1) * (name == "candidate") for name in names]
            return {
                name: ms + by * own for name, ms, own, by in zip(names, columns.ms, columns.own, slower, strict=True)
            }

        return drawn


def _own(rng: np.random.Generator, contenders: int, turns: int) -> Floats:
    return _OWN_MS * rng.lognormal(0, _OWN_SD, (contenders, turns))


def _quiet(rng: np.random.Generator) -> Callable[[int, int], Times]:
    def times(contenders: int, turns: int) -> Times:
        own = _own(rng, contenders, turns)
        return Times(own, own)

    return times


def _busy(rng: np.random.Generator) -> Callable[[int, int], Times]:
    """Load that comes and goes over some twenty turns, and pauses of several turns: the tail is the machine's."""
    from scipy.signal import lfilter

    kept, sd = _LOAD
    begins, ends = _PAUSES
    state = rng.normal()
    paused = bool(rng.random() < begins / (begins + ends))

    def times(contenders: int, turns: int) -> Times:
        nonlocal state, paused
        news = rng.normal(0, (1 - kept**2) ** 0.5, turns)
        load, _ = lfilter([1.0], [1.0, -kept], news, zi=[kept * state])
        state = float(load[-1])
        pauses, paused = _switching(rng, turns, paused, begins, ends)
        own = _own(rng, contenders, turns) * np.exp(sd * load)
        return Times(own + pauses * rng.uniform(*_PAUSE_MS, (contenders, turns)), own)

    return times


def _switching(
    rng: np.random.Generator, turns: int, on: bool, begins: float, ends: float
) -> tuple[npt.NDArray[np.bool_], bool]:
    """Whether each of the turns is in a pause, by geometric times in and out of them; and the last."""
    spans = []
    left = turns
    while left > 0:
        span = min(int(rng.geometric(ends if on else begins)), left)
        spans.append((on, span))
        left -= span
        on = not on if left > 0 else on
    return np.repeat([state for state, _ in spans], [span for _, span in spans]), on


def _rare(rng: np.random.Generator) -> Callable[[int, int], Times]:
    """A hundredth of the calls is far slower: whether a p99 is one of them is a matter of luck."""
    share, times_slower = _RARE

    def times(contenders: int, turns: int) -> Times:
        ms = _own(rng, contenders, turns) * np.where(rng.random((contenders, turns)) < share, times_slower, 1.0)
        return Times(ms, ms)

    return times


@cache
def recorded_calls() -> Floats:
    """Times in ms [loads, turns] of three loads of the same model, called in turn."""
    with np.load(CALLS) as found:
        return np.asarray(found["ms"], np.float64)


@cache
def _recorded_medians() -> Floats:
    """In ms [turns]: the median of the calls around each turn, which moves with the machine's load."""
    from scipy.ndimage import median_filter

    return np.asarray(median_filter(recorded_calls(), (1, _AROUND), mode="wrap").mean(axis=0))


def _recorded(rng: np.random.Generator) -> Callable[[int, int], Times]:
    """The recording from any turn on, as if it were a circle; which load is which contender is drawn."""
    calls = recorded_calls()
    order = rng.permutation(len(calls))
    place = int(rng.integers(calls.shape[1]))

    def times(contenders: int, turns: int) -> Times:
        nonlocal place
        which = (place + np.arange(turns)) % calls.shape[1]
        place += turns
        return Times(calls[order[:contenders]][:, which], np.tile(_recorded_medians()[which], (contenders, 1)))

    return times


def _known(name: str, begin: Begin) -> CallStream:
    many = begin(np.random.default_rng(0))(3, 400_000).ms
    return CallStream(name, begin, float(np.median(many)), float(np.quantile(many, 0.99)))


@cache
def call_streams() -> tuple[CallStream, ...]:
    """All of them."""
    recorded = recorded_calls()
    known = float(np.median(recorded)), float(np.quantile(recorded, 0.99))
    return (
        _known("quiet machine", _quiet),
        _known("busy machine: load that lasts, pauses of 3 to 7 ms", _busy),
        _known("one call in a hundred 20 times as slow", _rare),
        CallStream("recorded: taxi model, busy machine", _recorded, *known),
    )
