"""Times of calls that are drawn instead of measured: thousands of weighings in seconds. The clock is theirs."""

import math
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pytest

from weighbridge.components.evaluator.latency import measure


class Contender:
    """A model whose calls do nothing."""

    def caller(self, batch_rows: int, requests: int) -> Callable[[int], object]:
        return lambda turn: None

    def requests(self, batch_rows: int) -> int:
        return 10**6

    def load(self) -> Callable[[], object]:
        raise AssertionError("loads are not timed")

    def size(self) -> int:
        return 1


def draw_times(
    monkeypatch: pytest.MonkeyPatch, draw: Callable[[list[str], int], dict[str, np.ndarray]], call_s: float, most: int
) -> None:
    """From now on the times of calls are drawn.

    Args:
        monkeypatch: ends it.
        draw: the ms of so many calls of each of the contenders, by name.
        call_s: what the planning takes a call to last.
        most: calls after which the budget is spent.
    """
    drawn = 0

    def time_calls(callers: Mapping[str, object], calls: int, *_: object, first: int = 0) -> dict[str, np.ndarray]:
        nonlocal drawn
        drawn += calls
        return draw(list(callers), calls)

    monkeypatch.setattr(measure, "time_calls", time_calls)
    monkeypatch.setattr(measure, "settled_heap", nullcontext)  # which takes its time where much is loaded
    monkeypatch.setattr(measure, "warm_up", lambda *_: call_s)
    monkeypatch.setattr(measure, "time", SimpleNamespace(perf_counter=lambda: 0.0 if drawn < most else math.inf))
