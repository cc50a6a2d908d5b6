"""The columns beside the TFRecord files: the same rows in TFX's Arrow form, whatever comes and goes between batches."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from tensorflow_metadata.proto.v0 import schema_pb2

from weighbridge.common.errors import UsageError
from weighbridge.components.artifacts import columns
from weighbridge.components.artifacts.columns import ColumnsWriter, column_files, read_columns


def schema(**types: Any) -> schema_pb2.Schema:
    return schema_pb2.Schema(feature=[schema_pb2.Feature(name=name, type=type_) for name, type_ in types.items()])


INT, FLOAT, BYTES = schema_pb2.INT, schema_pb2.FLOAT, schema_pb2.BYTES
ALL = schema(a=INT, b=FLOAT, c=BYTES)


def write(folder: Path, *batches: dict[str, pa.Array]) -> list[Path]:
    with ColumnsWriter(folder, "train") as writer:
        for batch in batches:
            writer.write(pa.RecordBatch.from_arrays(list(batch.values()), list(batch)))
    return column_files(folder, "train")


def read(files: list[Path], wanted: schema_pb2.Schema, batch_rows: int = 1000) -> list[dict[str, Any]]:
    return [row for batch in read_columns(files, wanted, batch_rows) for row in batch.to_pylist()]


def test_columns_come_and_go(tmp_path: Path) -> None:
    files = write(
        tmp_path,
        {"a": pa.array([1, None])},
        {"a": pa.array([3]), "b": pa.array([0.5], pa.float32())},
        {"c": pa.array([[b"x", b"y"], [], None], pa.list_(pa.binary()))},
        {"": pa.nulls(1)},
    )
    assert read(files, ALL) == [
        {"a": [1], "b": None, "c": None},
        {"a": None, "b": None, "c": None},
        {"a": [3], "b": [0.5], "c": None},
        {"a": None, "b": None, "c": [b"x", b"y"]},
        {"a": None, "b": None, "c": []},
        {"a": None, "b": None, "c": None},
        {"a": None, "b": None, "c": None},
    ]


def test_every_batch_has_the_types_of_the_schema(tmp_path: Path) -> None:
    files = write(tmp_path, {"a": pa.array([1])}, {"c": pa.array([b"x"])})
    types = {batch.schema.field(name).type for batch in read_columns(files, ALL) for name in "c"}
    assert types == {pa.list_(pa.binary())}


def test_batches_are_bounded_by_rows_and_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "_GROUP_BYTES", 1000)
    files = write(tmp_path, *({"c": pa.array([b"x" * 400] * 3)} for _ in range(4)))
    assert len(files) == 1
    assert [batch.num_rows for batch in read_columns(files, schema(c=BYTES))] == [3] * 4
    assert [batch.num_rows for batch in read_columns(files, schema(c=BYTES), 2)] == [2, 1] * 4


def test_a_type_that_contradicts_the_schema_is_named(tmp_path: Path) -> None:
    files = write(tmp_path, {"a": pa.array([1])})
    with pytest.raises(UsageError, match=r"'a'.*int64.*float"):
        read(files, schema(a=FLOAT))
    with pytest.raises(UsageError, match=r"'a'.*no type"):
        read(files, schema(a=schema_pb2.TYPE_UNKNOWN))


@pytest.mark.parametrize("damage", [b"", b"PAR1 no more"])
def test_a_damaged_file_is_named(tmp_path: Path, damage: bytes) -> None:
    [path] = write(tmp_path, {"a": pa.array([1])})
    path.write_bytes(damage)
    with pytest.raises(UsageError, match=path.name):
        read([path], schema(a=INT))


def test_an_error_leaves_no_half_file_open(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), ColumnsWriter(tmp_path, "train") as writer:
        writer.write(pa.RecordBatch.from_arrays([pa.array([1])], ["a"]))
        raise RuntimeError
    assert column_files(tmp_path, "train") == []
