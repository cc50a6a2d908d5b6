"""Streams for tests, as data frames."""

import pandas as pd
import pyarrow as pa

from weighbridge.datasets.shop.options import ShopOptions
from weighbridge.datasets.shop.stream import Stream


def lines(rows: int, **options) -> pd.DataFrame:
    """A stream's lines."""
    stream = Stream(ShopOptions(rows, **options))
    return pa.Table.from_batches(stream.batches(), stream.schema).to_pandas()


def purchases(frame: pd.DataFrame) -> pd.DataFrame:
    """Products that known customers bought."""
    product = frame.StockCode.str.match(r"^\d{5}")
    return frame[product & (frame.Quantity > 0) & frame.CustomerID.notna()]
