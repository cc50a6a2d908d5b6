"""From TFX's Arrow form, in which every column is a list, to the dense arrays that models and metrics take."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from weighbridge.components.evaluator.unmeasurable import Unmeasurable

# What the serving side sends for a value that is missing.
MISSING: dict[str, Any] = {"f": np.nan, "O": b"", "i": -1, "u": 0, "b": False}


def lengths(column: pa.Array) -> npt.NDArray[np.int64]:
    """Number of values in each row, [rows]; 0 where the row is null."""
    if pa.types.is_null(column.type):
        return np.zeros(len(column), np.int64)
    return np.asarray(column.value_lengths().fill_null(0), np.int64)


def values(column: pa.Array) -> npt.NDArray[Any]:
    """All values of all rows, one after the other."""
    if pa.types.is_null(column.type):
        return np.empty(0, np.float64)
    return column.flatten().to_numpy(zero_copy_only=False)


def dense(column: pa.Array, name: str, dtype: npt.DTypeLike, width: int | None) -> npt.NDArray[Any]:
    """One column as a dense array.

    Args:
        column: list array.
        name: of the column; used in messages.
        dtype: of the result; `object` for bytes.
        width: values per row of the result [rows, width]; None for [rows]. A missing value is filled in where a
            row has one value; where it has more, every row must have exactly `width`.

    Raises:
        Unmeasurable: rows have more or fewer values, or values that are not of the type.
    """
    counts = lengths(column)
    per_row = 1 if width is None else width
    wrong = np.flatnonzero(counts > 1 if per_row == 1 else counts != per_row)
    if len(wrong):
        odd = int(wrong[0])
        raise Unmeasurable(
            "signature",
            "callable",
            f"The signature takes {per_row} value(s) of {name} per row, but row {odd} has {counts[odd]}.",
        )
    result = _missing((len(counts) * per_row,), dtype)
    result[np.repeat(counts > 0, per_row)] = _typed(column, name, dtype)
    return result if width is None else result.reshape(len(counts), per_row)


def padded(column: pa.Array, name: str, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """A column whose rows have any number of values, each filled up to the longest with what stands for a missing one.

    Args:
        column: list array.
        name: of the column; used in messages.
        dtype: of the result; `object` for bytes.

    Returns:
        [rows, most values of a row], at least one value wide.

    Raises:
        Unmeasurable: the values are not of the type.
    """
    counts = lengths(column)
    width = max(int(counts.max(initial=0)), 1)
    result = _missing((len(counts), width), dtype)
    result[np.arange(width) < counts[:, None]] = _typed(column, name, dtype)
    return result


def _missing(shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    return np.full(shape, MISSING.get(np.dtype(dtype).kind, 0), dtype)


def _typed(column: pa.Array, name: str, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """All values of all rows, which must be text where the type is, and numbers where it is not."""
    present = values(column)
    if (present.dtype.kind == "O") != (np.dtype(dtype).kind == "O") and len(present):
        given = "text" if present.dtype.kind == "O" else "numbers"
        raise Unmeasurable(
            "signature", "callable", f"The signature's input {name} is {dtype}, but the data has {given}."
        )
    return present


def labels(batch: pa.RecordBatch, name: str) -> npt.NDArray[np.float64]:
    """The label of each row, [rows].

    Raises:
        Unmeasurable: there is no such column, it is not a number, or a row has none or several.
    """
    if name not in batch.schema.names:
        known = ", ".join(batch.schema.names)
        raise Unmeasurable("label", "present", f"There is no label column {name!r} in the data; it has: {known}.")
    column = batch.column(name)
    bad = int((lengths(column) != 1).sum())
    if bad:
        raise Unmeasurable(
            "label", "present", f"{bad:,} of {len(column):,} rows have no single value of label {name!r}."
        )
    found = values(column)
    if found.dtype.kind == "O":
        raise Unmeasurable("label", "numeric", f"Label {name!r} is text: make it a number in ExampleGen.")
    return found.astype(np.float64)


def slice_values(batch: pa.RecordBatch, name: str) -> npt.NDArray[np.object_]:
    """The value of a slicing feature in each row, [rows]: str, int or float, None where the row has none.

    Raises:
        Unmeasurable: there is no such column, or a row has several values.
    """
    return _single_values(batch, name, "slices", "slice by")


def unit_values(batch: pa.RecordBatch, name: str) -> npt.NDArray[np.object_]:
    """The unit of each row, as `slice_values` has it.

    Raises:
        Unmeasurable: there is no such column, or a row has several values.
    """
    return _single_values(batch, name, "unit", "take as quality.unit")


def _single_values(batch: pa.RecordBatch, name: str, subject: str, what: str) -> npt.NDArray[np.object_]:
    if name not in batch.schema.names:
        known = ", ".join(batch.schema.names)
        raise Unmeasurable(subject, "present", f"There is no column {name!r} to {what}; the data has: {known}.")
    column = batch.column(name)
    counts = lengths(column)
    if (counts > 1).any():
        raise Unmeasurable(subject, "single", f"Cannot {what} {name!r}: rows have several values of it.")
    result = np.full(len(counts), None, object)
    if not counts.any():
        return result
    # Rows share one object per distinct value: millions of rows cost a pointer each.
    encoded = column.flatten().dictionary_encode()
    distinct = np.array(
        [
            value.decode(errors="replace") if isinstance(value, bytes) else value
            for value in encoded.dictionary.tolist()
        ],
        object,
    )
    result[counts > 0] = distinct[encoded.indices.to_numpy()]
    return result
