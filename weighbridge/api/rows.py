"""Rows between people and models: any table as examples hold it, and examples as plain columns."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from weighbridge.common.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa


def as_batch(rows: Any, columns: Mapping[str, str]) -> "pa.RecordBatch":
    """Rows in TFX's Arrow form: a list of values per row, in the types that the examples have.

    Args:
        rows: a DataFrame, an Arrow table or batch, a mapping of columns, or a list of mappings.
        columns: `int64`, `float` or `bytes` by name; a column that is not among them keeps its own type.

    Raises:
        UsageError: the rows are no table, or a column has no place in examples.
    """
    import pyarrow as pa

    from weighbridge.components.artifacts.columns import as_lists
    from weighbridge.components.example_gen.feature_types import canonical

    given = _batch_of(rows)
    batch = canonical(given, "the rows")
    types = {"int64": pa.int64(), "float": pa.float32(), "bytes": pa.binary()}
    found = {}
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        lists = as_lists(column)
        wanted = types.get(columns.get(name, ""), lists.type.value_type)
        try:
            found[name] = lists.cast(pa.list_(wanted)) if wanted != lists.type.value_type else lists
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise UsageError(
                f"Column {name!r} of the rows cannot be {columns[name]}, as it is in the examples: {error}",
                "Cast it, or leave it out.",
            ) from error
    # A column without any value is one of the examples' all the same.
    for name in columns:
        if name in given.schema.names and name not in found:
            found[name] = pa.nulls(batch.num_rows, pa.list_(types[columns[name]]))
    return pa.RecordBatch.from_arrays(list(found.values()), list(found))


def as_table(batches: "list[pa.RecordBatch]") -> "pa.Table":
    """Examples as plain columns: one value where rows have at most one, text where the bytes are text."""
    import pyarrow as pa

    table = pa.Table.from_batches(batches)
    return pa.table({name: _plain(table.column(name).combine_chunks()) for name in table.column_names})


def _plain(column: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    if isinstance(column, pa.ChunkedArray):
        column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    lengths = pc.fill_null(pc.list_value_length(column), 0)
    if len(column) and pc.max(lengths).as_py() > 1:
        return column
    there = pc.greater(lengths, 0).to_numpy(zero_copy_only=False)
    values = column.flatten()
    plain = values.take(pa.array(there.cumsum() - 1, mask=~there))
    return _text(plain) if pa.types.is_binary(plain.type) or pa.types.is_large_binary(plain.type) else plain


def _text(column: Any) -> Any:
    import pyarrow as pa

    try:
        return column.cast(pa.string())
    except pa.ArrowInvalid:  # not UTF-8
        return pa.array([None if value is None else value.decode("utf-8", "replace") for value in column.to_pylist()])


def _batch_of(rows: Any) -> "pa.RecordBatch":
    """Rows of whatever kind as one Arrow batch.

    Raises:
        UsageError: they are none of these, or columns are of unequal length or mixed types.
    """
    import pandas as pd
    import pyarrow as pa

    try:
        if isinstance(rows, pa.RecordBatch):
            return rows
        if isinstance(rows, pa.Table):
            table = rows
        elif isinstance(rows, pd.DataFrame):
            table = pa.Table.from_pandas(rows, preserve_index=False)
        elif isinstance(rows, Mapping):
            table = pa.Table.from_pydict(dict(rows))
        elif isinstance(rows, list | tuple) and all(isinstance(row, Mapping) for row in rows):
            table = pa.Table.from_pylist(list(rows))
        else:
            raise UsageError(
                f"A model is not called with a value of type {type(rows).__name__}",
                "Give a DataFrame, an Arrow table, a mapping of columns, or a list of mappings.",
            )
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise UsageError(
            f"These rows are no table: {error}", "Each column needs one type, and all are of one length."
        ) from error
    batches = table.combine_chunks().to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], schema=table.schema)
