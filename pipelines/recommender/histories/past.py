"""All purchases before the evaluation, for whoever needs more than the histories: baselines, popularity. No tfx."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from weighbridge.common.arrow import parquet, read_table
from weighbridge.common.errors import UsageError
from weighbridge.pipelines.recommender.histories.catalogue import Catalogue
from weighbridge.pipelines.recommender.histories.lines import Purchases
from weighbridge.pipelines.recommender.histories.windows import DAY

PAST_FILE = "past.parquet"


@dataclass(frozen=True)
class Past:
    """Purchases before the evaluation, one entry per line.

    Attributes:
        customers: names, [customers], bytes, sorted.
        countries: newest country of each, [customers], bytes.
        customer: number of the customer, [purchases], int64.
        item: number of the item in the catalogue, from 0, [purchases], int64.
        ages: days before the evaluation, [purchases], float32.
    """

    customers: npt.NDArray[np.object_]
    countries: npt.NDArray[np.object_]
    customer: npt.NDArray[np.int64]
    item: npt.NDArray[np.int64]
    ages: npt.NDArray[np.float32]


def write_past(folder: str | Path, purchases: Purchases, catalogue: Catalogue, at: int) -> None:
    """Write what was bought before the moment `at` to `past.parquet`."""
    before = purchases.before(at)
    names = np.append(purchases.countries, b"")
    table = pa.table(
        {
            "customer": pa.array(purchases.customers[purchases.customer[before]], pa.binary()).dictionary_encode(),
            "country": pa.array(names[purchases.country[before]], pa.binary()).dictionary_encode(),
            "item": np.searchsorted(catalogue.items, purchases.items)[purchases.item[before]],
            "age": ((at - purchases.time[before]) / DAY).astype(np.float32),
        }
    )
    parquet.write_table(table, Path(folder, PAST_FILE), compression="zstd")


def read_past(folder: str | Path) -> Past:
    """Read what `write_past` wrote.

    Raises:
        UsageError: the file is missing or damaged.
    """
    try:
        table = read_table(Path(folder, PAST_FILE), read_dictionary=["customer", "country"])
    except (OSError, pa.ArrowInvalid) as error:
        raise UsageError(f"The purchases in {folder} cannot be read: {error}", "Histories writes them.") from error
    names = np.array(table.column("customer").to_pylist(), object)
    customers, first, customer = np.unique(names, return_index=True, return_inverse=True)
    # Lines are sorted by customer and time: a customer's last is where the next one's first is.
    last = np.append(first[1:], len(names)) - 1
    countries = np.array(table.column("country").to_pylist(), object)[last] if len(names) else names
    ages = np.asarray(table.column("age"), np.float32)
    return Past(customers, countries, customer, np.asarray(table.column("item"), np.int64), ages)
