"""A model that cannot be weighed, and why: of quality and latency alike."""

from collections.abc import Callable

from weighbridge.common import interruption
from weighbridge.common.errors import InfrastructureError
from weighbridge.common.machine import is_machine_failure
from weighbridge.verdict import Gate


class Unmeasurable(Exception):
    """Something to be weighed cannot be: it becomes an `unmeasured` gate, which refuses, never a crash.

    Attributes:
        subject: what is wrong, the middle part of the gate's name: model, signature, label, …
        rule: what it should be, the last part of the gate's name: loadable, present, callable, …
        message: one sentence with the reason and what to do.
    """

    def __init__(self, subject: str, rule: str, message: str) -> None:
        super().__init__(message)
        self.subject = subject
        self.rule = rule
        self.message = message

    def gate(self, group: str) -> Gate:
        """The refusing gate `<group>.<subject>.<rule>`; raises what `check_not_the_machine` does."""
        self.check_not_the_machine()
        return Gate(name=f"{group}.{self.subject}.{self.rule}", status="unmeasured", message=self.message)

    def check_not_the_machine(self) -> None:
        """Make sure that it is the model's fault, before that is put down as what the model is.

        Raises:
            KeyboardInterrupt: the process was asked to end, and loading or calling the model failed by that.
            InfrastructureError: the machine failed, e.g. for lack of memory or open files.
        """
        interruption.check()
        if is_machine_failure(self):
            raise InfrastructureError(
                f"The machine failed while a model was weighed: {self.message}",
                "Free or add memory, disk or open files (ulimit -n), then run again.",
            ) from self


def gates_or_refusal(group: str, weigh: Callable[[], list[Gate]]) -> list[Gate]:
    """The gates that `weigh` returns; where it raises `Unmeasurable`, the one that says why."""
    try:
        return weigh()
    except Unmeasurable as error:
        return [error.gate(group)]


# What TensorFlow puts before the reason: where in the graph, and where in somebody's files.
_PREAMBLE = ("Graph execution error:", "Detected at node ", "<stack traces unavailable>", 'File "')


def first_line(error: BaseException) -> str:
    """An error in one line that fits a sentence: its type and the first line that gives a reason."""
    lines = (line.strip() for line in str(getattr(error, "message", None) or error).splitlines())
    text = next((line for line in lines if line and not line.startswith(_PREAMBLE)), "")
    return f"{type(error).__name__}: {text[:300]}" if text else type(error).__name__
