"""A double of a quiet machine: models are loaded and called, but what a call takes is made up.

Timing calls until noise is told from a slow model is most of what a short run costs, and how long that takes, or
whether it can be decided at all, depends on what else the machine does. `tests/components/evaluator/latency` times
for real. As a plugin of pytest, this makes the machine quiet for the tests of another process.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest import mock

import numpy as np
import pytest

from weighbridge.components.evaluator.latency import measure, timing

_CALL_MS = 0.3


def _time_calls(
    contenders: Mapping[str, timing.Caller], calls: int, rng: np.random.Generator, deadline: float = 0, first: int = 0
) -> dict[str, Any]:
    """Call each contender once, and say of all calls that they took about as long."""
    del deadline
    for call in contenders.values():
        call(first)
    return {name: _CALL_MS * rng.lognormal(0, 0.02, calls) for name in contenders}


def _few_requests(*_: object) -> int:
    return 32


@contextmanager
def quiet_machine() -> Iterator[None]:
    """Where this process runs a pipeline, its models are as fast as each other."""
    load_once, known = measure._load_once, dict[int, tuple[measure.Contender, tuple[float, float]]]()

    def _load_once(contender: measure.Contender) -> tuple[float, float]:
        if id(contender) not in known:
            if len(known) > 1:
                known.clear()  # of an earlier measurement
            known[id(contender)] = (contender, load_once(contender))
        return known[id(contender)][1]

    with (
        mock.patch.object(timing, "time_calls", _time_calls),
        mock.patch.object(measure, "time_calls", _time_calls),
        mock.patch.object(measure, "_load_once", _load_once),
        mock.patch.object(measure, "_requests_for", _few_requests),
    ):
        yield


@pytest.fixture(scope="session", autouse=True)
def _quiet_machine() -> Iterator[None]:
    with quiet_machine():
        yield
