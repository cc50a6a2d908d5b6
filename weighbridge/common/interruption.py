"""That this process was asked to end (SIGTERM, SIGINT, SIGHUP): raised at once, and remembered until someone looks.

A KeyboardInterrupt alone may be lost: Python drops what is raised in a `__del__` or a callback of the garbage
collector, and libraries turn it into errors of their own. So `asked` is looked at too, before each step and immediately
before a version becomes visible.
"""

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType

_NUMBERS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

# Within it a second signal is the same one come twice: to a process and to its group.
_SAME_S = 2.0

_asked_at: float | None = None
_deferred = 0


def listen() -> None:
    """Take the three signals for an interruption; one that whoever started us ignores (`nohup`) is ignored still."""
    global _asked_at
    _asked_at = None
    for number in _NUMBERS:
        if number == signal.SIGTERM or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _ask)


@contextlib.contextmanager
def listening() -> Iterator[None]:
    """Listen inside the block alone, as a call in a process of someone else's does, say in a notebook's kernel.

    Only the main thread gets signals: in any other the block is as it would be without.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in _NUMBERS}
    listen()
    try:
        yield
    finally:
        heeded()
        for number, handler in before.items():
            if handler is not None:  # one that was not set from Python cannot be put back
                signal.signal(number, handler)


def asked() -> bool:
    """Whether the process was asked to end."""
    return _asked_at is not None


def check() -> None:
    """Raise KeyboardInterrupt if the process was asked to end; not inside `deferred`."""
    if asked() and not _deferred:
        raise KeyboardInterrupt


def last_look() -> None:
    """Raise KeyboardInterrupt if the process was asked to end, inside `deferred` too: there is no way back after it."""
    if asked():
        raise KeyboardInterrupt


def heeded() -> None:
    """The request was heeded, and what is left to do may be done: only another one ends that."""
    global _asked_at
    _asked_at = None


@contextlib.contextmanager
def deferred() -> Iterator[None]:
    """Raise nothing inside the block, which is short and saves something; Ctrl-C again, some seconds later, does."""
    global _deferred
    _deferred += 1
    try:
        yield
    finally:
        _deferred -= 1


def _ask(number: int, frame: FrameType | None) -> None:
    global _asked_at
    now = time.monotonic()
    again = _asked_at is not None
    if _asked_at is not None and now - _asked_at < _SAME_S:
        return
    _asked_at = now
    if not _deferred or (again and number == signal.SIGINT):
        raise KeyboardInterrupt
