"""What `weighbridge canary` shows while it walks: a live line on a terminal; else a line where something changes."""

from datetime import datetime, timedelta
from typing import TextIO

from rich.markup import escape

from weighbridge.cli.display import ConsoleDisplay
from weighbridge.components.production_model.canary import CanaryState
from weighbridge.evidence.rollout import RolloutEvent
from weighbridge.rollout.decide import hold_ends
from weighbridge.runs.record import Run
from weighbridge.thresholds.canary import CanaryGates

_SAID_AGAIN_AFTER = timedelta(minutes=1)
_MARKS = {"next": "[green]→[/]", "promote": "[green]✓[/]", "roll_back": "[red]✗[/]"}


class CanaryDisplay(ConsoleDisplay):
    """Shows a canary as it goes.

    Args:
        stream: the real terminal.
        gates: its steps.
        silent: show nothing (for `--json`).
    """

    def __init__(self, stream: TextIO, gates: CanaryGates, silent: bool = False) -> None:
        super().__init__(stream, silent)
        self._gates = gates
        self._said = ""
        self._said_at: datetime | None = None

    def started(self, run: Run, names: list[str]) -> None:
        """Print which run this is, and open its live line."""
        super().started(run, names)
        self.step_started("verify")

    def tell(self, event: RolloutEvent, state: CanaryState) -> None:
        """Show an event."""
        name = self._gates.steps[event.step].name if event.step < len(self._gates.steps) else "?"
        clock = f"{event.at:%H:%M:%S}"
        if event.kind == "look" and event.action in ("hold", ""):
            self._hold(event, state, name, clock)
            return
        self._stop()
        mark = _MARKS.get(event.action, "[red]✗[/]" if event.outcome == "rolled_back" else "·")
        if event.kind == "ended":
            what = {"promoted": "promoted", "rolled_back": "rolled back", "left": "left"}[event.outcome or "left"]
        else:
            what = {"began": "begins", "resumed": "goes on"}.get(event.kind, event.action.replace("_", " "))
        self._console.print(f"{mark} {clock}  {escape(name):<8} {what}: {escape(event.reason)}")
        if event.kind != "ended":
            self.step_started(name)

    def _hold(self, event: RolloutEvent, state: CanaryState, name: str, clock: str) -> None:
        ends = hold_ends(self._gates, state)
        told = (
            f"{event.requests:,} of {event.needed:,} requests · waits for: {event.reason} · "
            f"held until {ends:%H:%M:%S} UTC at most"
        )
        if self._live is not None:
            self._current = name
            self.step_progress(told)
        open_now = event.reason if event.problems else name  # numbers that count up are no news
        again = self._said_at is None or event.at - self._said_at >= _SAID_AGAIN_AFTER
        if (open_now != self._said or again) and (self._live is None or event.problems):
            self._said, self._said_at = open_now, event.at
            self._console.print(f"· {clock}  {escape(name):<8} {escape(told)}")
