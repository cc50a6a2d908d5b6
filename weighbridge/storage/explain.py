"""Errors of a store's client as ones that a person can act on."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from weighbridge.common import progress
from weighbridge.common.errors import WeighbridgeError


@contextmanager
def explaining(explain: Callable[[Exception], WeighbridgeError | None], waiting_for: str) -> Iterator[None]:
    """Turn errors of a client inside the block into ones that say what to do; ours pass as they are.

    Args:
        explain: what to raise instead of an error; None where it is not the client's.
        waiting_for: whose answer the block waits for, to be said where that takes long.
    """
    try:
        with progress.waiting(waiting_for):
            yield
    except WeighbridgeError:
        raise
    except Exception as error:
        explanation = explain(error)
        if explanation is None:
            raise
        raise explanation from error
