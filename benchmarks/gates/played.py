"""Calls that are not made: the product measures as it does, and the times and the clock are those of a stream."""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace
from unittest.mock import patch

from benchmarks.gates.call_streams import Draw, Floats
from weighbridge.components.evaluator.latency import measure


class Silent:
    """A contender whose calls do nothing."""

    def caller(self, batch_rows: int, requests: int) -> Callable[[int], object]:
        """What is never called."""
        return lambda turn: None

    def requests(self, batch_rows: int) -> int:
        """As many as there are calls."""
        return 10**9

    def load(self) -> Callable[[], object]:
        """Loads are not timed."""
        raise NotImplementedError

    def size(self) -> int:
        """Of nothing."""
        return 1


@contextmanager
def played(draw: Draw, turn_s: float, turns: int) -> Iterator[Callable[[], int]]:
    """Inside the block times are drawn.

    Args:
        draw: of a stream.
        turn_s: what a turn of all contenders takes, for the planning of looks.
        turns: after which the budget is spent.

    Yields:
        How many turns were drawn by now.
    """
    drawn = 0

    def time_calls(callers: Mapping[str, object], calls: int, *_: object, first: int = 0) -> dict[str, Floats]:
        nonlocal drawn
        drawn += calls
        return draw(list(callers), calls)

    clock = SimpleNamespace(perf_counter=lambda: 0.0 if drawn < turns else math.inf)
    with (
        patch.object(measure, "time_calls", time_calls),
        patch.object(measure, "settled_heap", nullcontext),
        patch.object(measure, "warm_up", lambda *_: turn_s),
        patch.object(measure, "time", clock),
    ):
        yield lambda: drawn
