"""Which kind of destination holds a canary's state and its version how; the one place that knows."""

from weighbridge.rollout.placed import Beside, Placed
from weighbridge.rollout.store import StateStore, open_state


def state_at(destination: str) -> StateStore:
    """Where the state of a canary lies.

    Raises:
        UsageError: the destination cannot have one.
        InfrastructureError: it cannot be reached.
    """
    return open_state(destination)


def placed_at(destination: str) -> Placed:
    """Where a canary's version lies; as `state_at`."""
    return Beside(destination)
