"""An object read as a file, in parts: seekable, and of one version however long it takes."""

import io
from typing import Any, BinaryIO, cast

from weighbridge.storage.store import ObjectStore, StoredObject

_CHUNK = 4 << 20  # bytes of one request, at least


class _Ranges(io.RawIOBase):
    """The bytes of an object, asked for when they are read."""

    def __init__(self, store: ObjectStore, found: StoredObject) -> None:
        self._store, self._found = store, found
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._found.size}[whence]
        self._position = max(0, start + offset)
        return self._position

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        stop = min(self._position + len(view), self._found.size)
        if stop <= self._position:
            return 0
        data = self._store.read_range(self._found, self._position, stop)
        view[: len(data)] = data
        self._position += len(data)
        return len(data)


def open_object(store: ObjectStore, found: StoredObject) -> BinaryIO:
    """Open an object for reading, in requests of 4 MiB or as much as is read at once."""
    return cast(BinaryIO, io.BufferedReader(_Ranges(store, found), _CHUNK))
