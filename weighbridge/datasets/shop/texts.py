"""Order lines as Arrow columns in the schema of Online Retail II."""

from collections.abc import Iterable
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from weighbridge.datasets.shop.catalogue import Catalogue
from weighbridge.datasets.shop.columns import (
    COUNTRY,
    CUSTOMER,
    DATE,
    DESCRIPTION,
    INVOICE,
    ITEM,
    PRICE,
    QUANTITY,
)
from weighbridge.datasets.shop.customers import FIRST_NUMBER
from weighbridge.datasets.shop.draws import Ints
from weighbridge.datasets.shop.lines import Lines
from weighbridge.datasets.shop.words import COUNTRIES, CURRENCIES, NEW_COUNTRY, NOTES, SPECIALS, SPELLINGS


class Texts:
    """Turns numbers into the texts they stand for.

    Args:
        catalogue: the items.
        kinds: kinds of drift; those that put text among numbers make these columns text.
    """

    def __init__(self, catalogue: Catalogue, kinds: Iterable[str] = ()) -> None:
        self._catalogue = catalogue
        self._text_quantity = "text-quantity" in kinds
        self._text_price = "mixed-currencies" in kinds

    @cached_property
    def codes(self) -> pa.Array:
        """StockCodes of the items, of their successors, of what is not a product; then all in another format."""
        codes = [*self._catalogue.codes, *SPECIALS]
        return pa.array([*codes, *(f"SKU-{code:0>8}" for code in codes)])

    @cached_property
    def descriptions(self) -> pa.Array:
        """Descriptions in the order of the codes, then the notes of write-offs."""
        return pa.array([*self._catalogue.descriptions, *(name for name, _ in SPECIALS.values()), *NOTES])

    @property
    def schema(self) -> pa.Schema:
        """The columns and their types."""
        return pa.schema(
            {
                INVOICE: pa.string(),
                ITEM: pa.string(),
                DESCRIPTION: pa.string(),
                QUANTITY: pa.string() if self._text_quantity else pa.int64(),
                DATE: pa.timestamp("us"),
                PRICE: pa.string() if self._text_price else pa.float64(),
                CUSTOMER: pa.string(),
                COUNTRY: pa.string(),
            }
        )

    def batch(self, lines: Lines) -> pa.RecordBatch:
        """The lines as columns of `schema`."""
        columns = {
            INVOICE: _prefixed(lines.invoice, np.where(lines.cancellation, "C", "")),
            ITEM: self.codes.take(pa.array(lines.code)),
            DESCRIPTION: self.descriptions.take(_places(lines.description)),
            QUANTITY: self._quantities(lines),
            DATE: pa.array(lines.time * 1_000_000).cast(pa.timestamp("us")),
            PRICE: self._prices(lines),
            CUSTOMER: pc.add(_places(lines.customer), FIRST_NUMBER).cast(pa.string()),
            COUNTRY: _COUNTRIES.take(pa.array(lines.country)),
        }
        return pa.RecordBatch.from_arrays(list(columns.values()), schema=self.schema)

    def _quantities(self, lines: Lines) -> pa.Array:
        numbers = pa.array(lines.quantity)
        if not self._text_quantity:
            return numbers
        texts = numbers.cast(pa.string()).to_numpy(zero_copy_only=False)
        for place in np.flatnonzero(lines.spelled):
            texts[place] = SPELLINGS[place % len(SPELLINGS)].format(texts[place])
        return pa.array(texts, pa.string())

    def _prices(self, lines: Lines) -> pa.Array:
        if not self._text_price:
            return pa.array(lines.price)
        signs = np.array([sign for sign, _ in CURRENCIES])
        return _prefixed(lines.price, signs[lines.currency])


_COUNTRIES = pa.array([*COUNTRIES, NEW_COUNTRY])


def _places(places: Ints) -> pa.Array:
    """Places as indices, null where they are below zero."""
    return pa.array(places, mask=places < 0)


def _prefixed(numbers: npt.NDArray[Any], prefixes: npt.NDArray[np.str_]) -> pa.Array:
    texts = pa.array(numbers).cast(pa.string())
    return pc.binary_join_element_wise(pa.array(prefixes), texts, "")
