"""What a reader of a format is given, and what describes a format. Imports no tfx."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

from weighbridge.common.errors import UsageError
from weighbridge.components.example_gen.feature_types import FeatureTypes
from weighbridge.storage import inputs

if TYPE_CHECKING:
    import pyarrow as pa

NAMELESS = "Unnamed: 0"
"""A first column without a name, as pandas reads the index that it writes so."""

_JOINED_ROWS, _JOINED_BYTES = 16_384, 64 << 20

# Called with the number of a malformed row (the header of a CSV file is row 1), the reason, and its line.
Quarantine = Callable[[int, str, str], None]

# Called with the number of lines of a file that belong to no row, 0 if it has none; never, where files have no lines.
Lost = Callable[[int], None]


def unheard(_lines: int) -> None:
    """A `Lost` for whoever reads a file before, for something else."""


@dataclass(frozen=True)
class Reading:
    """One file that is to be read, and how.

    Attributes:
        path: the file, on disk or in a store.
        feature_types: of columns whose values are texts, as known so far; added to.
        quarantine: is told of malformed rows, which are left out.
        columns: new names of columns, by the file's own.
        only: the columns that are needed, by their new names, if not all are.
        lost: is told at the end how many lines belong to no row, where the format can tell.
    """

    path: str
    feature_types: FeatureTypes
    quarantine: Quarantine
    columns: Mapping[str, str] = field(default_factory=dict)
    only: Collection[str] = ()
    lost: Lost = unheard

    def open(self) -> BinaryIO:
        """The file's bytes, seekable."""
        return inputs.open_read(self.path)

    def needed(self, names: Collection[str]) -> list[str] | None:
        """Which of a file's columns must be read; None for all of them.

        Raises:
            UsageError: a column that is to be renamed is not there.
        """
        check_renamed(self.columns, names, self.path)
        needed = [name for name in names if self.columns.get(name, name) in self.only]
        # Where one is missing all are read, so that whoever looks for it can tell what there is.
        return needed if self.only and len(needed) == len(self.only) else None

    def renamed(self, batch: "pa.RecordBatch") -> "pa.RecordBatch":
        """A batch of the file's columns under their new names."""
        import pyarrow as pa

        names = [name or NAMELESS for name in batch.schema.names]
        if not self.columns and names == batch.schema.names:
            return batch
        return pa.RecordBatch.from_arrays(batch.columns, [self.columns.get(name, name) for name in names])


@dataclass(frozen=True)
class InputFormat:
    """A format that input data may have.

    Attributes:
        name: how it is called in errors and in `Resolved.format`.
        title: how people call it.
        pattern: is searched for in the names of files; case does not count.
        names: which names these are, for errors.
        read: streams the rows of a file as batches of bounded size, each passed through `Reading.renamed`. It takes
            `Reading.needed` of the file's columns, or all, and may raise a UsageError.
        texts: whether values are texts, whose types are inferred over the whole input, and not of the file's own types.
        all_columns: whether every file names all of its columns; if not, one that has no value may be missing.
        damaged: errors of the reader that mean a damaged file, besides Arrow's own.
    """

    name: str
    title: str
    pattern: str
    names: str
    read: "Callable[[Reading], Iterator[pa.RecordBatch]]"
    texts: bool = False
    all_columns: bool = True
    damaged: tuple[type[Exception], ...] = ()

    def matches(self, file_name: str) -> bool:
        """Whether a file of this name is of this format."""
        return re.search(self.pattern, file_name, re.IGNORECASE) is not None


def joined(batches: "Iterable[pa.RecordBatch]") -> "Iterator[pa.RecordBatch]":
    """Batches of at least some thousands of rows where memory allows it: each column of each batch costs its own time.

    A block of a file with thousands of columns holds some hundred rows.
    """
    import pyarrow as pa

    waiting: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        if waiting and (rows + batch.num_rows > _JOINED_ROWS or waiting[0].schema != batch.schema):
            yield _one(waiting)
            waiting, rows, size = [], 0, 0
        waiting.append(batch)
        rows, size = rows + batch.num_rows, size + batch.nbytes
        if rows >= _JOINED_ROWS or size >= _JOINED_BYTES:
            yield _one(waiting)
            waiting, rows, size = [], 0, 0
    if waiting:
        yield _one(waiting)


def _one(batches: "list[pa.RecordBatch]") -> "pa.RecordBatch":
    import pyarrow as pa

    if len(batches) == 1:
        return batches[0]
    table = pa.Table.from_batches(batches).combine_chunks()
    return table.to_batches()[0] if table.num_rows else batches[0]


def check_renamed(columns: Mapping[str, str], names: Iterable[str], where: str) -> None:
    """Columns that are to be renamed must be among `names`, and their new names not.

    Raises:
        UsageError: one is not there, or its new name is another column's.
    """
    names = list(names)
    hint = f"Its columns: {', '.join(sorted(names))}."
    for old, new in columns.items():
        if old not in names:
            raise UsageError(f"columns names {old!r} → {new!r}, but there is no column {old!r} in {where}", hint)
        if new in names and new not in columns:
            raise UsageError(f"columns names {old!r} → {new!r}, but {where} has a column {new!r} already", hint)
