"""What every store must do, told once: doubles and servers of each kind (see `tests.components.pusher.buckets`)."""

import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.components.pusher.buckets import KINDS, S3, Kind, double_of
from tests.components.pusher.doubles import BUCKET
from weighbridge.common.errors import UsageError
from weighbridge.storage.schemes import STORES, addresses, is_address, open_store
from weighbridge.storage.store import ABSENT, ObjectStore


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: kind.scheme)
def served(request: pytest.FixtureRequest) -> Iterator[Kind]:
    with request.param.server():
        yield request.param


@pytest.fixture
def server(served: Kind, tmp_path: Path) -> tuple[ObjectStore, str]:
    """A store behind HTTP, and a prefix that no other test uses."""
    return open_store(f"{served.scheme}{BUCKET}/{tmp_path.name}")


@pytest.fixture(params=[*KINDS, "moto"], ids=lambda kind: getattr(kind, "scheme", kind))
def strict(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectStore]:
    """A store that enforces preconditions: the emulator of Google Cloud Storage does not."""
    if request.param == "moto":
        with S3.server():
            yield open_store(f"{S3.scheme}{BUCKET}")[0]
    else:
        double_of(request.param, monkeypatch)
        yield open_store(f"{request.param.scheme}{BUCKET}")[0]


def test_objects_are_written_listed_and_read(server: tuple[ObjectStore, str], tmp_path: Path) -> None:
    store, folder = server
    assert store.objects(f"{folder}/") == []
    assert not store.holds(f"{folder}/")
    assert store.write(f"{folder}/a.json", b"{}", ABSENT)
    (tmp_path / "file").write_bytes(b"bytes of a file")
    store.upload(tmp_path / "file", f"{folder}/sub/b ü+.bin")
    assert store.holds(f"{folder}/")
    assert [stored.name for stored in store.objects(f"{folder}/")] == [f"{folder}/a.json", f"{folder}/sub/b ü+.bin"]
    assert store.folders(f"{folder}/") == ["sub"]
    assert store.read(f"{folder}/sub/b ü+.bin") == b"bytes of a file"
    assert store.read(f"{folder}/absent") is None
    assert store.stat(f"{folder}/absent") is None
    found = store.stat(f"{folder}/sub/b ü+.bin")
    assert found
    assert found.size == 15
    assert found.created.tzinfo
    assert store.read_range(found, 6, 8) == b"of"
    store.download(f"{folder}/sub/b ü+.bin", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b"bytes of a file"
    expected = store.checksum(io.BytesIO(b"bytes of a file"))
    assert store.checksums(f"{folder}/sub/") == {f"{folder}/sub/b ü+.bin": expected}
    assert store.copy(f"{folder}/sub/b ü+.bin", f"{folder}/c") == expected
    assert store.read(f"{folder}/c") == b"bytes of a file"
    for _ in range(2):
        store.delete(f"{folder}/c")
    assert store.read(f"{folder}/c") is None


def test_more_objects_than_a_page_holds_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of S3 alone: the pages of Google's listings are turned by its client."""
    with S3.server():
        store, _ = open_store(f"{S3.scheme}{BUCKET}")
        for number in range(1_005):
            S3.put(BUCKET, f"many/{number}/x", b"")
        assert len(store.objects("many/")) == 1_005
        assert len(store.folders("many/")) == 1_005


def test_missing_bucket_is_an_error_whatever_is_asked(served: Kind) -> None:
    store, _ = open_store(f"{served.scheme}mistyped")
    for ask in (store.objects, store.folders, store.holds, store.checksums, store.read):
        with pytest.raises(UsageError, match=f"{served.scheme}mistyped"):
            ask("name")


def test_nothing_is_overwritten_that_was_not_expected(strict: ObjectStore, tmp_path: Path) -> None:
    def version() -> str:
        found = strict.stat("record")
        return found.version if found else ABSENT

    assert version() == ABSENT
    assert not strict.write("record", b"0", _other(strict))
    assert strict.write("record", b"1", ABSENT)
    first = version()
    assert not strict.write("record", b"2", ABSENT)
    assert strict.write("record", b"3", first)
    assert not strict.write("record", b"4", first)
    assert strict.read("record") == b"3"
    (tmp_path / "file").write_bytes(b"5")
    strict.upload(tmp_path / "file", "record")
    assert strict.read("record") == b"3"
    assert strict.copy("other", "record") is None
    assert strict.copy("absent", "free") is None
    assert strict.read("record") == b"3"
    assert strict.read("free") is None


def _other(store: ObjectStore) -> str:
    """A version that an object once had, but not the one at hand."""
    assert store.write("other", b"other", ABSENT)
    found = store.stat("other")
    assert found
    return found.version


def test_addresses() -> None:
    assert set(STORES) == {kind.scheme for kind in KINDS}
    assert addresses("bucket/prefix") == "gs://bucket/prefix or s3://bucket/prefix"
    assert is_address("s3://bucket")
    assert not is_address("/s3/bucket")
    with pytest.raises(UsageError, match="names no bucket"):
        open_store("s3:///prefix")


def test_importing_loads_no_client() -> None:
    code = (
        "import sys, weighbridge.storage.inputs, weighbridge.storage.destination;"
        "sys.exit(', '.join({'boto3', 'botocore', 'google.cloud.storage', 'google.auth'} & set(sys.modules)) or 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[3])
