"""What shows a run while it goes on."""

from typing import Protocol

from weighbridge.runs.record import Run, StepRecord


class Display(Protocol):
    """Shows a run while it goes on; its methods are called in the order in which they stand here."""

    def started(self, run: Run, names: list[str]) -> None:
        """The run begins; these are its steps."""

    def step_started(self, name: str) -> None:
        """A step begins."""

    def step_progress(self, message: str) -> None:
        """The current step says how far it is."""

    def step_ended(self, step: StepRecord) -> None:
        """A step ended."""

    def ended(self) -> None:
        """The run ended: nothing goes on any more."""


def end_step(run: Run, step: StepRecord, display: Display) -> None:
    """Keep in the run's record how a step ended, and show it."""
    run.record.steps.append(step)
    run.save()
    display.step_ended(step)


class SilentDisplay:
    """Shows nothing."""

    def started(self, run: Run, names: list[str]) -> None:
        """Show nothing."""

    def step_started(self, name: str) -> None:
        """Show nothing."""

    def step_progress(self, message: str) -> None:
        """Show nothing."""

    def step_ended(self, step: StepRecord) -> None:
        """Show nothing."""

    def ended(self) -> None:
        """Show nothing."""
