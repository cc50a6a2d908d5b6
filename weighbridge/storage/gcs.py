"""Google Cloud Storage: a bucket as an `ObjectStore`, one client, and its errors as ones that a person can act on.

`STORAGE_EMULATOR_HOST` is honoured, as google-cloud-storage does; addresses are `gs://bucket/name`. An object's
version is its generation, its checksum MD5.
"""

import base64
import hashlib
from contextlib import AbstractContextManager, suppress
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from weighbridge.common.errors import InfrastructureError, UsageError, WeighbridgeError
from weighbridge.storage.explain import explaining
from weighbridge.storage.gcs_client import SIGN_IN, client
from weighbridge.storage.store import ABSENT, StoredObject

SCHEME = "gs://"

_UPLOAD_CHUNK = 32 << 20  # bytes held in memory of a file that is uploaded
_ROLES = "Looking up needs roles/storage.objectViewer on the bucket, pushing needs roles/storage.objectUser."


class GcsStore:
    """A bucket; see `ObjectStore`.

    Args:
        bucket: its name.
    """

    def __init__(self, bucket: str) -> None:
        self._bucket = bucket

    @property
    def address(self) -> str:
        """`gs://bucket`."""
        return f"{SCHEME}{self._bucket}"

    def objects(self, prefix: str) -> list[StoredObject]:
        """All objects below `prefix`; one request for each 1000."""
        with self._explained(prefix):
            return [_stored(blob) for blob in client().list_blobs(self._bucket, prefix=prefix)]

    def holds(self, prefix: str) -> bool:
        """Whether there is an object below `prefix`."""
        with self._explained(prefix):
            return any(True for _ in client().list_blobs(self._bucket, prefix=prefix, max_results=1))

    def folders(self, prefix: str) -> list[str]:
        """What stands between `prefix` and the next slash."""
        with self._explained(prefix):
            listed = client().list_blobs(self._bucket, prefix=prefix, delimiter="/")
            for _ in listed:  # the folders are known when the last page was read
                pass
            return sorted(name.removeprefix(prefix).rstrip("/") for name in listed.prefixes)

    def checksums(self, prefix: str) -> dict[str, str]:
        """MD5 of each object, base64; told with the listing."""
        with self._explained(prefix):
            blobs = client().list_blobs(self._bucket, prefix=prefix)
            return {blob.name: blob.md5_hash or "" for blob in blobs}

    def checksum(self, file: BinaryIO) -> str:
        """MD5, base64."""
        digest = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False))  # type: ignore[arg-type]
        return base64.b64encode(digest.digest()).decode()

    def stat(self, name: str) -> StoredObject | None:
        """What is at `name`."""
        blob = self._blob(name)
        from google.api_core.exceptions import NotFound

        with self._explained(name):
            try:
                blob.reload()
            except NotFound:
                return None
            return _stored(blob)

    def read(self, name: str) -> bytes | None:
        """All bytes of an object."""
        blob = self._blob(name)
        from google.api_core.exceptions import NotFound

        with self._explained(name):
            try:
                return bytes(blob.download_as_bytes())
            except NotFound:  # also a bucket's answer that is not there itself: that never counts as "nothing yet"
                list(client().list_blobs(self._bucket, prefix=name, max_results=1))
                return None

    def read_range(self, found: StoredObject, start: int, stop: int) -> bytes:
        """A part of an object's bytes, of its generation."""
        with self._explained(found.name):
            blob = self._blob(found.name)
            return bytes(
                blob.download_as_bytes(start=start, end=stop - 1, if_generation_match=int(found.version), checksum=None)
            )

    def download(self, name: str, path: Path) -> None:
        """Write an object's bytes to a file; the client verifies its checksum."""
        with self._explained(name):
            self._blob(name).download_to_filename(str(path))

    def write(self, name: str, data: bytes, expected: str) -> bool:
        """Write a JSON document if the generation is `expected`."""
        blob = self._blob(name)
        from google.api_core.exceptions import PreconditionFailed

        blob.cache_control = "no-store"  # else readers of a public bucket are served the old record for an hour
        generation = 0 if expected == ABSENT else int(expected)
        with self._explained(name):
            try:
                blob.upload_from_string(data, content_type="application/json", if_generation_match=generation)
            except PreconditionFailed:
                return False
        return True

    def upload(self, path: Path, name: str, content_type: str = "") -> None:
        """Write a file to a name that is not taken."""
        blob = self._blob(name)
        from google.api_core.exceptions import PreconditionFailed

        blob.chunk_size = _UPLOAD_CHUNK
        with self._explained(name), suppress(PreconditionFailed):
            given = {"content_type": content_type} if content_type else {}
            blob.upload_from_filename(str(path), if_generation_match=0, checksum="md5", **given)

    def copy(self, source: str, target: str) -> str | None:
        """Copy within the bucket if `target` is not taken."""
        blob = self._blob(target)
        from google.api_core.exceptions import NotFound, PreconditionFailed

        with self._explained(target):
            try:
                token = None
                while True:  # a large object may take several requests
                    token, _, _ = blob.rewrite(self._blob(source), token=token, if_generation_match=0)
                    if token is None:
                        return str(blob.md5_hash)
            except (PreconditionFailed, NotFound):
                return None

    def delete(self, name: str) -> None:
        """Remove an object."""
        blob = self._blob(name)
        from google.api_core.exceptions import NotFound

        with self._explained(name), suppress(NotFound):
            blob.delete()

    def _blob(self, name: str) -> Any:
        return client().bucket(self._bucket).blob(name)

    def _explained(self, name: str) -> Any:
        return explained(f"{self.address}/{name}".rstrip("/"))


def _stored(blob: Any) -> StoredObject:
    return StoredObject(blob.name, str(blob.generation), int(blob.size or 0), blob.time_created)


def explained(address: str) -> AbstractContextManager[None]:
    """Turn errors of the client inside the block into ones that name `address` and what to do.

    The client has tried again for two minutes by itself before it gives up on what may pass, except for the third
    request in a row that nobody answered. What is waited for is said after some seconds.

    Raises:
        UsageError: no such bucket or object, no permission, or credentials that are refused.
        InfrastructureError: the service or the way to it fails, an object changed while it was read, or bytes arrived
            torn.
    """
    return explaining(partial(_explanation, address), f"Google Cloud Storage at {address}")


def _explanation(address: str, error: Exception) -> WeighbridgeError | None:
    """What to raise instead of `error`; None if it is not the client's."""
    from google.api_core import exceptions as api
    from google.auth import exceptions as auth
    from google.resumable_media import DataCorruption
    from requests import RequestException

    bucket = address.removeprefix(SCHEME).partition("/")[0]
    reason = getattr(error, "message", "") or str(error) or type(error).__name__
    if isinstance(error, api.NotFound):
        return UsageError(
            f"Google Cloud Storage finds nothing at {address}: {reason}",
            f"Is {bucket!r} the right bucket? If so: gcloud storage buckets create {SCHEME}{bucket}",
        )
    if isinstance(error, api.Unauthorized) or (
        isinstance(error, auth.RefreshError | auth.DefaultCredentialsError) and not error.retryable
    ):
        return UsageError(f"Google Cloud Storage refuses the credentials used for {address}: {reason}", SIGN_IN)
    if isinstance(error, api.Forbidden):
        return UsageError(f"No permission for {address}: {reason}", _ROLES)
    if isinstance(error, api.PreconditionFailed):  # those of writes are answers and no errors
        return InfrastructureError(f"{address} changed while it was read", "Run again.")
    if isinstance(error, api.BadRequest):
        return UsageError(f"Google Cloud Storage refuses {address}: {reason}", "Is it a valid bucket and name?")
    failures = (api.GoogleAPIError, auth.GoogleAuthError, DataCorruption, RequestException)
    if isinstance(error, (*failures, ConnectionError, TimeoutError)):
        return InfrastructureError(f"Google Cloud Storage fails at {address}: {reason}", "It is safe to run again.")
    return None
