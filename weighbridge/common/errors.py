"""Errors that a person can act on, and the exit codes they become.

Every command ends in one of four codes: 0 passed, 1 a gate refused, 2 usage or configuration error,
3 infrastructure failure (safe to retry). An error names the bad value, what is allowed and what to run next.
"""

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes shared by every command."""

    PASSED = 0
    REFUSED = 1
    USAGE = 2
    INFRASTRUCTURE = 3


class WeighbridgeError(Exception):
    """Base of the errors that are shown to people without a traceback.

    Attributes:
        message: what is wrong, naming the bad value and where it came from.
        hint: what is allowed, or what to do or run next; may be empty.
        exit_code: the code that a command ending in this error exits with.
    """

    exit_code = ExitCode.USAGE

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in place of a traceback: it would be ours, and the mistake is not in it."""
        return [f"{type(self).__name__}: {self.message}", *([self.hint] if self.hint else [])]


class UsageError(WeighbridgeError):
    """A wrong value, file, option or piece of user code: running it again gives the same error."""


class NothingRunError(UsageError):
    """The pipeline has no such thing as a run was asked for, e.g. a step: it leaves no run behind."""


class InfrastructureError(WeighbridgeError):
    """A full disk, an unreachable service, a lost connection: safe to retry."""

    exit_code = ExitCode.INFRASTRUCTURE


class InterruptedRunError(InfrastructureError):
    """A person or the system asked for the end, and it ended in good order."""
