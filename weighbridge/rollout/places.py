"""Which kind of destination holds a canary's state and its version how; the one place that knows."""

from weighbridge.rollout.git_store import InModels, RepositoryStore, models_of
from weighbridge.rollout.placed import Beside, Placed
from weighbridge.rollout.store import StateStore, open_state
from weighbridge.storage.git.address import is_git


def state_at(destination: str) -> StateStore:
    """Where the state of a canary lies.

    Raises:
        UsageError: the destination cannot have one.
        InfrastructureError: it cannot be reached.
    """
    return RepositoryStore(destination) if is_git(destination) else open_state(destination)


def placed_at(destination: str) -> Placed:
    """Where a canary's version lies; as `state_at`."""
    return InModels(models_of(destination)) if is_git(destination) else Beside(destination)
