"""Buckets to push to without Google: an emulator behind real HTTP, and a double that keeps generations.

The emulator ignores `if_generation_match`, so overwrite guards and lost races are tested on the double.
"""

import base64
import hashlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from google.api_core.exceptions import NotFound, PreconditionFailed

from weighbridge.common import files
from weighbridge.storage import gcs

BUCKET = "models"
DESTINATION = f"gs://{BUCKET}/taxi"


@contextmanager
def emulator() -> Iterator[None]:
    """gcp-storage-emulator in a process of its own on a free port, with one empty bucket; the client talks to it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "gcp_storage_emulator", "start", "--host=127.0.0.1", f"--port={port}"]
    command += ["--in-memory", "--quiet", f"--default-bucket={BUCKET}"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(os.environ))
    try:
        for _ in range(300):
            with socket.socket() as trial:
                if trial.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{port}")
            gcs.client.cache_clear()
            yield
    finally:
        gcs.client.cache_clear()
        process.terminate()
        process.wait()


def mirror(folder: Path, destination: str = DESTINATION) -> Path:
    """The objects below a destination as files, to be looked at as a folder is."""
    bucket, prefix = gcs.split(destination)
    folder.mkdir(parents=True)
    for blob in gcs.client().list_blobs(bucket, prefix=f"{prefix}/"):
        files.write_bytes(folder / blob.name.removeprefix(f"{prefix}/"), blob.download_as_bytes())
    return folder


class Killed(BaseException):
    """The process is gone: no request follows, whatever `finally` blocks try."""


@dataclass(frozen=True)
class Content:
    """What an object is now."""

    data: bytes
    generation: int
    time_created: datetime


class DoubleClient:
    """A double of google-cloud-storage's client with one bucket, which enforces generations as the service does.

    Attributes:
        contents: the objects, by name.
        requests: what was asked so far: `kind name`.
        before: called with each request before it is served; may raise.
        after: called with each write after it was served; may raise, as a lost answer does.
        repeat: whether every write is sent twice, as the client does when the first answer was lost.
    """

    def __init__(self) -> None:
        self.contents: dict[str, Content] = {}
        self.requests: list[str] = []
        self.before: Callable[[str], None] = lambda request: None
        self.after: Callable[[str], None] = lambda request: None
        self.repeat = False
        self.now = lambda: datetime.now(UTC)
        self._generations = 0

    def bucket(self, name: str) -> "DoubleBucket":
        return DoubleBucket(self, name)

    def list_blobs(self, bucket: str, prefix: str = "", delimiter: str | None = None, max_results: int | None = None):
        self.ask("list", bucket, prefix)
        return Listed(self, bucket, prefix, delimiter)

    def ask(self, kind: str, bucket: str, name: str) -> None:
        request = f"{kind} {name}"
        self.requests.append(request)
        self.before(request)
        if bucket != BUCKET:
            raise NotFound("The specified bucket does not exist.")

    def put(self, kind: str, bucket: str, name: str, read: Callable[[], bytes], expected: int | None) -> Content:
        for _ in range(2 if self.repeat else 1):
            self.ask(kind, bucket, name)
            data = read()
            present = self.contents[name].generation if name in self.contents else 0
            if expected is not None and expected != present:
                raise PreconditionFailed("At least one of the pre-conditions you specified did not hold.")
            self._generations += 1
            self.contents[name] = Content(data, self._generations, self.now())
            self.after(f"{kind} {name}")
        return self.contents[name]


class DoubleBucket:
    """Handle of a bucket."""

    def __init__(self, client: DoubleClient, name: str) -> None:
        self.client, self.name = client, name

    def blob(self, name: str) -> "DoubleBlob":
        return DoubleBlob(self.client, self.name, name)


class Listed:
    """Answer of a listing."""

    def __init__(self, client: DoubleClient, bucket: str, prefix: str, delimiter: str | None) -> None:
        found = sorted(name for name in client.contents if name.startswith(prefix))
        deeper = [name for name in found if delimiter and delimiter in name[len(prefix) :]]
        self.prefixes = {prefix + name[len(prefix) :].partition("/")[0] + "/" for name in deeper}
        self._blobs = [DoubleBlob(client, bucket, name).load() for name in found if name not in deeper]

    def __iter__(self) -> Iterator["DoubleBlob"]:
        return iter(self._blobs)


class DoubleBlob:
    """Handle of an object."""

    def __init__(self, client: DoubleClient, bucket: str, name: str) -> None:
        self.client, self.bucket, self.name = client, bucket, name
        self.generation: int | None = None
        self.md5_hash: str | None = None
        self.time_created: datetime | None = None

    def load(self) -> "DoubleBlob":
        if self.name not in self.client.contents:
            raise NotFound(f"No such object: {self.name}")
        content = self.client.contents[self.name]
        self.generation, self.time_created = content.generation, content.time_created
        self.md5_hash = base64.b64encode(hashlib.md5(content.data).digest()).decode()
        return self

    def reload(self) -> None:
        self.client.ask("get", self.bucket, self.name)
        self.load()

    def download_as_bytes(self) -> bytes:
        self.client.ask("read", self.bucket, self.name)
        self.load()
        return self.client.contents[self.name].data

    def download_to_filename(self, path: str) -> None:
        Path(path).write_bytes(self.download_as_bytes())

    def upload_from_string(self, data: bytes, content_type: str = "", if_generation_match: int | None = None) -> None:
        self.client.put("write", self.bucket, self.name, lambda: data, if_generation_match)

    def upload_from_filename(self, path: str, if_generation_match: int | None = None, checksum: str = "") -> None:
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
