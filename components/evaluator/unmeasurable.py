"""A model that cannot be weighed, and why: of quality and latency alike."""

from collections.abc import Callable

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
        """The refusing gate `<group>.<subject>.<rule>`."""
        return Gate(name=f"{group}.{self.subject}.{self.rule}", status="unmeasured", message=self.message)


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
