"""Order lines in memory: the columns of one split, names as numbers. No tfx."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from weighbridge.common.errors import UsageError
from weighbridge.components.artifacts.examples import read_batches
from weighbridge.pipelines.recommender import columns as c

_KEPT = (*c.TEXTS, c.QUANTITY, c.PRICE, c.TIME)


def read_lines(examples: str, split: str) -> pa.Table:
    """The order lines of a split, as ExampleGen left them.

    Args:
        examples: folder of the Examples artifact.
        split: its split.

    Returns:
        A table with `TEXTS` as dictionary-encoded binary, `Quantity` and `time` (microseconds) as int64 and
        `UnitPrice` as float32; about 60 bytes a line.

    Raises:
        UsageError: there is no such split, or it lacks a column.
    """
    parts = [_plain(batch) for batch in read_batches(examples, split)]
    if not parts:
        raise UsageError(f"Split {split!r} of {examples} holds no order lines")
    return pa.Table.from_batches(parts).combine_chunks().unify_dictionaries()


def _plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    """One value per row instead of lists of at most one."""
    types: dict[str, pa.DataType] = {name: pa.binary() for name in c.TEXTS}
    types |= {c.QUANTITY: pa.int64(), c.PRICE: pa.float32(), c.TIME: pa.int64()}
    columns = []
    for name in _KEPT:
        index = batch.schema.get_field_index(name)
        if index < 0 or pa.types.is_null(batch.column(index).type):
            column = pa.nulls(batch.num_rows, types[name])
        else:
            column = pc.list_element(batch.column(index), 0).cast(types[name])
        columns.append(column.dictionary_encode() if name in c.TEXTS else column)
    return pa.RecordBatch.from_arrays(columns, names=list(_KEPT))


@dataclass(frozen=True)
class Purchases:
    """Cleaned lines, sorted by customer, then time, then item; numbers stand for names.

    Attributes:
        customers: names, [customers], bytes, sorted.
        items: names, [items], bytes, sorted.
        countries: names, [countries], bytes, sorted.
        customer: number of the customer of each line, [lines], int64.
        item: number of the item, [lines], int64.
        country: number of the country, [lines], int64.
        invoice: number of the invoice, [lines], int64.
        time: microseconds, [lines], int64.
        price: [lines], float64.
        description: number of the description among `descriptions`, -1 for none, [lines], int64.
        descriptions: [descriptions], bytes.
    """

    customers: npt.NDArray[np.object_]
    items: npt.NDArray[np.object_]
    countries: npt.NDArray[np.object_]
    customer: npt.NDArray[np.int64]
    item: npt.NDArray[np.int64]
    country: npt.NDArray[np.int64]
    invoice: npt.NDArray[np.int64]
    time: npt.NDArray[np.int64]
    price: npt.NDArray[np.float64]
    description: npt.NDArray[np.int64]
    descriptions: npt.NDArray[np.object_]

    @classmethod
    def of(cls, lines: pa.Table) -> "Purchases":
        """Sort and number cleaned lines; all columns but description must be there in every line."""
        customers, customer = _numbered(lines.column(c.CUSTOMER))
        items, item = _numbered(lines.column(c.ITEM))
        countries, country = _numbered(lines.column(c.COUNTRY))
        _, invoice = _numbered(lines.column(c.INVOICE))
        descriptions, description = _numbered(lines.column(c.DESCRIPTION))
        time, price = np.asarray(lines.column(c.TIME)), np.asarray(lines.column(c.PRICE), np.float64)
        # With all columns as keys the order of rows in the files is irrelevant.
        order = np.lexsort((price, country, description, invoice, item, time, customer))
        return cls(
            customers=customers,
            items=items,
            countries=countries,
            customer=customer[order],
            item=item[order],
            country=country[order],
            invoice=invoice[order],
            time=time[order],
            price=price[order],
            description=description[order],
            descriptions=descriptions,
        )

    def before(self, moment: int) -> npt.NDArray[np.bool_]:
        """Which lines were bought before `moment`, [lines]."""
        return self.time < moment


def _numbered(column: Any) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.int64]]:
    """Sorted distinct names that occur, and each row's number among them, -1 for none."""
    chunk = column.combine_chunks()
    if isinstance(chunk, pa.ChunkedArray):
        chunk = pa.concat_arrays(chunk.chunks) if chunk.num_chunks else pa.array([], column.type)
    codes = np.asarray(chunk.indices.fill_null(-1), np.int64)
    names = np.array(chunk.dictionary.to_pylist(), object)
    used = np.unique(codes[codes >= 0])
    order = used[np.argsort(names[used])] if len(used) else used
    ranks = np.full(len(names) + 1, -1, np.int64)
    ranks[order] = np.arange(len(order))
    return names[order], ranks[codes]
