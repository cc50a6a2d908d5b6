"""Whether users' requests end the canary's servers: how often these were started again in a step.

A server that a request kills counts neither that request nor those that it held: no share of failures tells of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from weighbridge.rollout.observed import Window
from weighbridge.thresholds.canary import CanaryStep

MOST_RESTARTS = 1  # in a step: one more ends the canary


@dataclass
class Restarts:
    """Restarts of the canary's servers in the step that it is in, from when it has settled.

    What is started again before the canary answers, or while it settles, is being rolled out; a server that is new,
    as one more replica is, was never started again.

    Attributes:
        steps: those of the canary.
    """

    steps: Sequence[CanaryStep]
    _step: int = field(default=-1, init=False)
    _answers_since: datetime | None = field(default=None, init=False)
    _found: int = field(default=0, init=False)

    def see(self, window: Window) -> tuple[str, bool]:
        """Take in a window, each once and in order.

        Returns:
            Why nothing may pass in this step, a sentence, empty for nothing; and whether the canary must end.
        """
        if window.step != self._step:
            self._step, self._answers_since, self._found = window.step, None, 0
        if self._answers_since is None and window.canary.requests:
            self._answers_since = window.end - timedelta(seconds=window.seconds)
        if window.canary.restarts and self._settled(window):
            self._found += window.canary.restarts
        if not self._found:
            return "", False
        times = "once" if self._found == 1 else f"{self._found:,} times"
        told = f"The canary's servers were started again {times} in this step, where nothing may be"
        return f"{told}: their logs say what ended them, such as a request or too little memory.", (
            self._found > MOST_RESTARTS
        )

    def _settled(self, window: Window) -> bool:
        """Whether half of a window lies behind the time in which the step settles."""
        if self._answers_since is None or not 0 <= window.step < len(self.steps):
            return False
        lasted = (window.end - self._answers_since).total_seconds() - window.seconds / 2
        return lasted >= self.steps[window.step].settles_s
