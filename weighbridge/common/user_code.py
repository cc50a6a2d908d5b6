"""Errors of a pipeline's own code as ones that a person can act on, whatever it raises."""

import contextlib
from collections.abc import Callable, Iterator

from weighbridge.common import interruption
from weighbridge.common.errors import InfrastructureError, UsageError, WeighbridgeError
from weighbridge.common.machine import first_line, is_machine_failure

_LONGEST = 300


@contextlib.contextmanager
def errors_of(
    what: str,
    hint: Callable[[BaseException], str] | str = "",
    *,
    verb: str = "raised",
    retry: str = "Mend that, then run again.",
    passing: type[BaseException] = WeighbridgeError,
) -> Iterator[None]:
    """Tell what a pipeline's own code raises inside the block as one of our errors; the original one is chained.

    `sys.exit(0)` is no success, and what the machine refused is no fault of the code. Our own errors pass as they are.

    Args:
        what: the code, e.g. `run_fn='my.model.run_fn'`.
        hint: what to do about an error of the code, or makes it of the error.
        verb: what the code did, before the error's name.
        retry: what to do where the machine failed.
        passing: a further kind of errors that pass as they are.

    Raises:
        UsageError: the code raised something.
        InfrastructureError: it was stopped by the machine.
        KeyboardInterrupt: the process was asked to end, whatever became of that in the code.
    """
    try:
        yield
    except (WeighbridgeError, KeyboardInterrupt, passing):
        raise
    except BaseException as error:
        if interruption.asked():
            raise KeyboardInterrupt from error
        reason = reason_of(error)
        if is_machine_failure(error):
            raise InfrastructureError(f"{what} was stopped by {reason}", retry) from error
        raise UsageError(f"{what} {verb} {reason}", hint if isinstance(hint, str) else hint(error)) from error


def reason_of(error: BaseException) -> str:
    """An error's type and the line that tells most: the first, or the last where that only announces others."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or ["no message"]
    line = lines[-1] if lines[0].endswith(":") else first_line(error)  # `in user code:`, as Keras begins
    return f"{type(error).__name__}: {line[:_LONGEST] or 'no message'}"
