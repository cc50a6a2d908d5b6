"""The stream: exact, ordered, the same for the same options, and like the real thing in what a model lives on."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.weighbridge.datasets.shop.streams import lines, purchases
from weighbridge.common.errors import UsageError
from weighbridge.datasets.shop import stream as streams
from weighbridge.datasets.shop.options import ShopOptions
from weighbridge.datasets.shop.stream import Stream
from weighbridge.datasets.shop.words import ARTICLES, THEMES


@pytest.fixture(scope="module")
def year() -> pd.DataFrame:
    return lines(120_000, seed=3)


@settings(max_examples=40, deadline=None)
@given(
    rows=st.integers(1, 3000),
    seed=st.integers(0, 2**40),
    months=st.integers(1, 30),
    items=st.integers(1, 400),
    customers=st.integers(1, 400),
    basket=st.floats(1, 100),
)
def test_any_options_give_exactly_as_many_lines_in_order(rows, seed, months, items, customers, basket):
    options = ShopOptions(rows, seed=seed, months=months, items=items, customers=customers, basket=basket)
    stream = Stream(options)
    table = pa.Table.from_batches(stream.batches(), stream.schema)
    table.validate(full=True)
    frame = table.to_pandas()
    assert len(frame) == rows
    assert frame.InvoiceDate.is_monotonic_increasing
    assert frame.InvoiceDate.dt.date.between(options.start, options.end).all()
    named = frame.drop(columns=["Description", "CustomerID"])
    assert named.notna().all().all()
    per_invoice = frame.fillna("").groupby("InvoiceNo")[["InvoiceDate", "CustomerID", "Country"]].nunique()
    assert (per_invoice == 1).all().all()


def test_the_columns_are_those_of_online_retail(online_retail):
    from pyarrow import parquet

    ours, real = Stream(ShopOptions(10)).schema, parquet.read_schema(online_retail)
    assert ours.names == real.names
    assert list(map(str, ours.types)) == [str(type_).removeprefix("large_") for type_ in real.types]


def test_the_same_seed_gives_the_same_lines_and_another_seed_others(year):
    pd.testing.assert_frame_equal(lines(120_000, seed=3), year)
    assert not lines(120_000, seed=4).equals(year)


def test_many_blocks_are_one_stream(monkeypatch):
    monkeypatch.setattr(streams, "BLOCK_ROWS", 1000)
    frame = lines(10_500)
    assert len(frame) == 10_500
    assert frame.InvoiceDate.is_monotonic_increasing
    numbers = frame.InvoiceNo.str.lstrip("C").astype(int)
    assert numbers.is_monotonic_increasing
    assert np.diff(numbers.unique()).max() == 1


def test_dirt_is_as_frequent_as_in_a_real_export(year):
    cancelled = year.InvoiceNo.str.startswith("C")
    shares = {
        "cancelled": cancelled.mean(),
        "returned": ((year.Quantity < 0) & ~cancelled).mean(),
        "without customer": year.CustomerID.isna().mean(),
        "at home": (year.Country == "United Kingdom").mean(),
        "free": (year.UnitPrice == 0).mean(),
        "twice": year.duplicated().mean(),
        "no product": (~year.StockCode.str.match(r"^\d{5}")).mean(),
        "undescribed": year.Description.isna().mean(),
    }
    low = dict(zip(shares, (0.01, 0.001, 0.1, 0.8, 0.002, 0.005, 0.002, 0.0005), strict=True))
    high = dict(zip(shares, (0.04, 0.01, 0.3, 0.97, 0.02, 0.03, 0.02, 0.01), strict=True))
    assert {name for name, share in shares.items() if not low[name] < share < high[name]} == set()
    assert (year[cancelled].Quantity < 0).all()


def test_what_is_cancelled_was_bought_before(year):
    cancelled = year[year.InvoiceNo.str.startswith("C")]
    bought = year[(year.Quantity > 0) & year.CustomerID.notna()].groupby(["CustomerID", "StockCode"]).InvoiceDate.min()
    first = bought.reindex(pd.MultiIndex.from_frame(cancelled[["CustomerID", "StockCode"]]))
    assert len(cancelled) > 500
    assert (first.to_numpy() <= cancelled.InvoiceDate.to_numpy()).all()


def test_popularity_is_skewed_and_customers_differ_in_how_often_they_order(year):
    bought = purchases(year)
    popularity = bought.StockCode.value_counts(normalize=True)
    assert 0.45 < popularity.iloc[: len(popularity) // 8].sum() < 0.75
    orders = bought.groupby("CustomerID").InvoiceNo.nunique()
    assert orders.max() > 8 * orders.median()


def test_customers_buy_again_what_they_bought_and_what_is_like_it(year):
    bought = purchases(year).drop_duplicates(["InvoiceNo", "StockCode"]).copy()
    again = bought.duplicated(["CustomerID", "StockCode"]).mean()
    mixed = bought.assign(StockCode=np.random.default_rng(0).permutation(bought.StockCode))
    assert again > 1.5 * mixed.duplicated(["CustomerID", "StockCode"]).mean()

    for words in (THEMES, ARTICLES):
        pattern = "|".join(sorted(words, key=len, reverse=True))
        bought["word"] = bought.Description.str.extract(f"({pattern})$" if words is ARTICLES else f"({pattern})")[0]
        overall = (bought.word.value_counts(normalize=True) ** 2).sum()
        counts = bought.groupby(["CustomerID", "word"]).size()
        totals = counts.groupby("CustomerID").sum()
        within = (counts * (counts - 1)).groupby("CustomerID").sum() / (totals * (totals - 1))
        assert within[totals >= 20].mean() > 1.4 * overall


def test_the_week_the_year_and_the_holidays_show(year):
    orders = year.drop_duplicates("InvoiceNo").InvoiceDate
    assert (orders.dt.dayofweek != 5).all()
    assert orders.dt.hour.between(7, 19).all()
    months = orders.dt.month.value_counts()
    assert months[11] > 1.5 * months[[2, 3, 4, 5, 6, 7, 8]].mean()
    assert not ((orders.dt.month == 12) & (orders.dt.day > 23)).any()
    christmas = year[year.Description.str.contains("CHRISTMAS|REINDEER|SNOWFLAKE", na=False)].InvoiceDate.dt.month
    share = christmas.value_counts() / year.InvoiceDate.dt.month.value_counts()
    assert share[11] > 10 * share[5]


def test_items_and_customers_keep_coming_and_prices_change(year):
    bought = purchases(year)
    late = pd.Timestamp("2010-08-01")
    for column in ("StockCode", "CustomerID"):
        first = bought.groupby(column).InvoiceDate.min()
        assert 0.03 < (first >= late).mean() < 0.4
    usual = bought[bought.Quantity < 48].groupby(["StockCode", bought.InvoiceDate >= late]).UnitPrice.median().unstack()
    usual = usual.dropna()
    assert 0.1 < (usual[False] != usual[True]).mean() < 0.9


def test_countries_have_tastes_of_their_own():
    bought = purchases(lines(400_000, items=800))
    pattern = "|".join(THEMES)
    bought = bought.assign(word=bought.Description.str.extract(f"({pattern})")[0])
    shares = bought.groupby("Country").word.value_counts(normalize=True).unstack(fill_value=0)
    home, germany = shares.loc["United Kingdom"], shares.loc["Germany"]
    some = (
        bought[bought.Country == "United Kingdom"]
        .CustomerID.drop_duplicates()
        .sample(bought[bought.Country == "Germany"].CustomerID.nunique(), random_state=0)
    )
    sample = bought[bought.CustomerID.isin(some)].word.value_counts(normalize=True).reindex(home.index, fill_value=0)
    assert (germany - home).abs().sum() > 1.5 * (sample - home).abs().sum()


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"rows": 0}, "--rows 0"),
        ({"seed": -1}, "--seed -1"),
        ({"months": 0}, "--months 0"),
        ({"customers": -5}, "--customers -5"),
        ({"basket": 0.5}, "--basket 0.5"),
        ({"basket": float("nan")}, "--basket nan"),
        ({"items": 10_000_000}, "--items 10000000"),
        ({"drift": ("earthquake",)}, "earthquake"),
    ],
)
def test_wrong_options_are_named(wrong, named):
    with pytest.raises(UsageError, match=named) as told:
        Stream(ShopOptions(**({"rows": 100} | wrong)))
    assert told.value.hint


def test_what_was_bought_tells_what_is_bought_next(year):
    """Co-occurrence with a customer's earlier items beats popularity at finding items that are new to the customer."""
    bought = purchases(year)
    until = pd.Timestamp("2010-10-01")
    past, future = bought[bought.InvoiceDate < until], bought[bought.InvoiceDate >= until]
    matrix = past.groupby(["CustomerID", "StockCode"]).size().unstack(fill_value=0) > 0
    owned = matrix.to_numpy(np.float32)
    popularity = owned.sum(axis=0)
    together = owned.T @ owned / np.sqrt(np.outer(popularity, popularity))
    wanted = future.groupby("CustomerID").StockCode.agg(set)
    columns = {code: place for place, code in enumerate(matrix.columns)}
    recalls = []
    for row, customer in enumerate(matrix.index):
        new = {columns[code] for code in wanted.get(customer, ()) if code in columns}
        new -= set(np.flatnonzero(owned[row]))
        if new:
            scores = np.stack([popularity, owned[row] @ together])
            best = np.argsort(-np.where(owned[row] > 0, -np.inf, scores), axis=1)[:, :20]
            recalls.append([len(new & set(top)) / min(len(new), 20) for top in best])
    by_popularity, by_company = np.mean(recalls, axis=0)
    assert len(recalls) > 100
    assert by_company > 1.2 * by_popularity
