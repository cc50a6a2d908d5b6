"""A run's error as a person can act on it."""

import contextlib
import errno
import traceback

from weighbridge.common.errors import InfrastructureError, UsageError, WeighbridgeError
from weighbridge.runs.record import Run

_FULL_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EIO}
# How TensorFlow and sqlite put the same in errors of their own.
_FULL_DISK_WORDS = ("No space left on device", "disk is full")


def explain(error: BaseException, run: Run) -> WeighbridgeError:
    """An error as a person can act on it; the traceback is in the run's log."""
    for cause in causes(error):
        if isinstance(cause, WeighbridgeError):
            return cause
        full = any(words in str(cause) for words in _FULL_DISK_WORDS)
        if full or (isinstance(cause, OSError) and cause.errno in _FULL_DISK):
            place = getattr(cause, "filename", None) or run.folder.parents[1]
            return InfrastructureError(
                f"The disk failed while writing {place}: {getattr(cause, 'strerror', None) or 'no space left'}",
                "Free some space, then run again: finished steps are kept.",
            )
        if isinstance(cause, PermissionError):
            return UsageError(f"{cause.filename} cannot be written: {cause.strerror}")
        if isinstance(cause, MemoryError):
            return InfrastructureError("The machine ran out of memory", "Run again on a larger one.")
    if isinstance(error, KeyboardInterrupt):
        return InfrastructureError("Interrupted", "Run again: finished steps are kept.")
    step = run.record.steps[-1].name if run.record.steps else run.record.pipeline
    return UsageError(f"{step} failed: {type(error).__name__}: {first_line(error)}", f"The whole story is in {run.log}")


def explain_outside_run(error: BaseException, failure: str) -> WeighbridgeError:
    """An error outside a run, which has no log, as a person can act on it.

    Args:
        error: what was raised.
        failure: what could not be done, e.g. `taxi cannot be planned`.
    """
    for cause in causes(error):
        if isinstance(cause, WeighbridgeError):
            return cause
        if isinstance(cause, OSError) and cause.errno in _FULL_DISK:
            return InfrastructureError(f"{failure}: {cause.strerror}", "Free some space, then try again.")
    message = f"{failure}: {type(error).__name__}: {first_line(error)}"
    return UsageError(message, "The log of `weighbridge run` has the whole story.")


def log_traceback() -> None:
    """Print the traceback of the current error: into the log, with --verbose to the terminal too.

    A full disk must not hide the error itself.
    """
    with contextlib.suppress(OSError):
        traceback.print_exc()


def first_line(error: BaseException) -> str:
    """The first line of an error's message; empty where it has none."""
    return (str(error).strip().splitlines() or [""])[0]


def causes(error: BaseException | None) -> list[BaseException]:
    """An error and what caused it, the outermost first."""
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found
