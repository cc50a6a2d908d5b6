"""The state of a canary in a configuration repository: every step is one commit, and what the cluster runs with it.

There a promotion really is one step: `production.json` and `model.yaml` change and `canary.json` goes in one commit.
"""

from dataclasses import dataclass

from weighbridge.common.errors import UsageError
from weighbridge.components.production_model.canary import CanaryState
from weighbridge.components.production_model.record import ProductionRecord
from weighbridge.components.production_model.withdrawn import after
from weighbridge.components.pusher.git_changes import READ, changes, record_in
from weighbridge.components.pusher.git_message import message as delivered_message
from weighbridge.components.pusher.manifests import address_of
from weighbridge.components.pusher.push import Pushed, push
from weighbridge.rollout.placed import Model
from weighbridge.rollout.store import StateChangedError, StateStore, parse_state
from weighbridge.storage.git.failures import Conflict
from weighbridge.storage.git.repository import Repository
from weighbridge.storage.layout import CANARY_FILE

PULL_REQUEST = "pull_request"


class RepositoryStore:
    """The state in a folder of a repository; the token is the commit that was looked at.

    Args:
        address: such as `git+https://host/org/config.git//taxi?ref=main`.

    Raises:
        UsageError: it is malformed.
    """

    def __init__(self, address: str) -> None:
        self._repository = Repository(address)
        self.address = str(self._repository.address)

    def read(self) -> tuple[CanaryState | None, str]:
        """The state as it is at the branch's end."""
        head = self._repository.refresh()
        data = self._repository.read(CANARY_FILE)
        where = self._repository.address.path(CANARY_FILE)
        return None if data is None else parse_state(data, where), head

    def write(
        self, state: CanaryState | None, token: str, production: ProductionRecord | None = None, message: str = ""
    ) -> str:
        """Commit the state, or the promotion.

        Raises:
            UsageError: changes go by pull requests there; what the cluster runs cannot say what the state does; or the
                credentials may not write.
        """
        if self._repository.settings.changes == PULL_REQUEST and (state is not None or production is not None):
            raise UsageError(
                f"{self.address} takes changes by pull requests alone, and a canary's steps wait for nobody",
                "Say `changes: commit` in its weighbridge.yaml: delivery's policy asks people before a canary begins.",
            )
        replaced = record_in(self._repository)
        if production is not None:
            production = production.model_copy(update={"withdrawn": after(replaced)})
            message = f"{delivered_message(production, replaced, None)}Canary: {message}\n"
        try:
            changed = changes(self._repository, production or replaced, state)
            return self._repository.commit(changed, message or "Change the canary's state", token, unchanged=READ)
        except Conflict as error:
            raise StateChangedError(error.message, error.hint) from error

    def production(self) -> ProductionRecord | None:
        """What the repository says, as it was when the state was last read."""
        return record_in(self._repository)


@dataclass(frozen=True)
class InModels:
    """Where the repository's settings say that models lie: no version there is production but the one it names.

    Attributes:
        address: that destination.
    """

    address: str

    def place(self, model: Model) -> Pushed:
        """Push it there."""
        return push(
            model.folder,
            model.evidence,
            self.address,
            statistics=model.statistics,
            **model.described,  # type: ignore[arg-type]
        )

    def remove_before(self, version: int) -> None:
        """Nothing: earlier versions stay, as everywhere."""

    def promote(self, model: Model, state: CanaryState, token: str, store: StateStore) -> Pushed:
        """One commit: the version is there already."""
        told = f"it passed all of its steps beside version {state.stable}"
        store.write(None, token, state.canary, told)
        return Pushed((), state.canary, address_of(self.address, state.canary.version))


def models_of(address: str) -> str:
    """The destination of the models that a configuration repository speaks of.

    Raises:
        UsageError: there is no such repository, or it does not say.
        InfrastructureError: it cannot be reached.
    """
    return Repository.open(address).settings.models
