"""The files of a model, each read once: one list that gives both our own digest and OpenSSF's."""

import hashlib
import os
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from weighbridge.common import progress
from weighbridge.common.digests import tree_digest_of
from weighbridge.common.errors import UsageError


@dataclass(frozen=True)
class Manifest:
    """The files below a folder.

    Attributes:
        name: of the folder; it says nothing of the model.
        files: SHA-256 of each file in 64 hex digits, by its path below the folder, with slashes.
        size: of all files, bytes.
    """

    name: str
    files: dict[str, str]
    size: int

    @property
    def tree_digest(self) -> str:
        """As `weighbridge.common.digests.tree_digest` of the folder: what a verdict names the model by."""
        return tree_digest_of({name: f"sha256:{digest}" for name, digest in self.files.items()})

    @property
    def root_digest(self) -> str:
        """64 hex digits by which OpenSSF model-signing names the model: SHA-256 of all files' digests in their order.

        https://github.com/sigstore/model-transparency, `Payload` of predicate `https://model_signing/signature/v1.0`.
        """
        joined = b"".join(bytes.fromhex(self.files[name]) for name in sorted(self.files, key=PurePosixPath))
        return hashlib.sha256(joined).hexdigest()


def read_manifest(folder: str | Path) -> Manifest:
    """Read every file below a folder once.

    Args:
        folder: of the model.

    Raises:
        UsageError: there is no such folder or no file in it, or something in it is no plain file or folder: a link may
            lead to other bytes for whoever reads next. Or a name is not UTF-8.
        OSError: a file or folder cannot be read: what cannot be looked at is never left out.
    """
    folder = Path(folder)
    if folder.is_symlink():
        folder = folder.resolve()
    found = sorted(_plain_files(folder)) if folder.is_dir() else []
    if not found:
        raise UsageError(f"There is no model in {folder}: no file is there", "Give the folder of a model's version.")
    size = sum(each[2] for each in found)
    with progress.waiting(f"reading {size >> 20:,} MiB of the model"), ThreadPoolExecutor() as pool:
        digests = pool.map(_sha256, (path for _, path, _ in found))
        return Manifest(folder.name, {name: digest for (name, _, _), digest in zip(found, digests, strict=True)}, size)


def _plain_files(folder: Path) -> Iterator[tuple[str, str, int]]:
    """Name below the folder, path, and size of each file in it, however deep."""
    left = [("", str(folder))]
    while left:
        above, path = left.pop()
        with os.scandir(path) as entries:
            for entry in entries:
                name = f"{above}{entry.name}"
                shown = name.encode(errors="backslashreplace").decode()
                if shown != name:
                    raise _odd(f"{shown} is a name that is not UTF-8")
                if entry.is_symlink():
                    raise _odd(f"{name} is a link")
                if entry.is_dir(follow_symlinks=False):
                    left.append((f"{name}/", entry.path))
                elif entry.is_file(follow_symlinks=False):
                    yield name, entry.path, entry.stat(follow_symlinks=False).st_size
                else:
                    raise _odd(f"{name} is neither a file nor a folder")


def _odd(what: str) -> UsageError:
    return UsageError(f"{what}, in the model's folder", "A model is made of plain files: export it again.")


def _sha256(path: str) -> str:
    # A link that took the file's place meanwhile is not followed, and nobody who writes into a pipe is waited for.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise _odd(f"{Path(path).name} is no file any more")
        return hashlib.file_digest(file, "sha256").hexdigest()
