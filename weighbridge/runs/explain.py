"""A run's error as a person can act on it."""

import contextlib
import copy
import traceback
from collections.abc import Sequence

from weighbridge.common import interruption
from weighbridge.common.errors import InfrastructureError, InterruptedRunError, UsageError, WeighbridgeError
from weighbridge.common.machine import FULL_DISK, FULL_DISK_WORDS, causes, first_line, is_machine_failure
from weighbridge.runs.record import Run

_AGAIN = "Run again: finished steps are kept."


def explain(error: BaseException, run: Run) -> WeighbridgeError:
    """An error as a person can act on it; the traceback is in the run's log."""
    if interruption.asked():
        return InterruptedRunError("Interrupted", _AGAIN)
    for cause in causes(error):
        if isinstance(cause, WeighbridgeError):
            return cause
        full = any(words in str(cause) for words in FULL_DISK_WORDS)
        if full or (isinstance(cause, OSError) and cause.errno in FULL_DISK):
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
        return InterruptedRunError("Interrupted", _AGAIN)
    step = run.record.steps[-1].name if run.record.steps else run.record.pipeline
    message, story = f"{step} failed: {type(error).__name__}: {first_line(error)}", f"The whole story is in {run.log}"
    if is_machine_failure(error):
        return InfrastructureError(message, f"{_AGAIN} {story}")
    return UsageError(message, story)


def with_facts(error: WeighbridgeError, facts: Sequence[str]) -> WeighbridgeError:
    """An error that also tells what lasts all the same, such as a version that was pushed before it."""
    if not facts:
        return error
    told = copy.copy(error)
    told.message = f"{error.message}. All the same, {' and '.join(facts)}"
    return told


def explain_outside_run(error: BaseException, failure: str) -> WeighbridgeError:
    """An error outside a run, which has no log, as a person can act on it.

    Args:
        error: what was raised.
        failure: what could not be done, e.g. `taxi cannot be planned`.
    """
    for cause in causes(error):
        if isinstance(cause, WeighbridgeError):
            return cause
        if isinstance(cause, OSError) and cause.errno in FULL_DISK:
            return InfrastructureError(f"{failure}: {cause.strerror}", "Free some space, then try again.")
    message = f"{failure}: {type(error).__name__}: {first_line(error)}"
    if isinstance(error, KeyboardInterrupt) or interruption.asked():
        return InterruptedRunError("Interrupted", "Try again.")
    if is_machine_failure(error):
        return InfrastructureError(message, "Try again.")
    return UsageError(message, "The log of `weighbridge run` has the whole story.")


def log_traceback() -> None:
    """Print the traceback of the current error: into the log, with --verbose to the terminal too.

    A full disk must not hide the error itself.
    """
    with contextlib.suppress(OSError):
        traceback.print_exc()
