"""What commands show of a run: a live line for the current step, a line per finished step, the verdict card."""

import os
import sys
from collections.abc import Iterable
from typing import Any, TextIO

from rich.console import Console, ConsoleOptions, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.segment import Segment
from rich.spinner import Spinner

from weighbridge.cli.output import print_json
from weighbridge.common.progress import WAITING
from weighbridge.common.text import clean, mask
from weighbridge.report.write import HTML_FILE
from weighbridge.runs.outcome import RunOutcome
from weighbridge.runs.record import Run, StepRecord

_MARKS = {"done": "[green]✓[/]", "cached": "[cyan]=[/]", "refused": "[red]✗[/]", "failed": "[red]✗[/]", "skipped": "–"}

# Where no window limits it, a table's row is one line.
_PLAIN_WIDTH = 400


class _Console(Console):
    """Shows texts that come from data as what they are, and goes on quietly when nobody reads any more.

    As in `weighbridge runs | head`: the exit code is the command's.
    """

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """The segments to be shown; styles are apart from their texts, so a text needs no character of control."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(clean(mask(segment.text)), segment.style)

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
        self._waiting = ""
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
        self._current, self._waiting = name, ""
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
        """Update the live line; where there is none, say at least what is waited for."""
        if live := self._live:  # may be taken away meanwhile: what is waited for is told by another thread
            live.update(Spinner("dots", f"{escape(self._current)}  [dim]{escape(message)}[/]"))
        elif message.startswith(WAITING) and message != self._waiting:
            self._waiting = message
            self._console.print(f"… {escape(self._current)}  {escape(message)}")

    def step_ended(self, step: StepRecord) -> None:
        """Print the step's line: state, name, seconds, note."""
        self._stop()
        seconds = f"{step.seconds:6.1f} s" if step.state != "skipped" else " " * 8
        note = "cached" if step.state == "cached" else step.state if step.state in ("refused", "failed") else ""
        text = " · ".join(part for part in (note, step.note) if part)
        self._console.print(
            f"{_MARKS[step.state]} {escape(step.name):<{self._width}} {seconds}  {escape(text)}".rstrip()
        )

    def ended(self) -> None:
        """Take the live line away."""
        self._stop()

    def _stop(self) -> None:
        if self._live:
            self._live.stop()
            self._live = None


def print_outcome(outcome: RunOutcome, *, as_json: bool = False, quiet: bool = False, **extra: Any) -> None:
    """Print how a run ended, for people or for machines.

    Args:
        outcome: how it ended.
        as_json: print one JSON document.
        quiet: of what is for people the verdict card alone; an error and warnings all the same.
        extra: further entries of the JSON document, before the outcome's own.
    """
    if as_json:
        print_json(extra | outcome_json(outcome))
    else:
        _print_for_people(outcome, quiet)
    print_warnings(outcome.warnings)


def _print_for_people(outcome: RunOutcome, quiet: bool) -> None:
    from weighbridge.report import print_card

    if outcome.error:
        print_error(outcome.error.message, outcome.error.hint, f"log: {outcome.run.log}")
        return
    out = console()
    if outcome.unchanged and not quiet:
        out.print(
            f"Nothing changed since run {outcome.run.record.run_id}: data, code, parameters, gates and production are "
            "the same. Its verdict stands (--force runs it again)."
        )
    if outcome.verdict:
        print_card(out, outcome.verdict, outcome.run.record.delivered)
    if not quiet:
        out.print(f"report: {escape(str(outcome.run.folder / HTML_FILE))}")
        if outcome.tracking:
            out.print(escape(outcome.tracking))


def print_error(message: str, *hints: str) -> None:
    """Print what went wrong on stderr, and below it what to do; empty hints are left out."""
    errors = console(stderr=True)
    errors.print(f"[red]error:[/] {escape(message)}")
    for line in "\n".join(filter(None, hints)).splitlines():
        errors.print(f"       {escape(line)}")


def print_warnings(warnings: Iterable[str], terminal: TextIO | None = None) -> None:
    """Print a line for each warning: on stderr, or on `terminal` where that is captured."""
    for warning in warnings:
        console(terminal, stderr=terminal is None).print(f"[yellow]warning:[/] {escape(warning)}")


def outcome_json(outcome: RunOutcome) -> dict[str, Any]:
    """A run's outcome for machines."""
    return {
        "run": outcome.run.record.public_json(),
        "folder": str(outcome.run.folder),
        "unchanged": outcome.unchanged,
        "exit_code": int(outcome.exit_code),
        "verdict": outcome.verdict.model_dump(mode="json") if outcome.verdict else None,
        "warnings": list(outcome.warnings),
        "tracking": outcome.tracking,
    }
