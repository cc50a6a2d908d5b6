"""A run in a notebook while it goes on: one output of its cell, which is drawn again when something happens.

It needs no widgets: a notebook that is executed without a browser, as in CI, keeps the last drawing.
"""

import sys
import time
from typing import Any

from weighbridge.report.write import HTML_FILE
from weighbridge.runs.record import Run, StepRecord

# Drawing a notebook's output costs more than a line on a terminal.
_LEAST_S = 0.25


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook; IPython on a terminal is none. Loads nothing."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and hasattr(shell, "kernel")


class LiveOutput:
    """One output of the cell that is running, drawn anew each time."""

    def __init__(self) -> None:
        self._handle: Any = None

    def show(self, page: str) -> None:
        """Put this HTML in place of what was shown before."""
        from IPython.display import HTML, display

        if self._handle is None:
            self._handle = display(HTML(page), display_id=True)
        else:
            self._handle.update(HTML(page))


class NotebookDisplay:
    """Shows a run in the cell that started it; see `weighbridge.runs.display.Display`."""

    def __init__(self) -> None:
        self._live = LiveOutput()
        self._name = ""
        self._steps: list[dict[str, Any]] = []
        self._names: list[str] = []
        self._note = ""
        self._run: Run | None = None
        self._drawn = 0.0

    def started(self, run: Run, names: list[str]) -> None:
        """Show its name, and that no step has ended."""
        record = run.record
        self._run, self._names = run, names
        self._name = f"{record.pipeline} {record.display_kind} {record.run_id}"
        self._draw()

    def step_started(self, name: str) -> None:
        """Show which step goes on."""
        self._note = f"{name} …"
        self._draw()

    def step_progress(self, message: str) -> None:
        """Show how far the step is; not more often than an eye follows."""
        self._note = f"{self._note.partition(' ')[0]} … {message}"
        if time.monotonic() - self._drawn >= _LEAST_S:
            self._draw()

    def step_ended(self, step: StepRecord) -> None:
        """Show how it ended."""
        self._steps.append(step.model_dump(exclude={"fingerprint"}))
        self._note = ""
        self._draw()

    def ended(self) -> None:
        """Show where the report is; how the run ended is told by what the run is shown as."""
        state = self._run.record.state if self._run else ""
        self._note = f"report: {self._run.folder / HTML_FILE}" if self._run else ""
        self._draw("" if state == "running" else state)

    def _draw(self, state: str = "") -> None:
        from weighbridge.report.notebook import progress_html

        share = len(self._steps) / len(self._names) if self._names else 0.0
        self._live.show(
            progress_html(
                name=self._name or "starting",
                state=state,
                steps=self._steps,
                share=1.0 if state else share,
                note=self._note,
            )
        )
        self._drawn = time.monotonic()
