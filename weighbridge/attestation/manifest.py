"""The files of a model, each read once: one list that gives both our own digest and OpenSSF's."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from weighbridge.common import files, progress
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
            lead to other bytes for whoever reads next.
        OSError: a file cannot be read.
    """
    folder = Path(folder)
    if folder.is_symlink():
        folder = folder.resolve()
    if odd := files.odd_one(folder):
        raise UsageError(f"{odd} in the model's folder {folder}", "A model is made of plain files: export it again.")
    paths = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    if not paths:
        raise UsageError(f"There is no model in {folder}: no file is there", "Give the folder of a model's version.")
    size = sum(path.stat().st_size for path in paths.values())
    with progress.waiting(f"reading {size >> 20:,} MiB of the model"), ThreadPoolExecutor() as pool:
        digests = pool.map(_sha256, paths.values())
        return Manifest(folder.name, dict(sorted(zip(paths, digests, strict=True))), size)


def _sha256(path: Path) -> str:
    with path.open("rb", buffering=0) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
