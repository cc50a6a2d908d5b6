"""What `run` shows: a live line for the current step, a line per finished step, the verdict card."""

import json
import os
import sys
from typing import Any, TextIO

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.spinner import Spinner

from weighbridge.local.run import RunOutcome
from weighbridge.runs.workspace import Run, StepRecord

_MARKS = {"done": "[green]✓[/]", "cached": "[cyan]=[/]", "refused": "[red]✗[/]", "failed": "[red]✗[/]", "skipped": "–"}

# Where no window limits it, a table's row is one line.
_PLAIN_WIDTH = 400


class _Console(Console):
    """Goes on quietly when nobody reads any more, as in `weighbridge runs | head`: the exit code is the command's."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())


def console(stream: TextIO | None = None, stderr: bool = False) -> Console:
    """A console that writes plain lines when it is not a terminal, and never cuts a path in two."""
    file = stream or (sys.stderr if stderr else sys.stdout)
    return _Console(file=file, width=None if file.isatty() else _PLAIN_WIDTH, highlight=False, soft_wrap=True)


class ConsoleDisplay:
    """Shows a run as it goes.

    Args:
        stream: where to; the real terminal, not the redirected one.
        silent: show nothing (for `--json`).
    """

    def __init__(self, stream: TextIO, silent: bool = False) -> None:
        self._console = console(stream)
        self._console.quiet = silent
        self._live: Live | None = None
        self._current = ""
        self._width = 16

    def started(self, run: Run, names: list[str]) -> None:
        """Print which run this is."""
        self._stop()
        self._width = max(map(len, names), default=16)
        record = run.record
        self._console.print(f"[bold]{escape(record.pipeline)}[/] {escape(record.display_kind)} {record.run_id}")

    def step_started(self, name: str) -> None:
        """Show a live line, on a terminal."""
        self._stop()
        self._current = name
        if self._console.is_terminal and not self._console.quiet:
            # Not rich's Status: that would take what libraries write to sys.stderr out of the log to the terminal.
            self._live = Live(
                Spinner("dots", escape(name)),
                console=self._console,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()

    def step_progress(self, message: str) -> None:
        """Update the live line."""
        if self._live:
            self._live.update(Spinner("dots", f"{escape(self._current)}  [dim]{escape(message)}[/]"))

    def step_ended(self, step: StepRecord) -> None:
        """Print the step's line: state, name, seconds, note."""
        self._stop()
        seconds = f"{step.seconds:6.1f} s" if step.state != "skipped" else " " * 8
        note = "cached" if step.state == "cached" else step.state if step.state in ("refused", "failed") else ""
        text = " · ".join(part for part in (note, step.note) if part)
        self._console.print(
            f"{_MARKS[step.state]} {escape(step.name):<{self._width}} {seconds}  {escape(text)}".rstrip()
        )

    def _stop(self) -> None:
        if self._live:
            self._live.stop()
            self._live = None


def print_outcome(out: Console, outcome: RunOutcome) -> None:
    """Print the verdict card, or the error, and where to look next."""
    from weighbridge.report import print_card

    record = outcome.run.record
    if outcome.error:
        errors = console(stderr=True)
        errors.print(f"[red]error:[/] {escape(outcome.error.message)}")
        if outcome.error.hint:
            errors.print(f"       {escape(outcome.error.hint)}")
        errors.print(f"       log: {escape(str(outcome.run.log))}")
        return
    if outcome.unchanged:
        out.print(
            f"Nothing changed since run {record.run_id}: data, code, parameters, gates and production are the same. "
            "Its verdict stands (--force runs it again)."
        )
    if outcome.verdict:
        print_card(out, outcome.verdict)
    out.print(f"report: {escape(str(outcome.run.folder / 'report.html'))}")


def outcome_json(outcome: RunOutcome) -> dict[str, Any]:
    """A run's outcome for machines."""
    return {
        "run": outcome.run.record.told(),
        "folder": str(outcome.run.folder),
        "unchanged": outcome.unchanged,
        "exit_code": int(outcome.exit_code),
        "verdict": outcome.verdict.model_dump(mode="json") if outcome.verdict else None,
    }


def print_outcome_json(outcome: RunOutcome) -> None:
    """Print the outcome as one JSON document."""
    sys.stdout.write(json.dumps(outcome_json(outcome), indent=2, ensure_ascii=False) + "\n")
