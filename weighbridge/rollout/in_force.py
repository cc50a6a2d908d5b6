"""Brings the traffic that a state asks for in force, and sees whether it is."""

from collections.abc import Callable
from dataclasses import dataclass, field

from weighbridge.common.errors import InfrastructureError, WeighbridgeError
from weighbridge.components.production_model.canary import CanaryState
from weighbridge.rollout.store import StateChangedError
from weighbridge.rollout.traffic import Traffic, stable_alone
from weighbridge.rollout.walking import Clock

INSIST_S = 120.0  # how long a rollback that cannot be written, or is not taken, is tried
_NOT_READY = "The canary's servers are not ready by what Prometheus says: all requests go to production."


@dataclass
class InForce:
    """The traffic of one canary, as one process sets it.

    Attributes:
        traffic: who divides the requests.
        clock: this machine's.
    """

    traffic: Traffic
    clock: Clock
    _met: bool = field(default=False, init=False)  # the canary's servers, by this process
    _not_applied: str = field(default="", init=False)

    def apply(self, state: CanaryState) -> None:
        """Ask for the traffic of a state; nobody is sent to servers that nobody has seen yet."""
        try:
            self.traffic.apply(state if self._met else stable_alone(state))
            self._not_applied = ""
        except WeighbridgeError as error:
            self._not_applied = error.message

    def meet(self, state: CanaryState) -> None:
        """The canary's servers are ready: from now on they get what the state says."""
        if not self._met:
            self._met = True
            self.apply(state)

    def problems(self, state: CanaryState) -> list[str]:
        """Why what the state asks for is not in force, a sentence each; asks again where asking failed."""
        if self._not_applied:
            self.apply(state)
        problem = self._not_applied
        try:
            problem = problem or self.traffic.problem()
        except WeighbridgeError as error:
            problem = error.message
        waits = "" if self._met or self.traffic.follows else _NOT_READY
        return [each for each in (problem, waits) if each]

    def insist(self, state: CanaryState) -> None:
        """Bring in force what a canary that ends asks for, whoever has seen its servers.

        Raises:
            InfrastructureError: for minutes it could not be.
        """

        def act() -> None:
            self.traffic.apply(state)
            if problem := self.traffic.problem():
                raise InfrastructureError(problem, "Run again.")

        insist(self.clock, act)


def insist(clock: Clock, act: Callable[[], object]) -> None:
    """Try until it works, or for minutes.

    Raises:
        StateChangedError: somebody else was there first.
        InfrastructureError: it never worked.
    """
    pause_s, waited_s = 1.0, 0.0
    while True:
        try:
            act()
            return
        except StateChangedError:
            raise
        except WeighbridgeError as error:
            if waited_s >= INSIST_S:
                raise InfrastructureError(
                    f"The canary must be rolled back, and cannot: {error.message}",
                    "Users may get it still. Mend the cause, then run the same command again: it goes on with the "
                    "rollback.",
                ) from error
        clock.sleep(pause_s)
        waited_s, pause_s = waited_s + pause_s, min(2 * pause_s, 15.0)
