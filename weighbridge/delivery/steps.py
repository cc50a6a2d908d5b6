"""The steps of a delivery, recorded and shown one after another, and the gates that they find. Imports no tfx."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from weighbridge.common import interruption, progress
from weighbridge.runs.display import Display, end_step
from weighbridge.runs.log import mark_step
from weighbridge.runs.record import Run, StepRecord
from weighbridge.verdict import Gate


class Steps:
    """Records and shows the steps of a promotion or a rollback, and gathers their gates.

    Args:
        run: the delivery's own.
        display: shows the steps.
    """

    def __init__(self, run: Run, display: Display) -> None:
        self._run, self._display = run, display
        self.gates: list[Gate] = []

    @property
    def refused(self) -> bool:
        """Whether a gate refuses."""
        return any(gate.refuses for gate in self.gates)

    @contextmanager
    def step(self, name: str) -> Iterator[list[Gate]]:
        """A step, whose gates are added to the list that is given."""
        self._display.step_started(name)
        began = time.monotonic()
        found: list[Gate] = []
        try:
            interruption.check()
            mark_step(name)
            with progress.listening(self._display.step_progress):
                yield found
        except BaseException:
            with interruption.deferred():
                self._end(StepRecord(name=name, state="failed", seconds=round(time.monotonic() - began, 3)))
            raise
        self.gates += found
        refusing = [gate for gate in found if gate.refuses]
        seconds = round(time.monotonic() - began, 3)
        note = refusing[0].message if refusing else ""
        self._end(StepRecord(name=name, state="refused" if refusing else "done", seconds=seconds, note=note))

    def left_out(self, *names: str) -> list[Gate]:
        """Record steps that are not needed or not reached any more; returns all gates."""
        note = "refused before" if self.refused else "nothing to check at this stage"
        for name in names:
            self._end(StepRecord(name=name, state="skipped", note=note))
        return self.gates

    def _end(self, step: StepRecord) -> None:
        end_step(self._run, step, self._display)
