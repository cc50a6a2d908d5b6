"""What commands show of a run on Kubeflow: the local runner's lines and card, for steps that go on side by side."""

from typing import Literal, TextIO

from rich.markup import escape

from weighbridge.cli.display import ConsoleDisplay, console
from weighbridge.common.errors import ExitCode
from weighbridge.kubeflow.client.outcome import KubeflowOutcome
from weighbridge.kubeflow.client.runs import Task
from weighbridge.report import print_card
from weighbridge.report.text import one_line
from weighbridge.runs.workspace import StepRecord

_STATES: dict[str, Literal["done", "cached", "failed", "skipped"]] = {
    "SUCCEEDED": "done",
    "CACHED": "cached",
    "FAILED": "failed",
    "SKIPPED": "skipped",
    "CANCELED": "skipped",
}


class KubeflowSteps(ConsoleDisplay):
    """A line per ended step; on a terminal a live line for one that goes on."""

    def __init__(self, stream: TextIO, silent: bool = False) -> None:
        super().__init__(stream, silent)
        self._running: dict[str, None] = {}

    def task(self, task: Task) -> None:
        """Show a step whose state changed."""
        self._running.pop(task.name, None)
        if state := _STATES.get(task.state):
            note = "cancelled" if task.state == "CANCELED" else ""
            self.step_ended(StepRecord(name=task.name, state=state, seconds=round(task.seconds, 1), note=note))
        else:
            self._running[task.name] = None
        if self._running:
            self.step_started(next(iter(self._running)))

    def close(self) -> None:
        """Take the live line away."""
        self._stop()


def print_kubeflow_outcome(ended: KubeflowOutcome) -> None:
    """Print the verdict card, or why there is none and what to do next."""
    if ended.verdict:
        print_card(console(), ended.verdict)
    if not ended.message:
        return
    failed = ended.exit_code == ExitCode.INFRASTRUCTURE
    out = console(stderr=failed)
    out.print(f"{'[red]error:[/] ' if failed else ''}{escape(one_line(ended.message))}")
    if ended.hint:
        out.print(f"{'       ' if failed else ''}{escape(ended.hint)}")
