"""Files to be read, on disk or in a store, by one set of functions. Imports no tfx."""

import fnmatch
import hashlib
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from weighbridge.common.digests import file_digest
from weighbridge.common.errors import UsageError
from weighbridge.storage.globs import local_glob
from weighbridge.storage.ranges import open_object
from weighbridge.storage.schemes import is_address, open_store
from weighbridge.storage.store import ObjectStore, StoredObject

_CHUNK = 1 << 22
_TICK_NS = 2_000_000_000  # of FAT; others tick faster


@dataclass(frozen=True)
class Identity:
    """What tells whether a file is still the one that it was, without its bytes.

    Attributes:
        place: where its bytes are: the same for two names of one file.
        version: another one once it was written or touched.
        size: bytes.
        settled: that all writes show: clocks of file systems tick slowly, so that a file just written may be written
            again and look the same.
    """

    place: str
    version: str
    size: int
    settled: bool = field(default=True, compare=False)


_digests: dict[Identity, str] = {}


def is_file(path: str) -> bool:
    """Whether there is a file at `path`."""
    if not is_address(path):
        return Path(path).is_file()
    store, name = open_store(path)
    return bool(name) and store.stat(name) is not None


def is_folder(path: str) -> bool:
    """Whether something lies below `path`."""
    if not is_address(path):
        return Path(path).is_dir()
    store, name = open_store(path)
    return store.holds(f"{name.rstrip('/')}/" if name else "")


def glob(pattern: str) -> list[str]:
    """Files that match a glob, sorted; `**` crosses folders; hidden files and `_…` are left out.

    A link that leads nowhere is there, too: whoever reads it can tell.

    Raises:
        UsageError: a folder may not be read, or a link leads back to a folder that it lies in.
    """
    found = set(_glob_store(pattern)) if is_address(pattern) else local_glob(pattern)
    return sorted(path for path in found if PurePosixPath(path).name[0] not in "._")


def open_read(path: str) -> BinaryIO:
    """Open a file for reading bytes, seekable; an object is read in the version that it has now.

    Raises:
        UsageError: it is missing or may not be read.
    """
    if is_address(path):
        return open_object(*_found(path))
    try:
        return Path(path).open("rb")
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error


def identity(path: str) -> Identity:
    """What tells whether a file is still the one that it was.

    Raises:
        UsageError: it is missing or may not be read.
    """
    if is_address(path):
        _, found = _found(path)
        return Identity(path, found.version, found.size)
    try:
        stat = Path(path).stat()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    version = f"{stat.st_mtime_ns}:{stat.st_ctime_ns}"
    settled = time.time_ns() - max(stat.st_mtime_ns, stat.st_ctime_ns) > _TICK_NS
    return Identity(f"{stat.st_dev}:{stat.st_ino}", version, stat.st_size, settled)


def digest(path: str) -> str:
    """SHA-256 of a file's bytes; a file that is as it was is not read a second time.

    Raises:
        UsageError: it is missing or may not be read.
    """
    before = identity(path)
    if before not in _digests:
        found = _digest(path)
        if before.settled and identity(path) == before:
            _digests[before] = found
        return found
    return _digests[before]


def _digest(path: str) -> str:
    if not is_address(path):
        try:
            return file_digest(path)
        except OSError as error:
            raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    found = hashlib.sha256()
    with open_read(path) as file:
        while chunk := file.read(_CHUNK):
            found.update(chunk)
    return f"sha256:{found.hexdigest()}"


@contextmanager
def local_file(path: str) -> Iterator[str]:
    """The path of a file for what reads nothing but disks: the file itself, or a copy of an object while it is needed.

    Raises:
        UsageError: it is missing or may not be read.
    """
    if not is_address(path):
        yield path
        return
    store, found = _found(path)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, PurePosixPath(path).name)
        store.download(found.name, copy)
        yield str(copy)


def _found(path: str) -> tuple[ObjectStore, StoredObject]:
    store, name = open_store(path)
    found = store.stat(name)
    if found is None:
        raise UsageError(f"{path} cannot be read: there is no such object")
    return store, found


def _glob_store(pattern: str) -> list[str]:
    store, name = open_store(pattern)
    fixed = name[: min((name.index(sign) for sign in "*?[" if sign in name), default=len(name))]
    crossing = "**" in name
    return [
        f"{store.address}/{stored.name}"
        for stored in store.objects(fixed)
        # fnmatch's star crosses slashes; a single one in a glob does not.
        if fnmatch.fnmatchcase(stored.name, name) and (crossing or stored.name.count("/") == name.count("/"))
    ]
