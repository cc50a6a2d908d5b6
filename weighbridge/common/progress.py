"""How a long piece of work says how far it is, without knowing who listens.

Work calls `report(...)`; the local runner's live line, or by default a log record, shows it. What is waited for is said
even if the work itself cannot: `with waiting(...)`. What lasts even if the run
fails later, such as a pushed version, is said with `lasts(...)`.
"""

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator

from weighbridge.common import interruption

Listener = Callable[[str], None]

WAITING = "waiting for "
"""How a report begins that tells what the work cannot go on without: people see it wherever they are."""

SAY_AFTER_S = 5.0
"""Seconds that work may wait in silence."""

_listeners: list[Listener] = []
_said = [""]
_lasting: list[list[str]] = []
_log = logging.getLogger(__name__)


def report(message: str) -> None:
    """Tell whoever listens how far the current step is, in one short line such as `120,000 rows`.

    Raises:
        KeyboardInterrupt: the process was asked to end, and whatever the work was doing then did not notice.
    """
    if threading.current_thread() is threading.main_thread():
        interruption.check()
    if _listeners:
        _listeners[-1](message)
    elif not message.startswith(WAITING):
        _log.info(message)
    elif message != _said[-1]:  # without any set-up of logging a warning is seen, too
        _said[-1] = message
        _log.warning(message)


@contextlib.contextmanager
def waiting(what: str) -> Iterator[None]:
    """Say what is waited for where the block takes long: after some seconds, and then ever more seldom.

    Args:
        what: e.g. `S3 at s3://bucket/name`.
    """
    done = threading.Event()
    threading.Thread(target=_say, args=(what, done), daemon=True, name="waiting").start()
    try:
        yield
    finally:
        done.set()


def _say(what: str, done: threading.Event) -> None:
    waited_s, pause_s = 0.0, SAY_AFTER_S
    while not done.wait(pause_s):
        waited_s += pause_s
        pause_s = waited_s
        with contextlib.suppress(Exception):  # whatever shows it may just end
            report(f"{WAITING}{what} ({waited_s:.0f} s)")


@contextlib.contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Send reports made inside the block to `listener`."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


def lasts(fact: str) -> None:
    """Keep what stays as it is even if the work fails from here on, e.g. `version 3 is in production at …`."""
    for facts in _lasting:
        facts.append(fact)
    report(fact)


@contextlib.contextmanager
def lasting_facts() -> Iterator[list[str]]:
    """Yields the list of what `lasts` is told inside the block."""
    facts: list[str] = []
    _lasting.append(facts)
    try:
        yield facts
    finally:
        _lasting.pop()
