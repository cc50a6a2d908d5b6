"""Reading an Examples artifact: its files, its summary, and its rows as Arrow batches. Imports no tfx.

Works on what our ExampleGen writes and on what stock TFX components write: one folder `Split-<name>` per split,
holding TFRecord files of `tf.Example`, compressed where the file's name ends in `.gz`. Where ExampleGen left the
columns beside them, rows are read from these: it takes a hundredth of the time.
"""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from weighbridge.common.errors import UsageError
from weighbridge.components.artifacts.binding import bound_columns
from weighbridge.components.artifacts.columns import BATCH_ROWS, read_columns
from weighbridge.evidence.summary import AnySummary

if TYPE_CHECKING:
    import pyarrow as pa
    from tensorflow_metadata.proto.v0 import schema_pb2

SPLIT_PREFIX = "Split-"

_READ_BUFFER_BYTES = 8 << 20
_DECODED_ROWS = 16_384  # serialized, decoded and in Python's hands at once


def split_folder(uri: str, split: str) -> Path:
    """The folder that holds the files of `split`."""
    return Path(uri, f"{SPLIT_PREFIX}{split}")


def split_names(uri: str) -> list[str]:
    """Names of the splits that have a folder below `uri`, sorted."""
    return sorted(path.name.removeprefix(SPLIT_PREFIX) for path in Path(uri).glob(f"{SPLIT_PREFIX}*") if path.is_dir())


def split_files(uri: str, split: str) -> list[str]:
    """Paths of the data files of `split`, sorted.

    Args:
        uri: folder of the Examples artifact.
        split: name of the split, e.g. `train`.

    Raises:
        UsageError: the artifact has no such split, or the split has no files.
    """
    folder = split_folder(uri, split)
    files = sorted(str(path) for path in folder.glob("[!._]*") if path.is_file()) if folder.is_dir() else []
    if not files:
        names = ", ".join(split_names(uri)) or "none"
        raise UsageError(f"There are no examples of split {split!r} in {uri}", f"Splits there: {names}.")
    return files


def read_summary(uri: str) -> AnySummary | None:
    """What the step that wrote the examples says of them; None where it wrote no summary, as stock components do.

    Raises:
        UsageError: there is one that cannot be read.
    """
    return AnySummary.read(uri)


def read_batches(
    uri: str, split: str, *, schema: "schema_pb2.Schema | None" = None, batch_rows: int = BATCH_ROWS
) -> "Iterator[pa.RecordBatch]":
    """Stream the rows of a split in TFX's Arrow form.

    Every column is a `list` or `large_list` array of int64, float32 or binary values; a missing value is a null
    list. Where neither `schema` nor a summary tells the types, a column without any value in a batch has Arrow's
    `null` type in that batch.

    Args:
        uri: folder of the Examples artifact.
        split: name of the split.
        schema: the columns to read, in the schema's order, all others are left out; by default all columns in
            the artifact's summary, and where there is no summary all that are found.
        batch_rows: most rows of a batch; memory is bounded by it.

    Raises:
        UsageError: there is no such split, a file is damaged or not the one that was written, or a column's
            type contradicts `schema`.
    """
    files = split_files(uri, split)
    if schema is None:
        schema = _summary_schema(uri)
    # Generators of their own, so that a wrong split raises at the call and not at the first batch.
    columns = bound_columns(uri, split, files)
    if columns and schema is not None:
        return read_columns(columns, schema, batch_rows)
    return read_files(files, schema, min(batch_rows, _DECODED_ROWS))


def read_files(files: list[str], schema: "schema_pb2.Schema | None", batch_rows: int) -> "Iterator[pa.RecordBatch]":
    """Stream the rows of TFRecord files, compressed where the name ends in `.gz`; see `read_batches`."""
    import tensorflow as tf
    from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

    decoder = ExamplesToRecordBatchDecoder(None if schema is None else schema.SerializeToString())
    for compressed, group in groupby(files, key=lambda name: name.endswith(".gz")):
        names = list(group)
        # On the CPU by name: on a machine with an accelerator strings would travel there and back.
        with tf.device("/CPU:0"):
            records = tf.data.TFRecordDataset(names, "GZIP" if compressed else "", _READ_BUFFER_BYTES)
            batches = iter(records.batch(batch_rows).prefetch(1).as_numpy_iterator())
        while True:
            try:
                serialized = next(batches, None)
                if serialized is None:
                    break
                batch = decoder.DecodeBatch(serialized.tolist())
            except (tf.errors.OpError, RuntimeError, ValueError) as error:
                message = getattr(error, "message", str(error)).partition("\n")[0]
                raise UsageError(f"Examples of {Path(names[0]).parent} cannot be read: {message}") from error
            yield batch


def _summary_schema(uri: str) -> "schema_pb2.Schema | None":
    """A schema of the columns in the summary, so that all batches have the same Arrow types."""
    from tensorflow_metadata.proto.v0 import schema_pb2

    summary = read_summary(uri)
    if summary is None:
        return None
    types = {"int64": schema_pb2.INT, "float": schema_pb2.FLOAT, "bytes": schema_pb2.BYTES}
    return schema_pb2.Schema(
        feature=[schema_pb2.Feature(name=name, type=types[kind]) for name, kind in sorted(summary.columns.items())]
    )
