"""How a long piece of work says how far it is, without knowing who listens.

Work calls `report(...)`; the local runner's live line, or by default a log record, shows it.
"""

import contextlib
import logging
from collections.abc import Callable, Iterator

Listener = Callable[[str], None]

_listeners: list[Listener] = []
_log = logging.getLogger(__name__)


def report(message: str) -> None:
    """Tell whoever listens how far the current step is, in one short line such as `120,000 rows`."""
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
