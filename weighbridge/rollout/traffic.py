"""Who sets how many of the users' requests a canary answers: one small protocol."""

from typing import Protocol

from weighbridge.components.production_model.canary import CanaryState


class Traffic(Protocol):
    """Whatever divides the requests between stable and canary."""

    @property
    def follows(self) -> bool:
        """Whether it follows `canary.json` by itself: removing the file takes the canary's requests away."""

    def apply(self, state: CanaryState) -> None:
        """Ask for what a state says: its share, or copies in the shadow; 0 % and no shadow gives all to stable.

        Raises:
            InfrastructureError: it cannot be asked now; what was asked before may be in force still.
        """

    def problem(self) -> str:
        """Why what was asked last is not in force, in a sentence; empty if it is, or nobody here can tell."""


class Declared:
    """Somebody else follows `canary.json`, or what is rendered from it: Argo CD with KServe or Argo Rollouts.

    Whether they do shows in the share of requests that the canary answers.
    """

    follows = True

    def apply(self, state: CanaryState) -> None:
        """Nothing to do: writing the state asked already."""

    def problem(self) -> str:
        """Never one that can be told from here."""
        return ""


def stable_alone(state: CanaryState) -> CanaryState:
    """The state with all requests at stable, and nothing in the shadow."""
    return state.model_copy(update={"percent": 0.0, "shadow": False})


def canary_alone(state: CanaryState) -> CanaryState:
    """The state with all requests at the canary."""
    return state.model_copy(update={"percent": 100.0, "shadow": False})
