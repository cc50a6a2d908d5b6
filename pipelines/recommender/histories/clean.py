"""Cleaning order lines: every line that is left out has one named reason, and each reason is counted. No tfx."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from weighbridge.common.errors import UsageError
from weighbridge.components.example_gen.rows import row_hashes
from weighbridge.pipelines.recommender import columns as c

REASONS = {
    "duplicate": "is the same as another line in every column",
    "cancelled": "belongs to a cancelled invoice (InvoiceNo begins with C)",
    "returned": "has a quantity of zero or less",
    "no_product": "has a StockCode that is none of a product (postage, fees, samples)",
    "no_price": "has a price of zero or less, or none",
    "no_customer": "names no customer",
}
"""Reasons for leaving a line out, in the order they are looked for: a line has the first that holds."""

PRODUCT = r"\d{5}[A-Za-z]{0,2}"
"""A StockCode of a product: five digits and at most two letters."""


def clean(lines: pa.Table, product: str = PRODUCT) -> tuple[pa.Table, dict[str, int]]:
    """Leave out what is not a purchase of a product by a known customer.

    Args:
        lines: see `read_lines`.
        product: regular expression that a product's StockCode matches from end to end.

    Returns:
        The lines that are left, and the number of lines left out by reason; together they are all lines.

    Raises:
        UsageError: `product` is not a regular expression.
    """
    reasons = _reasons(lines, product)
    taken = np.zeros(lines.num_rows, bool)
    counts = {}
    for reason, holds in reasons.items():
        counts[reason] = int(np.count_nonzero(holds & ~taken))
        taken |= holds
    return lines.filter(pa.array(~taken)), counts


def _reasons(lines: pa.Table, product: str) -> dict[str, npt.NDArray[np.bool_]]:
    try:
        pc.match_substring_regex(pa.scalar(""), product)
    except pa.ArrowInvalid as error:
        hint = "Arrow reads it with RE2, which knows no look-ahead and no back-reference."
        raise UsageError(f"product={product!r} is not a regular expression: {error}", hint) from error
    quantity = lines.column(c.QUANTITY)
    return {
        "duplicate": _duplicates(lines),
        "cancelled": _matches(lines.column(c.INVOICE), r"^[Cc]"),
        "returned": _holds(pc.or_kleene(pc.is_null(quantity), pc.less_equal(quantity, 0))),
        "no_product": ~_matches(lines.column(c.ITEM), f"^(?:{product})$"),
        "no_price": ~_holds(pc.greater(lines.column(c.PRICE), 0)),
        "no_customer": np.asarray(pc.is_null(lines.column(c.CUSTOMER))),
    }


def _duplicates(lines: pa.Table) -> npt.NDArray[np.bool_]:
    """Lines that repeat an earlier one; two independent hashes of 64 bits stand for all columns."""
    plain = pa.Table.from_arrays(
        [column.cast(column.type.value_type) if _encoded(column) else column for column in lines.columns],
        lines.column_names,
    )
    if not plain.num_rows:
        return np.zeros(0, bool)
    [batch] = plain.combine_chunks().to_batches()
    pairs = np.stack([row_hashes(batch, key=0), row_hashes(batch, key=1)], axis=1)
    _, first = np.unique(pairs.view([("a", np.uint64), ("b", np.uint64)]).ravel(), return_index=True)
    repeats = np.ones(len(pairs), bool)
    repeats[first] = False
    return repeats


def _encoded(column: pa.ChunkedArray) -> bool:
    return bool(pa.types.is_dictionary(column.type))


def _matches(column: pa.ChunkedArray, pattern: str) -> npt.NDArray[np.bool_]:
    """Whether a dictionary-encoded column matches; each distinct value is looked at once. Missing does not match."""
    result = []
    for chunk in column.chunks:
        values = pc.match_substring_regex(chunk.dictionary.cast(pa.string()), pattern)
        result.append(_holds(values.take(chunk.indices)))
    return np.concatenate(result) if result else np.zeros(0, bool)


def _holds(column: "pa.Array | pa.ChunkedArray") -> npt.NDArray[np.bool_]:
    return np.asarray(pc.fill_null(column, False))
