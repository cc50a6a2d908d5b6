"""A destination in Google Cloud Storage: objects below `gs://bucket/prefix`, read as files are. Imports no tfx."""

from pathlib import Path, PurePosixPath
from typing import Any

from weighbridge.common.errors import UsageError
from weighbridge.storage import gcs


class BucketDestination:
    """A prefix of a bucket. The bucket must be there: where it lies and what it costs is not ours to choose.

    Every method raises a UsageError for a missing bucket or permission, an InfrastructureError where the service or
    the way to it fails.

    Args:
        address: `gs://bucket/prefix`; the prefix may be empty.

    Raises:
        UsageError: it names no bucket.
    """

    def __init__(self, address: str) -> None:
        self._bucket, prefix = gcs.split(address)
        self._prefix = prefix.strip("/")
        if not self._bucket:
            raise UsageError(
                f"Push destination {address!r} names no bucket", f"Give {gcs.SCHEME}bucket/prefix, without spaces."
            )

    @property
    def address(self) -> str:
        """`gs://bucket/prefix`, without a slash at its end."""
        return f"{gcs.SCHEME}{self._bucket}/{self._prefix}".rstrip("/")

    def path(self, name: str) -> str:
        """Address of the object or folder `name`."""
        return f"{self.address}/{name}"

    def read(self, name: str) -> bytes | None:
        """The bytes of an object; None if it is not there."""
        blob = self.blob(name)
        from google.api_core.exceptions import NotFound

        with gcs.explained(self.path(name)):
            try:
                return bytes(blob.download_as_bytes())
            except NotFound:  # also a bucket's answer that is not there itself: that never counts as "nothing yet"
                list(gcs.client().list_blobs(self._bucket, prefix=self._name(name), max_results=1))
                return None

    def folders(self, folder: str = "") -> list[str]:
        """Names of the folders right below `folder`: what objects' names have before their next slash."""
        with gcs.explained(self.path(folder)):
            parent = self._below(folder)
            listed = gcs.client().list_blobs(self._bucket, prefix=parent, delimiter="/")
            for _ in listed:  # the folders are known when the last page was read
                pass
            return sorted(name.removeprefix(parent).rstrip("/") for name in listed.prefixes)

    def copy(self, folder: str, target: Path) -> bool:
        """Download the objects below `folder`, each with its checksum verified; False if there are none.

        Raises:
            UsageError: an object's name leads out of `target`.
        """
        found = self.objects(folder)
        for name, blob in found.items():
            if ".." in PurePosixPath(name).parts or name.startswith("/"):
                raise UsageError(f"{self.path(folder)}/{name} is not a name of a file", "Remove this object.")
            path = target / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with gcs.explained(f"{self.path(folder)}/{name}"):
                blob.download_to_filename(str(path))
        return bool(found)

    def objects(self, folder: str) -> dict[str, Any]:
        """The objects below `folder`, by their names relative to it; without what consoles make to show a folder."""
        with gcs.explained(self.path(folder)):
            parent = self._below(folder)
            blobs = gcs.client().list_blobs(self._bucket, prefix=parent)
            return {blob.name.removeprefix(parent): blob for blob in blobs if not blob.name.endswith("/")}

    def checksums(self, folder: str) -> dict[str, str]:
        """MD5 of each object below `folder`, base64, taken by the store; one request for each 1000 objects."""
        return {name: blob.md5_hash or "" for name, blob in self.objects(folder).items()}

    def generation(self, name: str) -> int:
        """Number of an object's present content, which no other content of it ever has; 0 if it is not there."""
        blob = self.blob(name)
        from google.api_core.exceptions import NotFound

        with gcs.explained(self.path(name)):
            try:
                blob.reload()
            except NotFound:
                return 0
            return int(blob.generation)

    def blob(self, name: str) -> Any:
        """The client's handle of an object, whether it is there or not."""
        return gcs.client().bucket(self._bucket).blob(self._name(name))

    def _name(self, name: str) -> str:
        return f"{self._prefix}/{name}".lstrip("/")

    def _below(self, folder: str) -> str:
        return f"{self._name(folder)}/".lstrip("/") if folder else f"{self._prefix}/".lstrip("/")
