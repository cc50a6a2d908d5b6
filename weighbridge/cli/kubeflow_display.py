"""What commands show of a run on Kubeflow: the local runner's lines and card, for steps that go on side by side."""

import contextlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from rich.markup import escape

from weighbridge.cli.display import ConsoleDisplay, console, print_error, print_warnings
from weighbridge.common.errors import ExitCode
from weighbridge.kubeflow.client.record import run_record, step_record
from weighbridge.report.text import one_line

if TYPE_CHECKING:
    from weighbridge.kubeflow.client.outcome import KubeflowOutcome
    from weighbridge.kubeflow.client.tasks import Task
    from weighbridge.kubeflow.client.waiting import Waiting
    from weighbridge.runs.finish import RemoteEnd


class KubeflowSteps(ConsoleDisplay):
    """A line per ended step; on a terminal a live line for one that goes on."""

    def __init__(self, stream: TextIO, silent: bool = False) -> None:
        super().__init__(stream, silent)
        self._running: dict[str, None] = {}

    def task(self, task: "Task") -> None:
        """Show a step whose state changed."""
        self._running.pop(task.name, None)
        if step := step_record(task):
            self.step_ended(step)
        else:
            self._running[task.name] = None
        self._show_running()

    def waiting(self, waiting: "Waiting") -> None:
        """Say why a step has not begun."""
        self._stop()
        self._console.print(escape(one_line(f"… {waiting.step} waits: {waiting.reason}. {waiting.remedy}".strip())))
        self._show_running()

    def _show_running(self) -> None:
        if self._running:
            self.step_started(next(iter(self._running)))


def finish_kubeflow_run(ended: "KubeflowOutcome", reports: str, *, silent: bool) -> "RemoteEnd":
    """Tell MLflow of a run that was seen to end, and call the hooks; what they print goes to the log in its reports.

    Args:
        ended: how it ended.
        reports: `--reports`; empty for nowhere.
        silent: show no progress (for `--json`).

    Returns:
        What there is to say of it.
    """
    from weighbridge.local.output_capture import captured_output
    from weighbridge.runs.finish import finish_remote_run
    from weighbridge.runs.record import LOG_FILE

    run = ended.run
    with contextlib.ExitStack() as stack:
        folder = Path(reports, run.run_id) if reports else None
        if folder is None or not folder.is_dir():
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="weighbridge-")))
        terminal = stack.enter_context(captured_output(folder / LOG_FILE, verbose=False))
        display = ConsoleDisplay(terminal, silent)
        return finish_remote_run(
            run_record(ended), ended.verdict, ended.exit_code, url=run.url, reports=reports, display=display
        )


def print_kubeflow_outcome(ended: "KubeflowOutcome", told: "RemoteEnd") -> None:
    """Print the verdict card, or why there is none and what to do next; then what MLflow is sent and hooks warn of."""
    from weighbridge.report import print_card

    if ended.verdict:
        print_card(console(), ended.verdict)
    message = one_line(ended.message)
    if message and ended.exit_code == ExitCode.INFRASTRUCTURE:
        print_error(message, ended.hint)
    elif message:
        out = console()
        out.print(escape(message))
        if ended.hint:
            out.print(escape(ended.hint))
    if told.tracking:
        console().print(escape(told.tracking))
    print_warnings(told.warnings)
