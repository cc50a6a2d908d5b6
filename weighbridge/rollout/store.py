"""Where a canary's state lies: `canary.json` beside the record of production, replaced only by who knows what it was.

So a canary needs no lock across machines: of two commands that walk one canary, the second to write finds that it is
not its own any more. Folders and buckets are here; a configuration repository is in `git_store`.
"""

from typing import Protocol

from pydantic import ValidationError

from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.common.files import json_text
from weighbridge.components.production_model.canary import CanaryState
from weighbridge.components.production_model.record import ProductionRecord
from weighbridge.components.production_model.standing import read_record
from weighbridge.storage.destination import open_destination
from weighbridge.storage.layout import CANARY_FILE
from weighbridge.storage.place import Place, open_place
from weighbridge.storage.registry.address import is_registry

ABSENT = ""
"""The token of a state that is not there."""


class StateChangedError(InfrastructureError):
    """Somebody else changed the state since it was read."""


class StateStore(Protocol):
    """A destination's state of its canary. Every method raises what reading or writing the destination does."""

    @property
    def address(self) -> str:
        """The destination."""

    def read(self) -> tuple[CanaryState | None, str]:
        """The state, None for no canary; and a token for just this content."""

    def write(
        self, state: CanaryState | None, token: str, production: ProductionRecord | None = None, message: str = ""
    ) -> str:
        """Replace the state, or remove it for None.

        Args:
            state: the new one.
            token: of the state that it follows.
            production: becomes production's record in the same step. In a folder or a bucket its version lies there
                already, made by a push that has written the record: what is left is to remove the state.
            message: what happened, in one line and perhaps more below; the commit's message in a repository.

        Returns:
            The token of what is there now.

        Raises:
            StateChangedError: it is another one than that of `token`.
        """

    def production(self) -> ProductionRecord | None:
        """What is in production now; None for nothing yet."""


class PlaceStore:
    """The state in a folder or a prefix of a bucket.

    Args:
        address: the destination.

    Raises:
        UsageError: it is neither.
    """

    def __init__(self, address: str) -> None:
        self._place: Place = open_place(address)
        self._ending: CanaryState | None = None  # written by this process, to be removed next
        self.address = self._place.address

    def read(self) -> tuple[CanaryState | None, str]:
        """The state, and the version of its file."""
        for _ in range(3):  # it may be replaced between the two questions
            token = self._place.version(CANARY_FILE)
            data = self._place.read(CANARY_FILE)
            if self._place.version(CANARY_FILE) == token:
                return (None, ABSENT) if data is None else (parse_state(data, self._place.path(CANARY_FILE)), token)
        raise InfrastructureError(f"{self._place.path(CANARY_FILE)} is being changed all the time", "Run again.")

    def write(
        self, state: CanaryState | None, token: str, production: ProductionRecord | None = None, message: str = ""
    ) -> str:
        """Replace or remove the file.

        A bucket cannot remove on a condition: the one who may remove replaces it first, by a state that ends.
        """
        if state is not None:
            self._replace(state, token)
            return self._place.version(CANARY_FILE)
        now, there = self.read()
        if there != token and (now is None or now != self._ending):
            raise changed(self._place.path(CANARY_FILE))
        if now is None:
            return ABSENT
        ending = now.model_copy(update={"phase": "rolling_back", "percent": 0.0})
        if ending != now:
            self._ending = ending
            self._replace(ending, token)
        self._place.remove(CANARY_FILE)
        return ABSENT

    def production(self) -> ProductionRecord | None:
        """What is served by the record and the versions beside it."""
        return read_record(self.address)

    def _replace(self, state: CanaryState, token: str) -> None:
        if not self._place.write(CANARY_FILE, state_bytes(state), token):
            raise changed(self._place.path(CANARY_FILE))


def open_state(address: str) -> StateStore:
    """Where the state of a destination's canary lies.

    Raises:
        UsageError: the destination cannot have one.
    """
    place = open_destination(address)
    if is_registry(place.address):
        raise UsageError(
            f"{place.address} cannot hold a canary's state: MLflow's registry has no place for one",
            "Let production be a configuration repository, git+https://…, with "
            f"models: {place.address} in its weighbridge.yaml.",
        )
    return PlaceStore(place.address)


def state_bytes(state: CanaryState) -> bytes:
    """The bytes of `canary.json`."""
    document = state.model_dump(mode="json", exclude={"canary"})
    return json_text(document | {"canary": state.canary.model_dump(mode="json", exclude_defaults=True)}).encode()


def parse_state(data: bytes, path: str) -> CanaryState:
    """The state that the bytes at `path` are.

    Raises:
        UsageError: they are none.
    """
    try:
        return CanaryState.model_validate_json(data)
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(map(str, problem["loc"])) or "the file"
        raise UsageError(
            f"{path} is not the state of a canary: {where}: {problem['msg']}",
            "See that all users' requests go to production, then remove the file.",
        ) from error


def changed(path: str) -> StateChangedError:
    """The error that somebody else changed the state at `path`."""
    return StateChangedError(
        f"Somebody else changed {path} just now", "Run the same command again: it goes on from what is there."
    )
