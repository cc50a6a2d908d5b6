"""A double of google-cloud-storage's client: see `doubles`."""

import base64
import hashlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from google.api_core.exceptions import NotFound, PreconditionFailed, ServiceUnavailable

from tests.components.pusher.doubles import Double


class GcsDouble(Double):
    """The client; generations are those of the service."""

    scheme = "gs://"

    def no_bucket(self) -> Exception:
        return NotFound("The specified bucket does not exist.")

    def lost(self) -> Exception:
        return PreconditionFailed("At least one of the pre-conditions you specified did not hold.")

    def unavailable(self, reason: str) -> Exception:
        return ServiceUnavailable(reason)

    def bucket(self, name: str) -> "DoubleBucket":
        return DoubleBucket(self, name)

    def list_blobs(self, bucket: str, prefix: str = "", delimiter: str | None = None, max_results: int | None = None):
        self.ask("list", bucket, prefix)
        return Listed(self, bucket, prefix, delimiter)


class DoubleBucket:
    """Handle of a bucket."""

    def __init__(self, client: GcsDouble, name: str) -> None:
        self.client, self.name = client, name

    def blob(self, name: str) -> "DoubleBlob":
        return DoubleBlob(self.client, self.name, name)


class Listed:
    """Answer of a listing."""

    def __init__(self, client: GcsDouble, bucket: str, prefix: str, delimiter: str | None) -> None:
        names, self.prefixes = client.listed(prefix, delimiter)
        self._blobs = [DoubleBlob(client, bucket, name).load() for name in names]

    def __iter__(self) -> Iterator["DoubleBlob"]:
        return iter(self._blobs)


class DoubleBlob:
    """Handle of an object."""

    def __init__(self, client: GcsDouble, bucket: str, name: str) -> None:
        self.client, self.bucket, self.name = client, bucket, name
        self.generation: int | None = None
        self.md5_hash: str | None = None
        self.time_created: datetime | None = None
        self.size: int | None = None

    def load(self) -> "DoubleBlob":
        if self.name not in self.client.contents:
            raise NotFound(f"No such object: {self.name}")
        content = self.client.contents[self.name]
        self.generation, self.time_created = content.generation, content.time_created
        self.size = len(content.data)
        self.md5_hash = base64.b64encode(hashlib.md5(content.data).digest()).decode()
        return self

    def reload(self) -> None:
        self.client.ask("get", self.bucket, self.name)
        self.load()

    def download_as_bytes(
        self, start: int = 0, end: int | None = None, if_generation_match: int | None = None, checksum: str | None = ""
    ) -> bytes:
        self.client.ask("read", self.bucket, self.name)
        self.load()
        if if_generation_match not in (None, self.generation):
            raise self.client.lost()
        return self.client.contents[self.name].data[start : None if end is None else end + 1]

    def download_to_filename(self, path: str) -> None:
        Path(path).write_bytes(self.download_as_bytes())

    def upload_from_string(self, data: bytes, content_type: str = "", if_generation_match: int | None = None) -> None:
        self.client.put("write", self.bucket, self.name, lambda: data, if_generation_match)

    def upload_from_filename(
        self, path: str, if_generation_match: int | None = None, checksum: str = "", content_type: str = ""
    ) -> None:
        self.client.put("upload", self.bucket, self.name, Path(path).read_bytes, if_generation_match)

    def rewrite(self, source: "DoubleBlob", token: Any = None, if_generation_match: int | None = None) -> Any:
        def read() -> bytes:
            source.load()
            return self.client.contents[source.name].data

        size = len(self.client.put("copy", self.bucket, self.name, read, if_generation_match).data)
        self.load()
        return None, size, size

    def delete(self) -> None:
        self.client.ask("delete", self.bucket, self.name)
        self.load()
        del self.client.contents[self.name]
