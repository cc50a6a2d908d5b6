"""A destination in a bucket: objects below `scheme://bucket/prefix`, read as files are, each written once. No tfx.

Every write says which version it expects, mostly that nothing is there, so none ever overwrites what it does not know.
The client repeats a request whose answer was lost; a refused write may therefore be our own, and is compared.
"""

import io
from contextlib import suppress
from pathlib import Path, PurePosixPath

from weighbridge.common.errors import UsageError, WeighbridgeError
from weighbridge.storage.schemes import open_store
from weighbridge.storage.store import ABSENT, StoredObject


class BucketDestination:
    """A prefix of a bucket; names are relative to it. Errors are those of `ObjectStore`.

    Args:
        address: `scheme://bucket/prefix`; the prefix may be empty.

    Raises:
        UsageError: it names no bucket.
    """

    def __init__(self, address: str) -> None:
        self._store, prefix = open_store(address)
        self._prefix = prefix.strip("/")

    @property
    def address(self) -> str:
        """`scheme://bucket/prefix`, without a slash at its end."""
        return f"{self._store.address}/{self._prefix}".rstrip("/")

    def path(self, name: str) -> str:
        """Address of the object or folder `name`."""
        return f"{self.address}/{name}"

    def read(self, name: str) -> bytes | None:
        """The bytes of an object; None if it is not there."""
        return self._store.read(self._name(name))

    def folders(self, folder: str = "") -> list[str]:
        """Names of the folders right below `folder`: what objects' names have before their next slash."""
        return self._store.folders(self._below(folder))

    def copy(self, folder: str, target: Path) -> bool:
        """Download the objects below `folder`, each with its checksum verified; False if there are none.

        Raises:
            UsageError: an object's name leads out of `target`.
        """
        found = self.objects(folder)
        for name, stored in found.items():
            if ".." in PurePosixPath(name).parts or name.startswith("/"):
                raise UsageError(f"{self.path(folder)}/{name} is not a name of a file", "Remove this object.")
            path = target / name
            path.parent.mkdir(parents=True, exist_ok=True)
            self._store.download(stored.name, path)
        return bool(found)

    def objects(self, folder: str) -> dict[str, StoredObject]:
        """The objects below `folder`, by their names relative to it; without what consoles make to show a folder."""
        parent = self._below(folder)
        return {
            stored.name.removeprefix(parent): stored
            for stored in self._store.objects(parent)
            if not stored.name.endswith("/")
        }

    def checksums(self, folder: str) -> dict[str, str]:
        """The store's own checksum of each object below `folder`."""
        parent = self._below(folder)
        found = self._store.checksums(parent)
        return {name.removeprefix(parent): checksum for name, checksum in found.items() if not name.endswith("/")}

    def version(self, name: str) -> str:
        """A word for an object's present content, which no other content of it has; `ABSENT` if it is not there."""
        stored = self._store.stat(self._name(name))
        return ABSENT if stored is None else stored.version

    def write(self, name: str, data: bytes, expected: str = ABSENT) -> bool:
        """Write a JSON object in one step; False if its version is not `expected` and its bytes are not `data`."""
        return self._store.write(self._name(name), data, expected) or self.read(name) == data

    def upload(self, path: Path, name: str) -> None:
        """Upload a file to a name that is not taken; whether its bytes arrived is for the caller to compare.

        Raises:
            OSError: the file cannot be read.
        """
        self._store.upload(path, self._name(name))

    def copy_object(self, source: str, target: str) -> str | None:
        """Copy an object within the bucket if `target` is not there; checksum of what is there then, None for nothing.

        Another push may have copied it, and may have removed the source since.
        """
        copied = self._store.copy(self._name(source), self._name(target))
        if copied is not None:
            return copied
        folder, _, name = target.rpartition("/")
        return self.checksums(folder).get(name)

    def remove(self, folder: str) -> None:
        """Remove a staged folder; what cannot be removed is left for a later push."""
        with suppress(WeighbridgeError):
            for stored in self.objects(folder).values():
                self._store.delete(stored.name)

    def file_checksum(self, path: Path) -> str:
        """The checksum that the store would tell of a file."""
        with path.open("rb") as file:
            return self._store.checksum(file)

    def bytes_checksum(self, data: bytes) -> str:
        """The checksum that the store would tell of these bytes."""
        return self._store.checksum(io.BytesIO(data))

    def _name(self, name: str) -> str:
        return f"{self._prefix}/{name}".lstrip("/")

    def _below(self, folder: str) -> str:
        return f"{self._name(folder)}/".lstrip("/") if folder else f"{self._prefix}/".lstrip("/")
