"""A place of small records in MLflow's registry that many write to, as the ledger of attempts is. No tfx.

A record is a version of a registered model of its own, `<name>.attempts`, that has no files: the server makes it with
its tags in one step and numbers it, so of several of one name the lowest is the one that was there first (see `log`).
Records are created and read; none is ever replaced, and only one that came too late is removed.
"""

from datetime import UTC, datetime
from pathlib import Path

from weighbridge.common.errors import UsageError
from weighbridge.storage.place import Found
from weighbridge.storage.registry.address import RegistryAddress
from weighbridge.storage.registry.destination import RegistryDestination
from weighbridge.storage.registry.registry import Note, Registry
from weighbridge.storage.store import ABSENT


class RegistryPlace(RegistryDestination):
    """A registered model as a place to write records to, beside what it is read as.

    Args:
        address: such as `models:/taxi@champion`.
        folder: what the names of records are relative to.

    Raises:
        UsageError: it is none of a registered model.
    """

    def __init__(self, address: str, folder: str = "") -> None:
        super().__init__(address)
        own = self.registry.address
        self._notes = Registry(RegistryAddress(f"{own.name}.attempts", own.alias))
        self._folder = folder

    def path(self, name: str) -> str:
        """Where a record is found."""
        return f"{self._notes.address} {self._name(name)}"

    def read(self, name: str) -> bytes | None:
        """The bytes of a record; None if it is not there."""
        note = self._found().get(self._name(name))
        return None if note is None else note.content.encode()

    def listed(self, folder: str) -> dict[str, Found]:
        """The records below `folder`, by their names relative to it."""
        prefix = f"{self._name(folder)}/"
        return {
            name.removeprefix(prefix): Found(len(note.content.encode()), datetime.fromtimestamp(note.created, UTC))
            for name, note in self._found().items()
            if name.startswith(prefix)
        }

    def size(self, name: str) -> int | None:
        """Bytes of a record; None if it is not there."""
        data = self.read(name)
        return None if data is None else len(data)

    def version(self, name: str) -> str:
        """The number of the version that is the record; `ABSENT` if it is not there."""
        note = self._found().get(self._name(name))
        return ABSENT if note is None else str(note.number)

    def write(self, name: str, data: bytes, expected: str = ABSENT) -> bool:
        """Create a record; False if one of that name is there that says anything else.

        Raises:
            UsageError: it would replace a record, or is too large for a tag.
        """
        if expected != ABSENT:
            raise UsageError(f"{self.path(name)} cannot be replaced: MLflow's registry keeps what was written once")
        there = self._found().get(self._name(name))
        if there is None:
            self._notes.make_model()
            made = self._notes.make_note(self._name(name), data.decode())
            there = self._found()[self._name(name)]
            if there.number != made:
                self._notes.remove_version(made)
        return there.content.encode() == data

    def upload(self, path: Path, name: str) -> None:
        """Write a file's bytes to a name that is not taken."""
        self.write(name, path.read_bytes())

    def remove(self, folder: str) -> None:
        """Remove nothing: what the ledger counted stays counted."""

    def within(self, folder: str) -> "RegistryPlace":
        """The folder `folder` in it."""
        return RegistryPlace(self.address, self._name(folder))

    def _found(self) -> dict[str, Note]:
        """The record of each name: the first that was made."""
        found: dict[str, Note] = {}
        for note in self._notes.notes():
            found.setdefault(note.name, note)
        return found

    def _name(self, name: str) -> str:
        return f"{self._folder}/{name}".strip("/")
