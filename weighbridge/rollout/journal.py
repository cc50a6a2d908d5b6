"""Keeps what happens to a canary, by the monitoring's clock, and tells people of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from weighbridge.common.errors import InfrastructureError
from weighbridge.components.production_model.canary import CanaryState
from weighbridge.evidence.rollout import EventKind, RolloutEvent
from weighbridge.rollout.decide import Look
from weighbridge.rollout.observed import Window
from weighbridge.rollout.timeline import Timeline, document_of
from weighbridge.rollout.walking import Clock
from weighbridge.thresholds.canary import CanaryGates


@dataclass
class Journal:
    """What happens to one canary.

    Attributes:
        gates: its steps.
        timeline: where it is kept.
        clock: this machine's, for what happens while the monitoring does not answer.
        tell: is told of every event.
        problem: why the last event could not be kept, in a sentence; empty if it was.
    """

    gates: CanaryGates
    timeline: Timeline
    clock: Clock
    tell: Callable[[RolloutEvent, CanaryState], None]
    problem: str = field(default="", init=False)
    _offset: timedelta = field(default=timedelta(0), init=False)

    @property
    def now(self) -> datetime:
        """The monitoring's time, by this machine's and what they differed when it answered last."""
        return self.clock.now() + self._offset

    def is_now(self, now: datetime) -> None:
        """The monitoring says what time it is."""
        self._offset = now - self.clock.now()

    def add(
        self,
        kind: EventKind,
        state: CanaryState,
        *,
        at: datetime | None = None,
        look: Look | None = None,
        seen: Window | None = None,
        action: Literal["hold", "next", "promote", "roll_back", ""] = "",
        reason: str = "",
        outcome: Literal["promoted", "rolled_back", "left", ""] = "",
    ) -> None:
        """Keep what happened, then tell it."""
        inside = state.step < len(self.gates.steps)
        event = RolloutEvent(
            at=at or self.now,
            kind=kind,
            step=state.step,
            percent=state.percent,
            shadow=state.shadow,
            version=state.canary.version,
            stable=state.stable,
            requests=look.requests if look else 0,
            needed=self.gates.steps[state.step].requests if inside else 0,
            window=None if seen is None else document_of(seen),
            gates=look.gates if look else (),
            problems=look.problems if look else (),
            action=action,
            reason=reason,
            outcome=outcome,
        )
        try:
            self.timeline.add(event)
            self.problem = ""
        except InfrastructureError as error:  # a full disk must leave no canary to itself
            self.problem = error.message
        self.tell(event, state)
