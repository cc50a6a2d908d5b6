"""Readers of the formats: files as Arrow batches, malformed rows apart. Imports no tfx.

Memory is bounded by a block (of ORC by a stripe), not by the file.
"""

import contextlib
import gzip
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from weighbridge.common.errors import UsageError
from weighbridge.components.example_gen.beside import ahead
from weighbridge.components.example_gen.feature_types import cast_texts, without_rows
from weighbridge.components.example_gen.lines import Lines
from weighbridge.components.example_gen.reading import NAMELESS, Reading, check_renamed
from weighbridge.storage import inputs

if TYPE_CHECKING:
    import pyarrow as pa

BLOCK_BYTES = 16 << 20
BATCH_ROWS = 65_536

_GZIP = b"\x1f\x8b"

_Malformed = tuple[int, str, str]  # the row's number, the reason, and its line


def read_csv(reading: Reading) -> "Iterator[pa.RecordBatch]":
    """Rows of a CSV file, compressed where its name ends in `.gz`; a malformed row goes to quarantine.

    So does a row that swallowed others: see `lines`. Lines that no row accounts for are told to `reading.lost`.
    """
    import pyarrow as pa
    from pyarrow import csv

    path = reading.path

    malformed: list[_Malformed] = []

    def invalid(row: Any) -> str:
        reason = f"{row.actual_columns} fields, expected {row.expected_columns}"
        if lines.quoted_breaks and (swallowed := lines.swallowed(row.text)):
            reason = f"{reason}; {_swallowed(swallowed)}"
        malformed.append((row.number, reason, row.text))
        return "skip"

    with _open(reading) as file:
        header = _header(path, file)
        names = [name or NAMELESS for name in header]
        check_renamed(reading.columns, names, path)
        # Everything is read as text and cast by column: a malformed value costs its row, not its block.
        lines = Lines(len(names))
        blocks = _Blocks(file, lines)
        reader = csv.open_csv(
            blocks,
            read_options=csv.ReadOptions(use_threads=False, block_size=BLOCK_BYTES),
            parse_options=csv.ParseOptions(newlines_in_values=True, invalid_row_handler=invalid),
            convert_options=csv.ConvertOptions(
                column_types=dict.fromkeys(header, "string"),
                strings_can_be_null=True,
                null_values=[""],
                quoted_strings_can_be_null=True,  # programs that quote every field write a missing number so
            ),
        )
        stack = contextlib.ExitStack()
        try:
            next_row, gone, rows = 2, set[int](), 1  # the header is a row too
            for batch, skipped in stack.enter_context(contextlib.closing(ahead(_told(reader, malformed)))):
                rows += batch.num_rows + len(skipped)
                gone.update(number for number, _, _ in skipped)
                numbers = _row_numbers(next_row, batch.num_rows, gone)
                if numbers:
                    next_row = numbers[-1] + 1
                    gone = {number for number in gone if number >= next_row}
                torn = _torn(batch, lines) if lines.quoted_breaks else {}
                skipped += [(numbers[index], reason, _line(batch, index)) for index, reason in torn.items()]
                if torn:  # before types are told by its values
                    numbers = [number for index, number in enumerate(numbers) if index not in torn]
                    batch = without_rows(batch, torn)
                typed, bad = cast_texts(reading.renamed(batch), reading.feature_types)
                wrong = ((numbers[index], reason, _line(batch, index)) for index, reason in bad.items())
                for description in sorted([*skipped, *wrong]):
                    reading.quarantine(*description)
                yield typed
            for description in malformed:
                reading.quarantine(*description)
            reading.lost(max(0, lines.found - rows - len(malformed)))
        except pa.ArrowInvalid as error:
            if "straddling" not in str(error):
                raise
            raise UsageError(
                f"{path} has a row of more than {BLOCK_BYTES >> 20} MiB after row {next_row - 1:,}",
                "Is a quote missing in the next row? What follows it up to the next quote is one value.",
            ) from error
        finally:
            stack.close()
            _end(reader, blocks)


def _told(reader: Any, malformed: list[_Malformed]) -> "Iterator[tuple[pa.RecordBatch, list[_Malformed]]]":
    """Batches, each with what was found malformed up to its end."""
    for batch in reader:
        skipped, malformed[:] = list(malformed), []
        yield batch, skipped


def _end(reader: Any, blocks: "_Blocks") -> None:
    """End a reader that may not have been read to its end.

    Arrow reads ahead in a thread of its own. A reader that is dropped waits for that thread, which waits for Python's
    lock to call `read`: whoever drops it holds the lock, and both wait for ever.
    """
    blocks.end()
    with contextlib.suppress(Exception):  # half a row is all that is left
        while True:
            reader.read_next_batch()


def _torn(batch: "pa.RecordBatch", lines: Lines) -> dict[int, str]:
    """Rows with a value whose line breaks are in no sound quotes, and the reason."""
    import numpy as np
    import pyarrow.compute as pc

    torn: dict[int, str] = {}
    for column in batch.columns:
        broken = pc.match_substring_regex(column, r"[\r\n]").fill_null(False).to_numpy(zero_copy_only=False)
        for row in np.flatnonzero(broken).tolist():
            value = column[row].as_py().encode()
            if not lines.sound(value):
                torn[row] = _swallowed(len(value.splitlines()) - 1)
    return torn


def _swallowed(lines: int) -> str:
    return f"a quoted field swallowed {lines:,} {'line' if lines == 1 else 'lines'}: is a quote missing?"


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
    import numpy as np

    numbers = np.arange(first, first + count + len(gone))
    found: list[int] = numbers[~np.isin(numbers, list(gone))][:count].tolist()
    return found


class _Blocks:
    """A file whose blocks never end between a carriage return and its line feed, and whose lines are counted.

    Arrow drops a line feed that begins a block after a carriage return, also where both stand in a quoted value.
    """

    closed = False

    def __init__(self, file: Any, lines: Lines) -> None:
        self._file = file
        self._lines = lines
        self._kept = b""
        self._ended = False

    def end(self) -> None:
        """Give no more, whatever the file still holds."""
        self._ended = True

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes; none at the end."""
        if self._ended:
            return b""
        data = self._kept + self._file.read(size - len(self._kept) if size >= 0 else -1)
        self._kept = b"\r" if len(data) > 1 and data.endswith(b"\r") else b""
        data = data.removesuffix(self._kept)
        if data:
            self._lines.add(data)
        else:
            self._lines.end()
        return data


def _open(reading: Reading) -> Any:
    file = reading.open()
    compressed = reading.path.endswith(".gz")
    if not PurePosixPath(reading.path).suffix:  # in DVC's cache a file has no name of its own
        compressed = file.read(len(_GZIP)) == _GZIP
        file.seek(0)
    return gzip.open(file, "rb") if compressed else file


def _header(path: str, file: Any) -> list[str]:
    """Names of a CSV file's columns, of which the first may be empty; the file is at its beginning again afterwards."""
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
    twice = [name for name in names if names.count(name) > 1] if len(set(names)) < len(names) else []
    if twice or "" in names[1:] or (names[0] == "" and (len(names) == 1 or NAMELESS in names)):
        problem = f"names column {twice[0]!r} twice" if twice else "has a column without a name"
        raise UsageError(f"The header of {path} {problem}", f"Its first line is: {', '.join(names)}")
    return names


def read_parquet(reading: Reading) -> "Iterator[pa.RecordBatch]":
    """Rows of a Parquet file."""
    from weighbridge.common.arrow import open_parquet

    with reading.open() as opened:
        file = open_parquet(opened, reading.path)
        needed = reading.needed(file.schema_arrow.names)
        for batch in file.iter_batches(batch_size=BATCH_ROWS, columns=needed):
            yield reading.renamed(batch)


def read_orc(reading: Reading) -> "Iterator[pa.RecordBatch]":
    """Rows of an ORC file."""
    from pyarrow import orc

    with inputs.local_file(reading.path) as local:  # the reader would hide the cause of what fails in a store
        file = orc.ORCFile(local)
        needed = reading.needed(file.schema.names)
        for number in range(file.nstripes):
            stripe = file.read_stripe(number, columns=needed)
            for start in range(0, stripe.num_rows, BATCH_ROWS):
                yield reading.renamed(stripe.slice(start, BATCH_ROWS))


def read_tfrecord(reading: Reading) -> "Iterator[pa.RecordBatch]":
    """Rows of tf.Examples; a feature with at most one value per row becomes a plain column, as in the other formats."""
    import pyarrow as pa

    from weighbridge.components.artifacts.examples import read_files

    with inputs.local_file(reading.path) as local:
        for batch in read_files([local], None, BATCH_ROWS):
            columns = []
            for column in batch.columns:
                lengths = None if pa.types.is_null(column.type) else column.value_lengths().fill_null(0)
                columns.append(column if lengths is None or _several(lengths) else _plain(column, lengths))
            reading.feature_types.seen.update(batch.schema.names)
            yield reading.renamed(pa.RecordBatch.from_arrays(columns, batch.schema.names))


def _several(lengths: Any) -> bool:
    import pyarrow.compute as pc

    return len(lengths) > 0 and (pc.max(lengths).as_py() or 0) > 1


def _plain(column: Any, lengths: Any) -> Any:
    """A list column of zero or one value per row as its values."""
    import numpy as np
    import pyarrow as pa

    there = lengths.to_numpy(zero_copy_only=False).astype(bool)
    return column.flatten().take(pa.array(np.cumsum(there) - 1, mask=~there))
