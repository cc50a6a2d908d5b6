"""Writing objects of a bucket, each at most once. Imports no tfx.

Every write says which generation it expects (0: nothing there), so none ever overwrites what it does not know. The
client repeats a request whose answer was lost; a refused write may therefore be our own, and is compared.
"""

import base64
import hashlib
from contextlib import suppress
from pathlib import Path

from weighbridge.common.errors import WeighbridgeError
from weighbridge.storage import gcs
from weighbridge.storage.bucket import BucketDestination

_UPLOAD_CHUNK = 32 << 20  # bytes held in memory of a file that is uploaded


def write(place: BucketDestination, name: str, data: bytes, generation: int = 0) -> bool:
    """Write a JSON object in one step; False if its generation is not `generation` and its bytes are not `data`."""
    blob = place.blob(name)
    from google.api_core.exceptions import PreconditionFailed

    blob.cache_control = "no-store"  # else readers of a public bucket are served the old record for an hour
    with gcs.explained(place.path(name)):
        try:
            blob.upload_from_string(data, content_type="application/json", if_generation_match=generation)
        except PreconditionFailed:
            return place.read(name) == data
    return True


def upload(place: BucketDestination, path: Path, name: str) -> None:
    """Upload a file to a name that is not taken; whether its bytes arrived is for the caller to compare.

    Raises:
        OSError: the file cannot be read.
    """
    blob = place.blob(name)
    from google.api_core.exceptions import PreconditionFailed

    blob.chunk_size = _UPLOAD_CHUNK
    with gcs.explained(place.path(name)), suppress(PreconditionFailed):
        blob.upload_from_filename(str(path), if_generation_match=0, checksum="md5")


def copy(place: BucketDestination, source: str, target: str) -> str | None:
    """Copy an object within the bucket if `target` is not there; MD5 of what is there then, None for nothing."""
    blob = place.blob(target)
    from google.api_core.exceptions import NotFound, PreconditionFailed

    with gcs.explained(place.path(target)):
        try:
            token = None
            while True:  # a large object may take several requests
                token, _, _ = blob.rewrite(place.blob(source), token=token, if_generation_match=0)
                if token is None:
                    return str(blob.md5_hash)
        except (PreconditionFailed, NotFound):  # another push copied it, and may have removed the source since
            folder, _, name = target.rpartition("/")
            return place.checksums(folder).get(name)


def remove(place: BucketDestination, folder: str) -> None:
    """Remove a staged folder; what cannot be removed is left for a later push."""
    with suppress(WeighbridgeError), gcs.explained(place.path(folder)):
        for blob in place.objects(folder).values():
            blob.delete()


def file_md5(path: Path) -> str:
    """MD5 of a file, base64, as the store tells it of an object."""
    with path.open("rb") as file:
        return _encoded(hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).digest())


def bytes_md5(data: bytes) -> str:
    """MD5 of bytes, base64."""
    return _encoded(hashlib.md5(data, usedforsecurity=False).digest())


def _encoded(digest: bytes) -> str:
    return base64.b64encode(digest).decode()
