"""Files on disk or in Google Cloud Storage by one set of functions. Imports no tfx.

`STORAGE_EMULATOR_HOST` is honoured, as google-cloud-storage does; addresses are `gs://bucket/name`.
"""

import fnmatch
import glob as globbing
import hashlib
from pathlib import Path
from typing import Any, BinaryIO

from weighbridge.common.digests import file_digest
from weighbridge.common.errors import UsageError
from weighbridge.storage import gcs

_CHUNK = 1 << 22


def is_file(path: str) -> bool:
    """Whether there is a file at `path`."""
    return bool(_blob(path).exists()) if path.startswith(gcs.SCHEME) else Path(path).is_file()


def is_folder(path: str) -> bool:
    """Whether something lies below `path`."""
    if not path.startswith(gcs.SCHEME):
        return Path(path).is_dir()
    bucket, name = gcs.split(path)
    prefix = f"{name.rstrip('/')}/" if name else ""
    return any(True for _ in gcs.client().list_blobs(bucket, prefix=prefix, max_results=1))


def glob(pattern: str) -> list[str]:
    """Files that match a glob, sorted; `**` crosses folders; hidden files and `_…` are left out."""
    if pattern.startswith(gcs.SCHEME):
        found = _glob_gcs(pattern)
    else:
        found = [path for path in globbing.glob(pattern, recursive=True) if Path(path).is_file()]  # noqa: PTH207
    return sorted(path for path in found if Path(path).name[0] not in "._")


def open_read(path: str) -> BinaryIO:
    """Open a file for reading bytes.

    Raises:
        UsageError: it is missing or may not be read.
    """
    try:
        return _blob(path).open("rb") if path.startswith(gcs.SCHEME) else Path(path).open("rb")
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error


def size(path: str) -> int:
    """Bytes of a file."""
    if not path.startswith(gcs.SCHEME):
        return Path(path).stat().st_size
    blob = _blob(path)
    blob.reload()
    return int(blob.size)


def digest(path: str) -> str:
    """SHA-256 of a file's bytes."""
    if not path.startswith(gcs.SCHEME):
        return file_digest(path)
    found = hashlib.sha256()
    with open_read(path) as file:
        while chunk := file.read(_CHUNK):
            found.update(chunk)
    return f"sha256:{found.hexdigest()}"


def _glob_gcs(pattern: str) -> list[str]:
    bucket, name = gcs.split(pattern)
    fixed = name[: min((name.index(sign) for sign in "*?[" if sign in name), default=len(name))]
    crossing = "**" in name
    names = (blob.name for blob in gcs.client().list_blobs(bucket, prefix=fixed))
    return [
        f"{gcs.SCHEME}{bucket}/{found}"
        for found in names
        # fnmatch's star crosses slashes; a single one in a glob does not.
        if fnmatch.fnmatchcase(found, name) and (crossing or found.count("/") == name.count("/"))
    ]


def _blob(path: str) -> Any:
    bucket, name = gcs.split(path)
    return gcs.client().bucket(bucket).blob(name, chunk_size=_CHUNK)
