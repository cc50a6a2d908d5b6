"""Writes a stream: batch by batch, and all of it or nothing."""

import contextlib
import itertools
import operator
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from weighbridge.common import files, progress
from weighbridge.common.arrow import parquet
from weighbridge.common.errors import InfrastructureError
from weighbridge.datasets.shop.columns import CUSTOMER, DATE, ITEM
from weighbridge.datasets.shop.digest import ContentDigest
from weighbridge.datasets.shop.options import ShopOptions
from weighbridge.datasets.shop.output import OutputFiles
from weighbridge.datasets.shop.stream import Stream

_NO_HEADER = csv.WriteOptions(include_header=False)


@dataclass(frozen=True)
class Written:
    """What was written.

    Attributes:
        path: the file, or the pattern that names the spans' files to ExampleGen.
        files: paths of all files.
        rows: lines in them.
        digest: of their content, see `ContentDigest`.
        customers: distinct customers that are named.
        items: distinct StockCodes.
        first: earliest InvoiceDate.
        last: latest InvoiceDate.
    """

    path: str
    files: list[str]
    rows: int
    digest: str
    customers: int
    items: int
    first: datetime
    last: datetime

    def document(self) -> dict[str, Any]:
        """For machines."""
        return asdict(self) | {"first": self.first.isoformat(), "last": self.last.isoformat()}


def write(options: ShopOptions, place: OutputFiles) -> Written:
    """Write the stream that `options` describe.

    Raises:
        UsageError: `place` must not be replaced, the format cannot hold the drift, or the options contradict.
        InfrastructureError: the disk is full, or the folder cannot be written; what was there stays.
    """
    place.check(options)
    stream = Stream(options)
    tally = _Tally(options.rows)
    try:
        with _staged(place) as staged:
            if place.by:
                names = _write_spans(tally.counted(stream.batches()), stream, place, staged)
            else:
                names = [place.path]
                _write_file(tally.counted(stream.batches()), stream.schema, staged, place.is_csv)
    except OSError as error:
        raise InfrastructureError(
            f"{place.target} cannot be written: {error}", "Make room, or give another --out."
        ) from error
    return tally.written(place, names)


@contextlib.contextmanager
def _staged(place: OutputFiles) -> Iterator[Path]:
    """A file or folder that takes the place of what is there when the block ends without an error."""
    if not place.by:
        with files.staged_file(place.target) as staged:
            yield staged
        return
    old = place.target.with_name(f"{files.STAGED_PREFIX}{place.target.name}-replaced")
    with files.staged_folder(place.target) as staged:
        yield staged
        if place.force and place.target.exists():
            shutil.rmtree(old, ignore_errors=True)  # of a process that was killed here
            place.target.rename(old)
    shutil.rmtree(old, ignore_errors=True)


def _write_spans(batches: Iterable[pa.RecordBatch], stream: Stream, place: OutputFiles, folder: Path) -> list[str]:
    """Write a file for each span, one without lines where there are no orders."""
    begins = list(place.begins(stream.options.start, stream.options.end))
    names = [place.file(begin) for begin in begins]
    staged = [folder / name.relative_to(place.target) for name in names]
    empty = set(range(len(begins)))
    for number, parts in itertools.groupby(_cut(batches, begins), key=operator.itemgetter(0)):
        empty.remove(number)
        _write_file((part for _, part in parts), stream.schema, staged[number], place.is_csv)
    for number in empty:
        _write_file([], stream.schema, staged[number], place.is_csv)
    return list(map(str, names))


def _cut(batches: Iterable[pa.RecordBatch], begins: list[date]) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Cut batches into spans: numbers that never fall, for a batch begins where the one before it ended."""
    edges = np.array(begins, "datetime64[us]")
    for batch in batches:
        times = batch.column(batch.schema.get_field_index(DATE)).to_numpy(zero_copy_only=False)
        spans = np.searchsorted(edges, times, side="right") - 1
        for number in np.unique(spans).tolist():
            yield number, batch.filter(pa.array(spans == number))


def _write_file(batches: Iterable[pa.RecordBatch], schema: pa.Schema, path: Path, is_csv: bool) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not is_csv:
        with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
            for batch in batches:
                writer.write_batch(batch)
        return
    place = schema.get_field_index(DATE)
    whole_seconds = schema.set(place, schema.field(place).with_type(pa.timestamp("s")))
    with path.open("wb") as file, csv.CSVWriter(file, whole_seconds, write_options=_NO_HEADER) as writer:
        file.write(f"{','.join(schema.names)}\n".encode())  # Arrow would put the names in quotes
        for batch in batches:
            writer.write_table(pa.Table.from_batches([batch]).cast(whole_seconds))


class _Tally:
    """Counts what goes by, and says how far it is."""

    def __init__(self, rows: int) -> None:
        self._wanted = rows
        self._rows = 0
        self._digest = ContentDigest()
        self._customers: set[str | None] = set()
        self._items: set[str] = set()
        self._times: list[datetime] = []

    def counted(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The batches, each counted as it goes by."""
        for batch in batches:
            invoice_date, customer, item = (
                batch.column(batch.schema.names.index(name)) for name in (DATE, CUSTOMER, ITEM)
            )
            self._rows += batch.num_rows
            self._digest.update(batch)
            self._customers.update(customer.unique().to_pylist())
            self._items.update(item.unique().to_pylist())
            ends = pc.min_max(invoice_date).as_py()
            self._times = [min([*self._times[:1], ends["min"]]), max([*self._times[1:], ends["max"]])]
            progress.report(f"{self._rows:,} of {self._wanted:,} lines")
            yield batch

    def written(self, place: OutputFiles, names: list[str]) -> Written:
        """What all of them came to."""
        first, last = self._times
        customers = len(self._customers - {None})
        return Written(place.path, names, self._rows, self._digest.value(), customers, len(self._items), first, last)
