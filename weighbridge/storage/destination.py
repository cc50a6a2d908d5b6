"""Where models go: a folder, a prefix of a bucket, a model in MLflow's registry, or a folder in a Git repository.

Addresses are such as `gs://bucket/prefix`, `models:/name` and `git+https://host/org/config.git//folder`. Here they are
opened. Only what looking up needs is here; how to push differs and is the Pusher's. Imports no tfx.
"""

import re
from pathlib import Path
from typing import Protocol

from weighbridge.common.errors import UsageError
from weighbridge.common.files import copy_tree
from weighbridge.storage.bucket import BucketDestination
from weighbridge.storage.git.address import is_git
from weighbridge.storage.git.destination import GitDestination
from weighbridge.storage.registry.address import is_registry
from weighbridge.storage.registry.destination import RegistryDestination
from weighbridge.storage.schemes import STORES, addresses, is_address

# Two letters at least, since C:/models is a folder; one slash, since pathlib shortens gs:// to gs:/.
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")


class Destination(Protocol):
    """Where versions, their evidence and the record of production are read; names are relative to it."""

    @property
    def address(self) -> str:
        """The destination itself, as text."""

    def path(self, name: str) -> str:
        """Where `name` is, for a person to find it."""

    def read(self, name: str) -> bytes | None:
        """The bytes of a record; None if it is not there. A UsageError if it may not be read."""

    def folders(self, folder: str = "") -> list[str]:
        """Names of the folders right below `folder`; empty if there is none."""

    def copy(self, folder: str, target: Path) -> bool:
        """Copy the files below `folder` into `target`; False if there is no such folder."""


class FolderDestination:
    """A folder on a filesystem.

    Args:
        destination: its path.

    Raises:
        UsageError: it is not a path on a filesystem.
    """

    def __init__(self, destination: str | Path) -> None:
        self.root = local_destination(destination)

    @property
    def address(self) -> str:
        """The folder's path."""
        return str(self.root)

    def path(self, name: str) -> str:
        """Path of `name`."""
        return str(self.root / name)

    def read(self, name: str) -> bytes | None:
        """The bytes of a record; None if it is not there.

        Raises:
            UsageError: it may not be read, or is not a file.
        """
        path = self.root / name
        try:
            if path.is_fifo():  # nobody who writes into it is waited for
                raise UsageError(f"The production record {path} cannot be read: it is a pipe")
            return path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise UsageError(f"The production record {self.path(name)} cannot be read: {error.strerror}") from error

    def folders(self, folder: str = "") -> list[str]:
        """Names of the folders right below `folder`."""
        parent = self.root / folder
        return sorted(path.name for path in parent.iterdir() if path.is_dir()) if parent.is_dir() else []

    def copy(self, folder: str, target: Path) -> bool:
        """Copy the bytes of the files below `folder`; a hard link would let its user change production."""
        source = self.root / folder
        if not source.is_dir():
            return False
        copy_tree(source, target)
        return True


def is_remote(destination: str) -> bool:
    """Whether a destination is the same from every machine: no folder, but in a store, a registry or a repository."""
    return is_address(destination) or is_registry(destination) or is_git(destination)


def open_destination(destination: str | Path) -> Destination:
    """What `destination` names. Nothing is read or asked yet.

    Raises:
        UsageError: it is neither a folder's path nor the address of a store, such as `gs://bucket/prefix`, nor that of
            a registered model, `models:/name`, or of a folder in a Git repository.
    """
    if is_git(str(destination)):
        return GitDestination(str(destination))
    if is_registry(str(destination)):
        return RegistryDestination(str(destination))
    if is_address(str(destination)):
        return BucketDestination(str(destination))
    return FolderDestination(destination)


def local_destination(destination: str | Path) -> Path:
    """The folder that `destination` names.

    Raises:
        UsageError: it is empty, or not a path on a filesystem.
    """
    text = str(destination)
    if not text or "://" in text or _SCHEME.match(text):
        known = next((scheme for scheme in STORES if text.startswith(scheme.removesuffix("/"))), "")
        raise UsageError(
            f"Push destination {text!r} is neither a local folder nor {addresses('bucket/prefix', ' nor ')}, "
            "nor models:/name in MLflow's registry, nor git+https://host/org/config.git//folder",
            f"Give it as text: a Path shortens {known} to {known.removesuffix('/')}."
            if known and isinstance(destination, Path)
            else f"Give the path of a folder, such as /models/churn, or {addresses('bucket/models/churn')}; "
            "other object stores must be mounted as a folder.",
        )
    return Path(destination)
