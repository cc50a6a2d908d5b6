"""What holds objects: the one small protocol behind every address with a scheme.

A new kind of store is one file with a class that does what `ObjectStore` says, and one line in `schemes`. What is made
of objects, such as versions, claims and records, is written once on top of it.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Protocol

# The version of an object that is not there.
ABSENT = ""


@dataclass(frozen=True)
class StoredObject:
    """What a store tells of an object without its bytes.

    Attributes:
        name: its name in the bucket.
        version: a word that no other content of this object has.
        size: bytes.
        created: when this content was written.
    """

    name: str
    version: str
    size: int
    created: datetime


class ObjectStore(Protocol):
    """A bucket, which must be there: where it lies and what it costs is not ours to choose.

    Every method raises a UsageError for a missing bucket or permission and an InfrastructureError where the service or
    the way to it fails; both name the address. A request whose answer was lost may be repeated by the client, so a
    refused write can be one's own.
    """

    @property
    def address(self) -> str:
        """`scheme://bucket`."""

    def objects(self, prefix: str) -> list[StoredObject]:
        """All objects whose names begin with `prefix`, sorted by name."""

    def holds(self, prefix: str) -> bool:
        """Whether there is an object whose name begins with `prefix`."""

    def folders(self, prefix: str) -> list[str]:
        """What stands between `prefix` and the next slash in objects' names, sorted, each once."""

    def checksums(self, prefix: str) -> dict[str, str]:
        """The store's own checksum of each object whose name begins with `prefix`; empty for one that has none."""

    def checksum(self, file: BinaryIO) -> str:
        """The checksum that the store would tell of an object with the bytes of `file`."""

    def stat(self, name: str) -> StoredObject | None:
        """What is at `name`; None if nothing is."""

    def read(self, name: str) -> bytes | None:
        """All bytes of an object; None if it is not there. A missing bucket is an error, never None."""

    def read_range(self, found: StoredObject, start: int, stop: int) -> bytes:
        """The bytes from `start` up to `stop` of an object, of just the version that was found."""

    def download(self, name: str, path: Path) -> None:
        """Write an object's bytes to a file, verified by the store's checksum where the client can."""

    def write(self, name: str, data: bytes, expected: str) -> bool:
        """Write a JSON document in one step if the object's version is `expected`, `ABSENT` for none; else False."""

    def upload(self, path: Path, name: str, content_type: str = "") -> None:
        """Write a file to a name that is not taken. Whether its bytes are there then is for the caller to compare.

        Args:
            path: the file.
            name: of the object.
            content_type: what a browser takes it for, e.g. `text/html`; empty for whatever the store makes of it.

        Raises:
            OSError: the file cannot be read.
        """

    def copy(self, source: str, target: str) -> str | None:
        """Copy an object within the bucket, without its bytes passing through here, if `target` is not taken.

        Returns:
            The checksum of the copy; None if none was made, as `target` is taken or `source` is not there.
        """

    def delete(self, name: str) -> None:
        """Remove an object; nothing happens if it is not there."""
