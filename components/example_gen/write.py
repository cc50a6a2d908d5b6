"""Writes splits as sharded, compressed TFRecord files and as columns, and malformed rows beside them. No tfx."""

import contextlib
import gzip
import json
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from weighbridge.components.artifacts.binding import bind
from weighbridge.components.artifacts.columns import ColumnsWriter
from weighbridge.components.artifacts.examples import split_folder
from weighbridge.components.example_gen.beside import Behind
from weighbridge.components.example_gen.encode import tfrecords
from weighbridge.components.example_gen.odd import FirstRows
from weighbridge.evidence.summary import QuarantinedRow

if TYPE_CHECKING:
    import pyarrow as pa

# Several files of a split can be read side by side; more than this many rows in one would be slow to shuffle.
SHARD_ROWS = 250_000
QUARANTINE_FOLDER = "quarantine"
QUARANTINE_FILE = "rows.jsonl.gz"

_COMPRESSION_LEVEL = 1
_LINE_CHARACTERS = 10_000  # an unclosed quote makes one line of a whole block


class SplitWriter:
    """Writes the rows of one split to `Split-<name>/data_tfrecord-<shard>-of-<shards>.gz`, and as columns.

    Args:
        folder: folder of the Examples artifact.
        split: the split's name.
    """

    def __init__(self, folder: str | Path, split: str) -> None:
        self._root, self._split = folder, split
        self._folder = split_folder(str(folder), split)
        self._columns = ColumnsWriter(folder, split)
        self._behind = Behind()
        self._file: Any = None
        self._shards: list[Path] = []
        self._room = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with ExitStack() as stack:  # each is closed, whatever another ends in
            stack.push(lambda *inner: self._columns.__exit__(*(inner if kind is None else (kind, error, trace))))
            if self._file is not None:
                stack.enter_context(contextlib.closing(self._file))
            self._behind.__exit__(kind, error, trace)
        # Only now it is known how many files there are, which their names tell.
        names = (f"data_tfrecord-{number:05d}-of-{len(self._shards):05d}.gz" for number in range(len(self._shards)))
        shards = [path.rename(path.with_name(name)) for path, name in zip(self._shards, names, strict=True)]
        if kind is None and shards:
            bind(self._root, self._split, shards)

    def write(self, batch: "pa.RecordBatch") -> None:
        """Append canonical columns."""
        self._behind.call(self._columns.write, batch)
        for data, offsets in tfrecords(batch):
            start, rows = 0, len(offsets) - 1
            while start < rows:
                if not self._room:
                    self._next_shard()
                count = min(self._room, rows - start)
                self._behind.call(self._file.write, data[offsets[start] : offsets[start + count]])
                self._room -= count
                start += count

    def _next_shard(self) -> None:
        from isal import igzip  # gzip's format at five times the speed of zlib

        if self._file is not None:
            self._behind.call(self._file.close)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._shards.append(self._folder / f".unfinished-{len(self._shards):05d}")
        self._file = igzip.open(self._shards[-1], "wb", _COMPRESSION_LEVEL)
        self._room = SHARD_ROWS


class QuarantineWriter:
    """Writes malformed rows, a JSON object per line: file, row, reason, line. The file exists only if there are any.

    Args:
        folder: folder of the Examples artifact.
    """

    def __init__(self, folder: str | Path) -> None:
        self._path = Path(folder, QUARANTINE_FOLDER, QUARANTINE_FILE)
        self._file: Any = None
        self._first = FirstRows()
        self.rows = 0

    @property
    def first(self) -> list[QuarantinedRow]:
        """The first rows, for people."""
        return self._first.rows

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, file: str, row: int | None, reason: str, line: str | None = None) -> None:
        """Add a row of `file`; its number and its line are None where only its reason is known."""
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = gzip.open(self._path, "wt", encoding="utf-8")  # noqa: SIM115, closed by __exit__
        reason = reason[:_LINE_CHARACTERS]
        self._first.add(file, row, reason, line)
        description = {"file": file, "row": row, "reason": reason, "line": line and line[:_LINE_CHARACTERS]}
        self._file.write(json.dumps(description, ensure_ascii=False) + "\n")
        self.rows += 1
