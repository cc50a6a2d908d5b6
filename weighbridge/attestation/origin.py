"""What the current run was asked for: told by whoever runs it, used by the step that pushes."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from pydantic import ValidationError

from weighbridge.common.errors import UsageError
from weighbridge.evidence.provenance import Origin

_asked = ContextVar[Origin | None]("_asked", default=None)


@contextmanager
def asked(origin: Origin | None) -> Iterator[None]:
    """Inside the block this process runs what `origin` says."""
    token = _asked.set(origin)
    try:
        yield
    finally:
        _asked.reset(token)


def origin_here(given: str = "") -> Origin | None:
    """Where the current run comes from; None where nobody said so, as in a notebook.

    Args:
        given: the same as JSON, as a compiled package tells its steps; empty where this process runs all of them.

    Raises:
        UsageError: what is given is something else.
    """
    if not given:
        return _asked.get()
    try:
        return Origin.model_validate_json(given)
    except ValidationError as error:
        raise UsageError(
            f"Pusher's parameter origin is no origin of a run: {error}", "Compile the package again."
        ) from error
