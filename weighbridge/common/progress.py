"""How a long piece of work says how far it is, without knowing who listens.

Work calls `report(...)`; the local runner's live line, or by default a log record, shows it. What lasts even if the run
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

_listeners: list[Listener] = []
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
    else:
        _log.info(message)


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
