"""The columns of an Examples artifact, as Parquet beside its TFRecord files. Imports no tfx.

A tf.Example is a message per row. What looks at columns (statistics, evaluation) would spend most of its time on
taking these messages apart again, so ExampleGen keeps the columns it made them from: `columns/<split>/`. Where an
artifact has none, its TFRecord files are decoded instead: see `weighbridge.components.artifacts.examples`.
"""

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from weighbridge.common.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa
    from tensorflow_metadata.proto.v0 import schema_pb2

COLUMNS_FOLDER = "columns"
BATCH_ROWS = 131_072

_GROUP_BYTES = 128 << 20  # of wide rows fewer go into a batch
_COMPRESSION = "zstd"


class ColumnsWriter:
    """Writes the rows of one split to `columns/<split>/_<number>.parquet`.

    The underscore keeps the files out where a folder of examples is read as TFRecord files. Columns may come and go
    between batches; a batch that does not fit the file begins another.

    Args:
        uri: folder of the Examples artifact.
        split: the split's name.
    """

    def __init__(self, uri: str | Path, split: str) -> None:
        self._folder = columns_folder(uri, split)
        self._file: Any = None
        self._parts = 0
        self._waiting: list[pa.RecordBatch] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._flush()
        self._close()

    def write(self, batch: "pa.RecordBatch") -> None:
        """Append canonical columns: int64, float32, binary, or lists of these."""
        if self._waiting and self._waiting[0].schema != batch.schema:
            self._flush()
            self._close()
        self._waiting.append(batch)
        rows = sum(waiting.num_rows for waiting in self._waiting)
        if rows >= BATCH_ROWS or sum(waiting.nbytes for waiting in self._waiting) >= _GROUP_BYTES:
            self._flush()

    def _flush(self) -> None:
        import pyarrow as pa

        from weighbridge.common.arrow import parquet

        if not self._waiting:
            return
        rows = pa.Table.from_batches(self._waiting)
        self._waiting = []
        if self._file is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            path = self._folder / f"_{self._parts:05d}.parquet"
            self._file = parquet.ParquetWriter(
                path,
                rows.schema,
                compression=_COMPRESSION,
                use_dictionary=_texts(rows.schema),  # of numbers, which seldom repeat, it is most of the time
                write_statistics=False,
            )
            self._parts += 1
        self._file.write_table(rows)

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def _texts(schema: "pa.Schema") -> list[str]:
    """Paths of the columns of texts, and of those of lists of them."""
    import pyarrow as pa

    lists = [field.name for field in schema if pa.types.is_list(field.type) and field.type.value_type == pa.binary()]
    return [field.name for field in schema if field.type == pa.binary()] + [f"{name}.list.item" for name in lists]


def column_files(uri: str | Path, split: str) -> list[Path]:
    """Files that hold a split's columns, in the order of the rows; none where only TFRecord files do."""
    return sorted(columns_folder(uri, split).glob("_*.parquet"))


def read_columns(
    files: list[Path], schema: "schema_pb2.Schema", batch_rows: int = BATCH_ROWS
) -> "Iterator[pa.RecordBatch]":
    """Stream rows in TFX's Arrow form, with the columns and types of `schema`.

    Args:
        files: as `column_files` gives them.
        schema: the columns to read; one that the files lack has no values.
        batch_rows: most rows of a batch.

    Raises:
        UsageError: a file is damaged, or a column's type contradicts `schema`.
    """
    import pyarrow as pa

    from weighbridge.common.arrow import open_parquet

    types = {feature.name: _arrow_type(feature) for feature in schema.feature}
    for path in files:
        try:
            with open_parquet(path, path) as file:
                names = set(file.schema_arrow.names)
                there = [name for name in types if name in names]
                for group in range(file.num_row_groups):
                    for batch in file.iter_batches(batch_rows, row_groups=[group], columns=there):
                        columns = [_typed(batch, name, type_) for name, type_ in types.items()]
                        yield pa.RecordBatch.from_arrays(columns, list(types))
        except (pa.ArrowInvalid, OSError) as error:
            raise UsageError(f"The columns at {path} cannot be read: {' '.join(str(error).split())}") from error


def as_lists(column: Any) -> Any:
    """A column as lists of one value, or null; one of lists is returned as it is."""
    import numpy as np
    import pyarrow as pa

    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        return column
    if not column.null_count:
        return pa.ListArray.from_arrays(pa.array(np.arange(len(column) + 1, dtype=np.int32)), column)
    valid = column.is_valid().to_numpy(zero_copy_only=False)
    offsets = np.concatenate([[0], np.cumsum(valid)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets, mask=np.append(~valid, False)), column.drop_null())


def _typed(batch: "pa.RecordBatch", name: str, type_: "pa.DataType") -> "pa.Array":
    import pyarrow as pa

    index = batch.schema.get_field_index(name)
    if index < 0:
        return pa.nulls(batch.num_rows, pa.list_(type_))
    column = as_lists(batch.column(index))
    if column.type.value_type != type_:
        raise UsageError(
            f"Column {name!r} of the examples holds {column.type.value_type}, but the schema says {type_}",
            "Let ExampleGen read with this schema, or correct it.",
        )
    return column


def _arrow_type(feature: Any) -> "pa.DataType":
    import pyarrow as pa
    from tensorflow_metadata.proto.v0 import schema_pb2

    types = {schema_pb2.INT: pa.int64(), schema_pb2.FLOAT: pa.float32(), schema_pb2.BYTES: pa.binary()}
    if feature.type not in types:
        raise UsageError(f"Feature {feature.name!r} of the schema has no type", "Give it INT, FLOAT or BYTES.")
    return types[feature.type]


def columns_folder(uri: str | Path, split: str) -> Path:
    """The folder of a split's columns."""
    return Path(uri, COLUMNS_FOLDER, split)
