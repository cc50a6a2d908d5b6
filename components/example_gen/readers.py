"""Reads files as Arrow record batches, malformed rows apart. Memory is bounded by a block, not by the file. No tfx."""

import gzip
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from weighbridge.common.errors import UsageError
from weighbridge.components.example_gen import storage
from weighbridge.components.example_gen.feature_types import FeatureTypes, cast_texts

if TYPE_CHECKING:
    import pyarrow as pa

BLOCK_BYTES = 16 << 20
BATCH_ROWS = 65_536

# Called with the number of a malformed row (the header of a CSV file is row 1), the reason, and its line.
Quarantine = Callable[[int, str, str], None]


def read(
    path: str,
    format_: str,
    feature_types: FeatureTypes,
    quarantine: Quarantine,
    *,
    columns: Mapping[str, str] | None = None,
    only: Collection[str] = (),
) -> "Iterator[pa.RecordBatch]":
    """Stream the rows of a file.

    Args:
        path: the file.
        format_: `csv`, `parquet` or `tfrecord`.
        feature_types: of CSV columns, as known so far; added to, as are the file's names of columns to `seen`.
        quarantine: is told of malformed rows, which are left out.
        columns: new names of columns, by the file's own.
        only: the columns that are needed, by their new names, if not all are; only Parquet can leave out the others.

    Raises:
        UsageError: the file is empty or damaged, or lacks a column that is to be renamed.
        TypeChanged: see `feature_types`.
    """
    import pyarrow as pa

    columns = columns or {}
    try:
        if format_ == "csv":
            yield from _read_csv(path, feature_types, quarantine, columns)
        elif format_ == "parquet":
            yield from _read_parquet(path, columns, only)
        else:
            for batch in _read_tfrecord(path):
                feature_types.seen.update(batch.schema.names)
                yield _renamed(batch, columns)
    except (pa.ArrowInvalid, EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise UsageError(f"{path} cannot be read as {format_}: {' '.join(str(error).split())}") from error


def check_renamed(columns: Mapping[str, str], names: Collection[str], where: str) -> None:
    """Columns that are to be renamed must be among `names`, and their new names not.

    Raises:
        UsageError: one is not there, or its new name is another column's.
    """
    hint = f"Its columns: {', '.join(sorted(names))}."
    for old, new in columns.items():
        if old not in names:
            raise UsageError(f"columns names {old!r} → {new!r}, but there is no column {old!r} in {where}", hint)
        if new in names and new not in columns:
            raise UsageError(f"columns names {old!r} → {new!r}, but {where} has a column {new!r} already", hint)


def _renamed(batch: "pa.RecordBatch", columns: Mapping[str, str]) -> "pa.RecordBatch":
    import pyarrow as pa

    if not columns:
        return batch
    return pa.RecordBatch.from_arrays(batch.columns, [columns.get(name, name) for name in batch.schema.names])


def _read_csv(
    path: str, feature_types: FeatureTypes, quarantine: Quarantine, columns: Mapping[str, str]
) -> "Iterator[pa.RecordBatch]":
    from pyarrow import csv

    malformed: list[tuple[int, str, str]] = []

    def invalid(row: Any) -> str:
        malformed.append((row.number, f"{row.actual_columns} fields, expected {row.expected_columns}", row.text))
        return "skip"

    with _open(path) as file:
        names = _header(path, file)
        check_renamed(columns, names, path)
        # Everything is read as text and cast by column: a malformed value costs its row, not its block.
        reader = csv.open_csv(
            _Blocks(file),
            read_options=csv.ReadOptions(use_threads=False, block_size=BLOCK_BYTES),
            parse_options=csv.ParseOptions(newlines_in_values=True, invalid_row_handler=invalid),
            convert_options=csv.ConvertOptions(
                column_types=dict.fromkeys(names, "string"),
                strings_can_be_null=True,
                null_values=[""],
                quoted_strings_can_be_null=True,  # programs that quote every field write a missing number so
            ),
        )
        next_row, gone = 2, set[int]()
        for batch in reader:
            skipped, malformed[:] = list(malformed), []
            gone.update(number for number, _, _ in skipped)
            numbers = _row_numbers(next_row, batch.num_rows, gone)
            if numbers:
                next_row = numbers[-1] + 1
                gone = {number for number in gone if number >= next_row}
            typed, bad = cast_texts(_renamed(batch, columns), feature_types)
            wrong = ((numbers[index], reason, _line(batch, index)) for index, reason in bad.items())
            for told in sorted([*skipped, *wrong]):
                quarantine(*told)
            yield typed
        for told in malformed:
            quarantine(*told)


def _line(batch: "pa.RecordBatch", row: int) -> str:
    """A row of texts as a line of CSV."""
    import csv
    import io

    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow([column[row].as_py() for column in batch.columns])
    return line.getvalue()


def _row_numbers(first: int, count: int, gone: set[int]) -> "range | list[int]":
    """Numbers of `count` rows that were kept from `first` on; those in `gone` were not."""
    if not gone:
        return range(first, first + count)
    numbers: list[int] = []
    number = first
    while len(numbers) < count:
        if number not in gone:
            numbers.append(number)
        number += 1
    return numbers


class _Blocks:
    """A file whose blocks never end between a carriage return and its line feed.

    Arrow drops a line feed that begins a block after a carriage return, also where both stand in a quoted value.
    """

    closed = False

    def __init__(self, file: Any) -> None:
        self._file = file
        self._kept = b""

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes; none at the end."""
        data = self._kept + self._file.read(size - len(self._kept) if size >= 0 else -1)
        self._kept = b"\r" if len(data) > 1 and data.endswith(b"\r") else b""
        return data.removesuffix(self._kept)


def _open(path: str) -> Any:
    file = storage.open_read(path)
    return gzip.open(file, "rb") if path.endswith(".gz") else file


def _header(path: str, file: Any) -> list[str]:
    """Names of a CSV file's columns; the file is at its beginning again afterwards."""
    import csv
    import io

    start = file.read(1 << 20)
    file.seek(0)
    if not start.strip():
        raise UsageError(f"{path} is empty", "A CSV file needs a header and rows.")
    try:
        lines = csv.reader(io.StringIO(start.decode("utf-8-sig", errors="ignore"), newline=""))
        names = next((names for names in lines if names), [])
    except csv.Error as error:
        raise UsageError(f"The header of {path} cannot be read: {error}") from error
    twice = [name for name in names if names.count(name) > 1]
    if twice or "" in names:
        problem = f"names column {twice[0]!r} twice" if twice else "has a column without a name"
        raise UsageError(f"The header of {path} {problem}", f"It is: {', '.join(names)}")
    return names


def _read_parquet(path: str, columns: Mapping[str, str], only: Collection[str]) -> "Iterator[pa.RecordBatch]":
    from pyarrow import parquet

    with storage.open_read(path) as opened:
        file = parquet.ParquetFile(opened)
        names = file.schema_arrow.names
        check_renamed(columns, names, path)
        needed = [name for name in names if columns.get(name, name) in only]
        # Where one is missing all are read, so that whoever looks for it can tell what there is.
        partly = bool(only) and len(needed) == len(only)
        for batch in file.iter_batches(batch_size=BATCH_ROWS, columns=needed if partly else None):
            yield _renamed(batch, columns)


def _read_tfrecord(path: str) -> "Iterator[pa.RecordBatch]":
    """Rows of tf.Examples; a feature with at most one value per row becomes a plain column, as in the other formats."""
    import pyarrow as pa

    from weighbridge.components.artifacts.examples import read_files

    for batch in read_files([path], None, BATCH_ROWS):
        columns = []
        for column in batch.columns:
            lengths = None if pa.types.is_null(column.type) else column.value_lengths().fill_null(0)
            columns.append(column if lengths is None or _several(lengths) else _plain(column, lengths))
        yield pa.RecordBatch.from_arrays(columns, batch.schema.names)


def _several(lengths: Any) -> bool:
    import pyarrow.compute as pc

    return len(lengths) > 0 and (pc.max(lengths).as_py() or 0) > 1


def _plain(column: Any, lengths: Any) -> Any:
    """A list column of zero or one value per row as its values."""
    import numpy as np
    import pyarrow as pa

    there = lengths.to_numpy(zero_copy_only=False).astype(bool)
    return column.flatten().take(pa.array(np.cumsum(there) - 1, mask=~there))
