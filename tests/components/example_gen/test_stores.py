"""Reading from stores. They are emulators on loopback: named as substitutes for the real ones."""

from pathlib import Path

import pyarrow as pa
import pytest

from tests.components.example_gen.helpers import one_split, rows, write, write_table
from tests.components.pusher.buckets import KINDS, Kind, double_of
from tests.components.pusher.doubles import BUCKET, Double, once_before
from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.components.example_gen.resolve import input_digest, resolve
from weighbridge.storage import inputs


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: kind.scheme)
def kind(request: pytest.FixtureRequest):
    with request.param.server():
        yield request.param


@pytest.fixture
def bucket(kind: Kind) -> str:
    return f"{kind.scheme}{BUCKET}"


def test_objects_are_read_as_files_are(kind: Kind, bucket: str, tmp_path: Path) -> None:
    text = "id,name\n1,Anna\n2,Bert\n"
    kind.overwrite(f"{bucket}/in/one.csv", text.encode())
    there = one_split(f"{bucket}/in/one.csv", tmp_path / "there")
    here = one_split(write(tmp_path / "one.csv", text), tmp_path / "here")
    assert there["content_digest"] == here["content_digest"]
    assert there["files"][0]["sha256"] == here["files"][0]["sha256"]
    assert rows(tmp_path / "there") == [{"id": 1, "name": b"Anna"}, {"id": 2, "name": b"Bert"}]


def test_folders_globs_and_spans_are_listed(kind: Kind, bucket: str) -> None:
    for day in ("2026-11-01", "2026-11-02"):
        kind.overwrite(f"{bucket}/days/{day}/a.csv", b"x\n1\n")
        kind.overwrite(f"{bucket}/days/{day}/b.csv", b"x\n2\n")
    assert len(resolve(f"{bucket}/days").files) == 4
    assert resolve(f"{bucket}/days/*/a.csv").files == (
        f"{bucket}/days/2026-11-01/a.csv",
        f"{bucket}/days/2026-11-02/a.csv",
    )
    latest = resolve(f"{bucket}/days/{{YYYY}}-{{MM}}-{{DD}}/*.csv")
    assert latest.files == (f"{bucket}/days/2026-11-02/a.csv", f"{bucket}/days/2026-11-02/b.csv")


def test_a_changed_object_changes_the_fingerprint(kind: Kind, bucket: str) -> None:
    kind.overwrite(f"{bucket}/changing.csv", b"x\n1\n")
    before = input_digest(f"{bucket}/changing.csv")
    kind.overwrite(f"{bucket}/changing.csv", b"x\n2\n")
    assert input_digest(f"{bucket}/changing.csv") != before


def test_a_missing_object_is_named(bucket: str) -> None:
    with pytest.raises(UsageError, match=rf"{bucket}/nowhere\.csv"):
        resolve(f"{bucket}/nowhere.csv")


@pytest.mark.parametrize("name", ["in.csv.gz", "in.parquet", "in.orc"])
def test_every_format_is_read_in_parts(kind: Kind, bucket: str, name: str, tmp_path: Path) -> None:
    table = pa.table({"id": list(range(300)), "name": [f"n{number % 7}" for number in range(300)]})
    path = write_table(tmp_path / name, table)
    kind.overwrite(f"{bucket}/formats/{name}", path.read_bytes())
    here = one_split(path, tmp_path / "here")
    assert one_split(f"{bucket}/formats/{name}", tmp_path / "there")["splits"] == here["splits"]


def test_own_output_is_read_again_from_a_store(kind: Kind, bucket: str, tmp_path: Path) -> None:
    """TensorFlow reads no store by these credentials: TFRecord files are downloaded while they are read."""
    here = one_split(write(tmp_path / "in.csv", "id,name\n1,Anna\n2,Bert\n"), tmp_path / "here")
    [shard] = (tmp_path / "here/Split-all").glob("*.gz")
    kind.overwrite(f"{bucket}/records/{shard.name}", shard.read_bytes())
    assert one_split(f"{bucket}/records", tmp_path / "there")["splits"] == here["splits"]


def test_missing_bucket_is_named(kind: Kind) -> None:
    with pytest.raises(UsageError, match=f"{kind.scheme}mistyped"):
        resolve(f"{kind.scheme}mistyped/data")


@pytest.fixture(params=KINDS, ids=lambda kind: kind.scheme)
def double(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Double:
    return double_of(request.param, monkeypatch)


@pytest.mark.parametrize("name", ["in.csv", "in.parquet", "in.orc"])
def test_network_that_fails_while_a_file_is_read_is_safe_to_retry(double: Double, name: str, tmp_path: Path) -> None:
    path = write_table(tmp_path / name, pa.table({"x": [1, 2, 3]}))
    double.put("write", BUCKET, name, path.read_bytes, 0)

    def fail() -> None:
        raise double.unavailable("try again later")

    once_before(double, f"read {name}", fail)
    with pytest.raises(InfrastructureError, match="try again later"):
        one_split(f"{double.scheme}{BUCKET}/{name}", tmp_path / "out")


def test_object_that_changes_while_it_is_read_is_not_mixed(double: Double) -> None:
    double.put("write", BUCKET, "in.csv", lambda: b"1" * 100, 0)
    with inputs.open_read(f"{double.scheme}{BUCKET}/in.csv") as file:
        double.put("write", BUCKET, "in.csv", lambda: b"2" * 100, None)
        with pytest.raises(InfrastructureError, match=r"in\.csv changed while it was read"):
            file.read()


def test_file_of_a_store_is_seekable_to_its_end_and_past_it(double: Double) -> None:
    double.put("write", BUCKET, "in.bin", lambda: bytes(range(100)), 0)
    with inputs.open_read(f"{double.scheme}{BUCKET}/in.bin") as file:
        assert file.seek(-3, 2) == 97
        assert file.read() == bytes([97, 98, 99])
        assert file.seek(1_000) == 1_000
        assert file.read() == b""
        assert file.seek(10) == 10
        assert file.read(2) == bytes([10, 11])
        assert file.tell() == 12
