"""The columns of order lines, and what happens to a batch of them before anything else."""

from typing import TYPE_CHECKING

from weighbridge.common.errors import UsageError
from weighbridge.components.example_gen.times import microseconds
from weighbridge.datasets.shop.columns import COUNTRY, CUSTOMER, DATE, DESCRIPTION, INVOICE, ITEM, PRICE, QUANTITY

if TYPE_CHECKING:
    import pyarrow as pa

TIME = "time"
"""Made of `InvoiceDate`: microseconds since 1970, UTC. It decides what is trained on and what is weighed on."""

__all__ = [
    "COUNTRY",
    "CUSTOMER",
    "DATE",
    "DESCRIPTION",
    "INVOICE",
    "ITEM",
    "PRICE",
    "QUANTITY",
    "RAW",
    "TEXTS",
    "TIME",
    "prepare",
]

TEXTS = (INVOICE, ITEM, DESCRIPTION, CUSTOMER, COUNTRY)
RAW = (*TEXTS, QUANTITY, DATE, PRICE)


def prepare(batch: "pa.RecordBatch") -> "pa.RecordBatch":
    """Replace `InvoiceDate`, a time or ISO text, by `time`, and trim text.

    Args:
        batch: order lines with the columns `RAW`; others are left out.

    Returns:
        A batch with `TEXTS` as text without blanks around it (null where there is nothing else; codes that a
        spreadsheet made numbers of, `12345.0`, without the fraction), `Quantity`, `UnitPrice`, and `time` as
        timestamp[us]: null where `InvoiceDate` is missing or no time, so that ExampleGen sets the line aside.

    Raises:
        UsageError: a column is missing, a text is not UTF-8, or no `InvoiceDate` at all is a time.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    missing = [name for name in RAW if name not in batch.schema.names]
    if missing:
        raise UsageError(
            f"The order lines have no column {missing[0]!r}; they have: {', '.join(batch.schema.names)}",
            f'Name yours: --set \'columns={{"<your column>": "{missing[0]}"}}\'.',
        )
    columns = {name: _text(batch.column(batch.schema.get_field_index(name)), name) for name in TEXTS}
    columns[CUSTOMER] = pc.replace_substring_regex(columns[CUSTOMER], r"\.0$", "")
    columns |= {name: batch.column(batch.schema.get_field_index(name)) for name in (QUANTITY, PRICE)}
    columns[TIME] = _time(batch.column(batch.schema.get_field_index(DATE)))
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def _text(column: "pa.Array", name: str) -> "pa.Array":
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_floating(column.type):
        column = _whole(column)
    try:
        trimmed = pc.utf8_trim_whitespace(column.cast(pa.string()))
    except pa.ArrowInvalid as error:
        hint = "Write the export as UTF-8, for instance: iconv -f LATIN1 -t UTF-8."
        raise UsageError(f"Column {name!r} of the order lines is not UTF-8 text: {error}", hint) from error
    return pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, pa.string()), trimmed)


def _whole(column: "pa.Array") -> "pa.Array":
    """Numbers without fractions where none has one; NaN is not a number but a gap."""
    import pyarrow as pa
    import pyarrow.compute as pc

    known = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    try:
        return known.cast(pa.int64())
    except pa.ArrowInvalid:
        return known


def _time(column: "pa.Array") -> "pa.Array":
    import pyarrow as pa

    if pa.types.is_timestamp(column.type):
        return column.cast(pa.timestamp("us"), safe=False)
    if pa.types.is_integer(column.type):  # microseconds already
        return column.cast(pa.int64()).cast(pa.timestamp("us"))
    if pa.types.is_date(column.type):
        return column.cast(pa.timestamp("us"))
    texts = column.cast(pa.string()).dictionary_encode()
    names = texts.dictionary.to_pylist()
    moments = [_moment(name) for name in names]
    if names and moments.count(None) == len(names):
        raise UsageError(
            f"No {DATE} of the order lines is an ISO time, for instance {names[0]!r}",
            "Write it as 2010-12-01 08:26: of 12/1/2010 nobody can tell the day from the month.",
        )
    return pa.array(moments, pa.int64()).cast(pa.timestamp("us")).take(texts.indices)


def _moment(text: str) -> int | None:
    try:
        return microseconds(text.strip())
    except UsageError:
        return None
