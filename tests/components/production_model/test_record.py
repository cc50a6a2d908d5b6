"""The record of what is in production: read whole, or refused; never mistaken for "nothing yet"."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.common import files
from weighbridge.common.errors import UsageError
from weighbridge.components.production_model import ProductionRecord, production_history, read_record, record_digest
from weighbridge.components.production_model.record import numbers_in

RECORD = ProductionRecord(
    version=3,
    model_digest=f"sha256:{'a' * 64}",
    verdict_digest=f"sha256:{'b' * 64}",
    run_id="run-3",
    pipeline="taxi",
    pushed_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    subject={"data": "sha256:data"},
)


def write(path: Path, record: ProductionRecord = RECORD) -> Path:
    (path.parent / str(record.version)).mkdir(parents=True, exist_ok=True)
    return files.write_json(path, record.model_dump(mode="json"))


def test_nothing_yet(tmp_path: Path) -> None:
    for destination in (tmp_path, tmp_path / "not" / "there", str(tmp_path)):
        assert read_record(destination) is None
        assert record_digest(destination) == ""
        assert production_history(destination) == []


def test_reads_what_was_written(tmp_path: Path) -> None:
    write(tmp_path / "production.json")
    assert read_record(tmp_path) == RECORD
    assert record_digest(tmp_path).startswith("sha256:")


def test_digest_changes_with_any_change(tmp_path: Path) -> None:
    write(tmp_path / "production.json")
    before = record_digest(tmp_path)
    assert record_digest(tmp_path) == before
    write(tmp_path / "production.json", RECORD.model_copy(update={"run_id": "run-4"}))
    assert record_digest(tmp_path) != before


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"version": 0}, "version"),
        ({"version": "three"}, "version"),
        ({"model_digest": "md5:1"}, "model_digest"),
        ({"pushed_at": "yesterday"}, "pushed_at"),
        ({"pushed_at": "2026-01-02T03:04:05"}, "pushed_at"),
        ({"subject": None}, "subject"),
        ({"extra": 1}, "extra"),
    ],
)
def test_wrong_field_is_named(tmp_path: Path, change: dict[str, object], named: str) -> None:
    files.write_json(tmp_path / "production.json", RECORD.model_dump(mode="json") | change)
    with pytest.raises(UsageError, match=rf"production\.json is not a production record: {named}") as caught:
        read_record(tmp_path)
    assert ".weighbridge/<version>/record.json" in caught.value.hint


@given(cut=st.integers(min_value=0, max_value=10_000))
def test_torn_record_is_never_nothing_yet(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    folder = tmp_path_factory.mktemp("torn")
    data = write(folder / "production.json").read_bytes().rstrip()
    (folder / "production.json").write_bytes(data[: cut % len(data)])
    with pytest.raises(UsageError, match="is not a production record"):
        read_record(folder)


def test_record_that_is_a_folder_or_behind_a_file(tmp_path: Path) -> None:
    (tmp_path / "production.json").mkdir()
    with pytest.raises(UsageError, match="cannot be read: Is a directory"):
        read_record(tmp_path)
    (tmp_path / "file").write_text("")
    for look_up in (read_record, record_digest):
        with pytest.raises(UsageError, match="cannot be read: Not a directory"):
            look_up(tmp_path / "file")


def test_history_is_in_the_order_of_versions(tmp_path: Path) -> None:
    for version in (10, 2, 1):
        write(tmp_path / f".weighbridge/{version}/record.json", RECORD.model_copy(update={"version": version}))
    (tmp_path / ".weighbridge" / "lock").write_text("")
    assert [record.version for record in production_history(tmp_path)] == [1, 2, 10]
    (tmp_path / ".weighbridge/2/record.json").write_text("torn")
    with pytest.raises(UsageError, match=r"2/record\.json is not a production record"):
        production_history(tmp_path)


@pytest.mark.parametrize("look_up", [read_record, record_digest, production_history])
@pytest.mark.parametrize("destination", ["abfs://bucket/model", "file:///models", "hdfs://host/model", ""])
def test_destination_is_a_folder_or_a_bucket(destination: str, look_up: Callable[[str], object]) -> None:
    with pytest.raises(
        UsageError, match="neither a local folder nor gs://bucket/prefix nor s3://bucket/prefix"
    ) as caught:
        look_up(destination)
    assert repr(destination) in caught.value.message
    assert "mounted" in caught.value.hint


@pytest.mark.parametrize("scheme", ["gs:/", "s3:/"])
def test_path_that_was_an_address_is_told_so(scheme: str) -> None:
    with pytest.raises(UsageError, match=f"{scheme}bucket/model") as caught:
        read_record(Path(f"{scheme}/bucket/model"))
    assert f"as text: a Path shortens {scheme}/ to {scheme}." in caught.value.hint


@pytest.mark.parametrize("destination", ["gs://", "gs:///model", "s3://", "s3:///model"])
def test_address_without_a_bucket(destination: str) -> None:
    with pytest.raises(UsageError, match="names no bucket"):
        read_record(destination)


def test_folder_with_a_colon_is_a_folder(tmp_path: Path) -> None:
    for name in ("a:b", "C:", "v1:/x"):
        write(tmp_path / name / "production.json")
        assert read_record(tmp_path / name) == RECORD


def test_only_whole_numbers_are_versions(tmp_path: Path) -> None:
    for name in ("2", "10", "-1", "1.5", "²", "٣", "v4", ".staged-5", "7.tmp"):
        (tmp_path / name).mkdir()
    assert numbers_in(tmp_path) == [2, 10]
