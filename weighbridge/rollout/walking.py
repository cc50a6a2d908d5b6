"""What a walk needs and what it comes to, as values and protocols."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, Protocol

from weighbridge.common.errors import InfrastructureError
from weighbridge.components.production_model.canary import CanaryState
from weighbridge.rollout.observed import Window
from weighbridge.rollout.watch import Seen
from weighbridge.thresholds.canary import CanaryGates
from weighbridge.verdict import Gate

Judge = Callable[[CanaryGates, Sequence[Window]], Sequence[Gate]]
Checks = Callable[[CanaryState], Sequence[Gate]]


class Watcher(Protocol):
    """What looks at the monitoring, see `weighbridge.rollout.watch.Watch`."""

    def now(self) -> datetime: ...  # noqa: D102

    def look(self, start: datetime, step: int) -> Seen: ...  # noqa: D102

    def again(self, start: datetime, end: datetime, step: int) -> list[Window]: ...  # noqa: D102


class TakenOverError(InfrastructureError):
    """Somebody else walks the canary now: this process has no part in it any more."""


class EndedElsewhereError(InfrastructureError):
    """Somebody else ended the canary: there is no state any more."""


@dataclass(frozen=True)
class Clock:
    """This machine's time; tests have one of their own."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True)
class Ended:
    """How a canary ended.

    Attributes:
        outcome: promoted, or rolled back.
        reason: why, in a sentence.
        gates: as they stood at the end, and those of the promotion.
        state: the last.
    """

    outcome: Literal["promoted", "rolled_back"]
    reason: str
    gates: tuple[Gate, ...]
    state: CanaryState
