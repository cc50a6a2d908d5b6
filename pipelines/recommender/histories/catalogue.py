"""The catalogue at the moment of evaluation: what each item is called, costs, and how much it was bought. No tfx."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from weighbridge.common.arrow import parquet, read_table
from weighbridge.common.errors import UsageError
from weighbridge.pipelines.recommender.histories.lines import Purchases
from weighbridge.pipelines.recommender.histories.windows import DAY, Window, distinct_pairs

CATALOGUE_FILE = "catalogue.parquet"
COUNTRIES_FILE = "countries.parquet"


@dataclass(frozen=True)
class Catalogue:
    """All items that were bought before the evaluation begins.

    Attributes:
        items: codes, [items], bytes, sorted.
        descriptions: newest description of each, [items], text.
        prices: median price, [items], float32.
        customers: distinct customers that bought it, [items], int64.
        recent: distinct customers that bought it in the days before each moment, [periods, items], int64.
        countries: names, [countries], bytes, sorted.
        by_country: distinct customers of each country that bought it, [countries, items], int64.
    """

    items: npt.NDArray[np.object_]
    descriptions: npt.NDArray[np.object_]
    prices: npt.NDArray[np.float32]
    customers: npt.NDArray[np.int64]
    recent: npt.NDArray[np.int64]
    countries: npt.NDArray[np.object_]
    by_country: npt.NDArray[np.int64]

    @classmethod
    def of(cls, purchases: Purchases, windows: list[Window], recent_days: int) -> Self:
        """Describe the items as they are known at the last window's moment.

        Args:
            purchases: cleaned; what lies at or after the last window's moment is not looked at.
            windows: moments in ascending order, the evaluation's last.
            recent_days: how far back `recent` looks from each moment.
        """
        p, end = purchases, windows[-1].at
        before = p.before(end)
        known, index = np.unique(p.item[before], return_inverse=True)
        size = len(known)
        customer, time, country = p.customer[before], p.time[before], p.country[before]

        def buyers(rows: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
            _, items = distinct_pairs(customer[rows], index[rows])
            return np.bincount(items, minlength=size)

        recent = [buyers((time < window.at) & (time >= window.at - recent_days * DAY)) for window in windows]
        return cls(
            items=p.items[known],
            descriptions=_newest_descriptions(p, before, index, size),
            prices=_medians(p.price[before], index, size),
            customers=buyers(np.ones(len(index), bool)),
            recent=np.stack(recent),
            countries=p.countries,
            by_country=np.stack([buyers(country == number) for number in range(len(p.countries))])
            if len(p.countries)
            else np.zeros((0, size), np.int64),
        )

    def write(self, folder: str | Path) -> None:
        """Write `catalogue.parquet` and `countries.parquet`."""
        flat = pa.array(np.ascontiguousarray(self.recent.T).ravel(), pa.int64())
        table = pa.table(
            {
                "item": pa.array(self.items, pa.binary()),
                "description": pa.array(self.descriptions, pa.string()),
                "price": pa.array(self.prices),
                "customers": pa.array(self.customers),
                "recent": pa.FixedSizeListArray.from_arrays(flat, len(self.recent)),
            }
        )
        parquet.write_table(table, Path(folder, CATALOGUE_FILE), compression="zstd")
        country, item = np.nonzero(self.by_country)
        bought = {
            "country": pa.array(self.countries[country], pa.binary()),
            "item": pa.array(item),
            "customers": pa.array(self.by_country[country, item]),
        }
        parquet.write_table(pa.table(bought), Path(folder, COUNTRIES_FILE), compression="zstd")

    @classmethod
    def read(cls, folder: str | Path) -> Self:
        """Read what `write` wrote.

        Raises:
            UsageError: a file is missing or damaged.
        """
        try:
            table = read_table(Path(folder, CATALOGUE_FILE))
            bought = read_table(Path(folder, COUNTRIES_FILE))
        except (OSError, pa.ArrowInvalid) as error:
            raise UsageError(f"There is no catalogue in {folder}: {error}", "Histories writes it.") from error
        recent = table.column("recent").combine_chunks()
        countries, number = np.unique(_objects(bought, "country"), return_inverse=True)
        by_country = np.zeros((len(countries), table.num_rows), np.int64)
        by_country[number, np.asarray(bought.column("item"))] = np.asarray(bought.column("customers"))
        return cls(
            items=_objects(table, "item"),
            descriptions=_objects(table, "description"),
            prices=np.asarray(table.column("price"), np.float32),
            customers=np.asarray(table.column("customers")),
            recent=np.asarray(recent.flatten()).reshape(table.num_rows, -1).T,
            countries=countries,
            by_country=by_country,
        )


def _objects(table: pa.Table, name: str) -> npt.NDArray[np.object_]:
    return np.array(table.column(name).to_pylist(), object)


def _newest_descriptions(p: Purchases, before: Any, index: npt.NDArray[np.int64], size: int) -> npt.NDArray[np.object_]:
    details = np.flatnonzero(p.description[before] >= 0)
    order = details[np.argsort(p.time[before][details], kind="stable")]
    result = np.full(size, "", object)
    # Of several assignments to one place the last stays.
    texts = np.array([text.decode(errors="replace") for text in p.descriptions] or [""], object)
    result[index[order]] = texts[p.description[before][order]]
    return result


def _medians(values: npt.NDArray[np.float64], index: npt.NDArray[np.int64], size: int) -> npt.NDArray[np.float32]:
    order = np.lexsort((values, index))
    counts = np.bincount(index, minlength=size)
    middle = np.cumsum(counts) - counts + (counts - 1) // 2
    return values[order][middle].astype(np.float32)
