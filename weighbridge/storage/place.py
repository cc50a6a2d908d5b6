"""A place that several machines write to: a folder, or a prefix of a bucket, with the same few promises in both.

What is written to a name that is not taken is there whole or not at all, and never overwrites; a record is replaced
only by who knows what it was. So no machine needs a lock to keep another one out, and a killed one leaves nothing half
done.
Imports no tfx.
"""

import errno
import fcntl
import mimetypes
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Protocol

from weighbridge.common import files
from weighbridge.common.digests import bytes_digest
from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.storage.bucket import BucketDestination
from weighbridge.storage.destination import Destination, FolderDestination
from weighbridge.storage.git.address import is_git
from weighbridge.storage.git.destination import GitDestination
from weighbridge.storage.registry.address import is_registry
from weighbridge.storage.schemes import addresses, is_address
from weighbridge.storage.store import ABSENT

# Trying again gives the same; every other error of the system may pass.
LASTING = {
    errno.EACCES,
    errno.EEXIST,
    errno.EISDIR,
    errno.ELOOP,
    errno.ENAMETOOLONG,
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EPERM,
    errno.EROFS,
}
_NO_LINKS = {errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.EMLINK, errno.EXDEV}
_LOCK_FILE = ".lock"


@dataclass(frozen=True)
class Found:
    """What is known of a file without its bytes: how many these are, and when they were written."""

    size: int
    created: datetime


class Place(Destination, Protocol):
    """A folder or a prefix of a bucket that several machines read and write; names are relative to it.

    Every method raises a UsageError for a missing bucket or permission and an InfrastructureError for what may pass.
    """

    def listed(self, folder: str) -> dict[str, Found]:
        """The files below `folder`, by their names relative to it."""

    def size(self, name: str) -> int | None:
        """Bytes of a file; None if it is not there."""

    def version(self, name: str) -> str:
        """A word for a file's present content, which no other content of it has; `ABSENT` if it is not there."""

    def write(self, name: str, data: bytes, expected: str = ABSENT) -> bool:
        """Write a JSON file in one step; False if its version is not `expected` and its bytes are not `data`."""

    def upload(self, path: Path, name: str) -> None:
        """Copy a file to a name that is not taken; whether its bytes are there then is for the caller to compare."""

    def remove(self, folder: str) -> None:
        """Remove the files below `folder`, or the file of that name; what cannot be removed stays."""

    def within(self, folder: str) -> "Place":
        """The place `folder` in it."""


class BucketPlace(BucketDestination):
    """A prefix of a bucket."""

    def listed(self, folder: str) -> dict[str, Found]:
        """The objects below `folder`; one request for each 1000."""
        return {name: Found(stored.size, stored.created) for name, stored in self.objects(folder).items()}

    def size(self, name: str) -> int | None:
        """Bytes of an object."""
        stored = self._store.stat(self._name(name))
        return None if stored is None else stored.size

    def upload(self, path: Path, name: str) -> None:
        """Upload a file; a browser that opens the object shows it for what its name says."""
        content_type = mimetypes.guess_type(name)[0] or ""
        self._store.upload(path, self._name(name), f"{content_type}; charset=utf-8" if "text/" in content_type else "")

    def remove(self, folder: str) -> None:
        """Remove an object of that name, and all below it."""
        super().remove(folder)
        if folder:
            self._store.delete(self._name(folder))

    def within(self, folder: str) -> "BucketPlace":
        """The prefix `folder` in it."""
        return BucketPlace(self.path(folder))


class FolderPlace(FolderDestination):
    """A folder, on this machine or one that several mount.

    A new name is given by a hard link to a file that was written and synced before, so it appears whole, and only where
    nobody else's is. A record is replaced by a rename under the lock of its folder, which the system lets go of when
    the process that holds it ends; filesystems without hard links get new names so, too.

    Args:
        folder: its path; made by the first write.
    """

    def read(self, name: str) -> bytes | None:
        """The bytes of a file; None if it is not there."""
        with self._explained(name):
            try:
                return (self.root / name).read_bytes()
            except (FileNotFoundError, NotADirectoryError):
                return None

    def folders(self, folder: str = "") -> list[str]:
        """Names of the folders right below `folder`."""
        with self._explained(folder):
            return super().folders(folder)

    def copy(self, folder: str, target: Path) -> bool:
        """Copy the bytes of the files below `folder`."""
        with self._explained(folder):
            return super().copy(folder, target)

    def listed(self, folder: str) -> dict[str, Found]:
        """The files below `folder`, without what writing leaves beside them."""
        parent, found = self.root / folder, {}
        with self._explained(folder):
            for path in sorted(parent.rglob("*")):
                if path.is_file() and path.name != _LOCK_FILE and not path.name.startswith(files.STAGED_PREFIX):
                    told = path.stat()
                    created = datetime.fromtimestamp(told.st_mtime, UTC)
                    found[path.relative_to(parent).as_posix()] = Found(told.st_size, created)
        return found

    def size(self, name: str) -> int | None:
        """Bytes of a file."""
        with self._explained(name):
            try:
                return (self.root / name).stat().st_size
            except (FileNotFoundError, NotADirectoryError):
                return None

    def version(self, name: str) -> str:
        """The digest of a file's bytes."""
        data = self.read(name)
        return ABSENT if data is None else bytes_digest(data)

    def write(self, name: str, data: bytes, expected: str = ABSENT) -> bool:
        """Write a file in one step; False if its version is not `expected` and its bytes are not `data`."""
        with self._explained(name), self._staged(name) as staged:
            staged.write_bytes(data)
            if expected == ABSENT:
                written = self._create(staged, name)
            else:
                with _locked(staged.parent):
                    written = self.version(name) == expected
                    if written:
                        _sync(staged)
                        staged.replace(self.root / name)
        return written or self.read(name) == data

    def upload(self, path: Path, name: str) -> None:
        """Copy a file to a name that is not taken."""
        with self._explained(name), self._staged(name) as staged:
            shutil.copyfile(path, staged)
            self._create(staged, name)

    def remove(self, folder: str) -> None:
        """Remove a file, or a folder and all in it."""
        path = self.root / folder
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with suppress(OSError):
                path.unlink()

    def within(self, folder: str) -> "FolderPlace":
        """The folder `folder` in it."""
        return FolderPlace(self.root / folder)

    def _create(self, staged: Path, name: str) -> bool:
        """Give a staged file its name if that is not taken; False if it is."""
        _sync(staged)
        target = self.root / name
        try:
            os.link(staged, target)
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            with _locked(target.parent):
                if target.exists():
                    return False
                staged.rename(target)
        files.sync_folder(target.parent)
        return True

    @contextmanager
    def _staged(self, name: str) -> Iterator[Path]:
        """A new name beside `name`, whose folder is made; nothing of it stays."""
        target = self.root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        staged = target.with_name(f"{files.STAGED_PREFIX}{uuid.uuid4().hex[:12]}")
        try:
            yield staged
        finally:
            with suppress(OSError):
                staged.unlink(missing_ok=True)

    @contextmanager
    def _explained(self, name: str) -> Iterator[None]:
        """Turn the system's errors into ones that a person can act on."""
        try:
            yield
        except OSError as error:
            message = f"{error.filename or self.path(name)} cannot be read or written: {error.strerror or error}"
            if error.errno in LASTING:
                raise UsageError(
                    message, f"Reading needs the right to read {self.address}, and delivering the right to write there."
                ) from error
            raise InfrastructureError(message, "Mend the cause, then run again.") from error


def open_place(address: str | Path) -> Place:
    """The place of an address: `gs://bucket/prefix`, `models:/name` or a folder's path. Nothing is read or asked yet.

    Of a folder in a Git repository it is where the models lie, which the repository is asked for.

    Raises:
        UsageError: it is none of these.
        InfrastructureError: the repository cannot be reached.
    """
    if is_git(str(address)):
        return open_place(GitDestination(str(address)).settings.models)
    if is_registry(str(address)):
        from weighbridge.storage.registry.place import RegistryPlace  # it needs what is above

        return RegistryPlace(str(address))
    return BucketPlace(str(address)) if is_address(str(address)) else FolderPlace(address)


def open_store(address: str) -> Place:
    """The store that `--store` names, in which all builds of all pipelines share what they keep.

    Raises:
        UsageError: it is neither the address of a bucket nor a folder that is there. A folder is not made: one that is
            missing may be a disk that is not mounted, and must not be taken for a store with nothing in it.
    """
    if is_address(address):
        return BucketPlace(address)
    if is_git(address):
        raise UsageError(
            f"--store {address} is a Git repository, which says what is in production and holds no models or runs",
            f"Name a folder or {addresses('bucket/prefix')} as store, and the repository as a stage's destination.",
        )
    try:
        folder = FolderPlace(Path(os.path.abspath(FolderDestination(address).root)))  # noqa: PTH100, links stay
    except UsageError as error:
        raise UsageError(
            f"--store {address!r} is neither a folder nor {addresses('bucket/prefix', ' nor ')}", error.hint
        ) from error
    if not folder.root.is_dir():
        raise UsageError(
            f"--store: there is no folder {folder.root}",
            f"Mount it, or make it for a new store: mkdir -p {folder.root}",
        )
    return folder


def is_plain(name: str) -> bool:
    """Whether a name that came from a store leads to a file right in its folder, and nowhere else."""
    return bool(name) and name not in (".", "..") and PurePosixPath(name).name == name and "\\" not in name


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder; the system lets go of it when the process ends, however it ends."""
    descriptor = os.open(folder / _LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
