"""Buckets to push to on this machine: substitutes for the real services, behind real HTTP or in this process.

| store | behind HTTP | in this process, request by request |
| --- | --- | --- |
| gs:// | gcp-storage-emulator, which ignores preconditions | `GcsDouble`, which enforces them |
| s3:// | moto, which enforces those of PUT; that of COPY is added here | `S3Double`, which enforces all |
"""

import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.components.pusher.doubles import BUCKET, Double
from tests.components.pusher.gcs_double import GcsDouble
from tests.components.pusher.s3_double import S3Double, answer
from tests.patience import wait_until
from weighbridge.storage import gcs, s3
from weighbridge.storage.schemes import open_store

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
        wait_until(lambda: _answers(port) or process.poll() is not None, "the emulator")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{port}")
            gcs.client.cache_clear()
            yield
    finally:
        gcs.client.cache_clear()
        process.terminate()
        process.wait()


def _answers(port: int) -> bool:
    with socket.socket() as trial:
        return trial.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def moto_server() -> Iterator[None]:
    """moto's server in a thread on a free port, with one empty bucket; the client talks to it."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
            patch.setenv("AWS_ACCESS_KEY_ID", "testing")
            patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
            patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
            urllib.request.urlopen(f"http://{host}:{port}/moto-api/reset", data=b"")  # servers of one process share all
            s3.client.cache_clear()
            s3.client().create_bucket(Bucket=BUCKET)
            s3.client().meta.events.register("provide-client-params.s3.CopyObject", _refuse_taken)
            yield
    finally:
        s3.client.cache_clear()
        server.stop()


def _refuse_taken(params: dict[str, Any], **_: Any) -> None:
    """What S3 does and moto does not: a copy that may only create is refused where its target is there."""
    there = s3.client().list_objects_v2(Bucket=params["Bucket"], Prefix=params["Key"], MaxKeys=1).get("Contents", [])
    if params.get("IfNoneMatch") == "*" and [entry["Key"] for entry in there] == [params["Key"]]:
        raise answer("PreconditionFailed", 412)


@dataclass(frozen=True)
class Kind:
    """A kind of store, and what stands for it here.

    Attributes:
        scheme: of its addresses.
        module: the module of its client.
        double: makes the double of its client.
        server: runs what stands for it behind HTTP.
        put: writes an object past the code under test, whatever is there.
        make: makes another bucket.
    """

    scheme: str
    module: Any
    double: Callable[[], Double]
    server: Callable[[], AbstractContextManager[None]]
    put: Callable[[str, str, bytes], object]
    make: Callable[[str], object]

    def overwrite(self, address: str, data: bytes) -> None:
        bucket, _, name = address.removeprefix(self.scheme).partition("/")
        self.put(bucket, name, data)


GCS = Kind(
    gcs.SCHEME,
    gcs,
    GcsDouble,
    emulator,
    lambda bucket, name, data: gcs.client().bucket(bucket).blob(name).upload_from_string(data),
    lambda bucket: gcs.client().create_bucket(bucket),
)
S3 = Kind(
    s3.SCHEME,
    s3,
    S3Double,
    moto_server,
    lambda bucket, name, data: s3.client().put_object(Bucket=bucket, Key=name, Body=data),
    lambda bucket: s3.client().create_bucket(Bucket=bucket),
)
KINDS = (GCS, S3)


def double_of(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> Double:
    """A double that the code under test takes for the client."""
    store = kind.double()
    monkeypatch.setattr(kind.module, "client", lambda: store)
    return store


def names(destination: str) -> list[str]:
    """Names of all objects below a destination."""
    store, prefix = open_store(destination)
    return [stored.name.removeprefix(f"{prefix}/") for stored in store.objects(f"{prefix}/")]


def remove(address: str) -> None:
    """Remove all objects whose addresses begin so."""
    store, prefix = open_store(address)
    for stored in store.objects(prefix):
        store.delete(stored.name)


def mirror(folder: Path, destination: str) -> Path:
    """The objects below a destination as files, to be looked at as a folder is."""
    store, prefix = open_store(destination)
    folder.mkdir(parents=True)
    for stored in store.objects(f"{prefix}/"):
        path = folder / stored.name.removeprefix(f"{prefix}/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(store.read(stored.name) or b"")
    return folder
