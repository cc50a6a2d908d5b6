"""What our encoder writes is what protobuf, TensorFlow and tfx_bsl read: tf.Examples, and TFRecords with checksums."""

import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from weighbridge.components.artifacts.columns import as_lists
from weighbridge.components.example_gen import encode as encoder
from weighbridge.components.example_gen.encode import encode, tfrecords
from weighbridge.components.example_gen.write import SplitWriter

INTEGERS = st.integers(-(2**63), 2**63 - 1)
FLOATS = st.floats(width=32, allow_nan=False)
# 127, 128 and 16,384 bytes are where a length needs another byte.
BYTES = st.one_of(st.binary(max_size=5), st.sampled_from([b"x" * 127, b"x" * 128, b"x" * 16_384]))
KINDS = {"int64_list": (INTEGERS, pa.int64()), "float_list": (FLOATS, pa.float32()), "bytes_list": (BYTES, pa.binary())}


def example(record: bytes) -> dict[str, Any]:
    """A serialized tf.Example as its values by feature, each with the name of its list."""
    from tensorflow.core.example import example_pb2

    features = example_pb2.Example.FromString(record).features.feature
    return {
        name: (kind, list(getattr(feature, kind).value))
        for name, feature in features.items()
        if (kind := feature.WhichOneof("kind"))  # tfx_bsl names missing features too, without a value of any kind
    }


@st.composite
def batches(draw: st.DrawFn) -> pa.RecordBatch:
    rows = draw(st.integers(1, 8))
    columns = {}
    for number in range(draw(st.integers(1, 4))):
        values, type_ = KINDS[draw(st.sampled_from(sorted(KINDS)))]
        if draw(st.booleans()):
            values, type_ = st.lists(values, max_size=3), pa.list_(type_)
        drawn = draw(st.lists(st.one_of(st.none(), values), min_size=rows, max_size=rows))
        columns[draw(st.text(max_size=3)) + "é" * 70 * number or "name"] = pa.array(drawn, type_)
    return pa.RecordBatch.from_arrays(list(columns.values()), list(columns))


def expected(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    feature_types = {pa.int64(): "int64_list", pa.float32(): "float_list", pa.binary(): "bytes_list"}
    lists = {name: as_lists(column) for name, column in zip(batch.schema.names, batch.columns, strict=True)}
    return [
        {
            name: (feature_types[column.type.value_type], value)
            for name, column in lists.items()
            if (value := column[row].as_py()) is not None
        }
        for row in range(batch.num_rows)
    ]


@settings(deadline=None)
@given(batch=batches(), start=st.integers(0, 3))
def test_protobuf_reads_what_was_written(batch: pa.RecordBatch, start: int) -> None:
    part = batch.slice(start)
    assert [example(record) for record in encode(part).to_pylist()] == expected(part)


@settings(deadline=None, max_examples=30)
@given(batch=batches())
def test_the_same_examples_as_tfx_bsl(batch: pa.RecordBatch) -> None:
    from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder

    assume(
        not any("\0" in name for name in batch.schema.names)
    )  # where tfx_bsl cuts a name off; we and protobuf do not
    lists = pa.RecordBatch.from_arrays([as_lists(column) for column in batch.columns], batch.schema.names)
    theirs = RecordBatchToExamplesEncoder().encode(lists)
    assert [example(record) for record in encode(batch).to_pylist()] == [example(record) for record in theirs]


@settings(deadline=None, max_examples=30)
@given(batch=batches(), start=st.integers(0, 3), most=st.sampled_from([100, 1 << 20]))
def test_tensorflow_writes_the_same_records(batch: pa.RecordBatch, start: int, most: int) -> None:
    import tensorflow as tf

    part = batch.slice(start)
    with tempfile.NamedTemporaryFile() as file, pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoder, "_MOST_BYTES", most)
        with tf.io.TFRecordWriter(file.name) as writer:
            for record in encode(part).to_pylist():
                writer.write(record)
        framed = list(tfrecords(part))
        assert b"".join(data for data, _ in framed) == file.read()
    assert sum(len(offsets) - 1 for _, offsets in framed) == part.num_rows
    assert all((offsets[0], offsets[-1]) == (0, len(data)) for data, offsets in framed)


def test_columns_without_a_name_are_left_out() -> None:
    batch = pa.RecordBatch.from_arrays([pa.nulls(2), pa.array([1, 2])], ["", "a"])
    assert [example(record) for record in encode(batch).to_pylist()] == [
        {"a": ("int64_list", [1])},
        {"a": ("int64_list", [2])},
    ]
    assert encode(batch.slice(0, 1).filter(pa.array([False]))).to_pylist() == []


def test_rows_that_arrow_cannot_join_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder, "_MOST_BYTES", 100)
    batch = pa.RecordBatch.from_arrays([pa.array([b"x" * 30] * 20, pa.binary())], ["a"])
    encoded = encode(batch)
    assert encoded.num_chunks > 5
    assert encoded.to_pylist() == [encoded[0].as_py()] * 20


def test_shards_hold_all_rows_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tensorflow as tf

    monkeypatch.setattr("weighbridge.components.example_gen.write.SHARD_ROWS", 4)
    with SplitWriter(tmp_path, "train") as writer:
        for start in (0, 3, 6):
            writer.write(pa.RecordBatch.from_arrays([pa.array(range(start, start + 3))], ["a"]))
    files = sorted(map(str, (tmp_path / "Split-train").iterdir()))
    assert [Path(file).name for file in files] == [f"data_tfrecord-0000{n}-of-00003.gz" for n in range(3)]
    records = tf.data.TFRecordDataset(files, "GZIP").as_numpy_iterator()
    assert [example(record)["a"][1][0] for record in records] == list(range(9))


def test_the_same_rows_give_the_same_files(tmp_path: Path) -> None:
    batch = pa.RecordBatch.from_arrays([pa.array(range(100))], ["a"])
    for name in ("one", "two"):
        with SplitWriter(tmp_path / name, "train") as writer:
            writer.write(batch)
    first, second = ({file.name: file.read_bytes() for file in (tmp_path / n).rglob("*.*")} for n in ("one", "two"))
    assert first == second
    assert len(first) == 3  # records, columns, and what binds them
