"""Each kind of drift does what it says from its day on, and nothing before."""

from datetime import date

import pandas as pd
import pytest

from tests.weighbridge.datasets.shop.streams import lines, purchases
from weighbridge.common.errors import UsageError
from weighbridge.datasets.shop import drift_kinds
from weighbridge.datasets.shop.options import ShopOptions
from weighbridge.datasets.shop.words import NEW_COUNTRY

ROWS = 40_000
BEGIN = ShopOptions(ROWS).drift_begin
AFTER = pd.Timestamp(BEGIN)


@pytest.fixture(scope="module")
def usual() -> pd.DataFrame:
    return lines(ROWS)


def drifted(kind: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A stream's lines before and after the drift."""
    frame = lines(ROWS, drift=(kind,))
    assert len(frame) == ROWS
    after = frame.InvoiceDate >= AFTER
    return frame[~after], frame[after]


@pytest.mark.parametrize("kind", [kind for kind in drift_kinds.KINDS if kind not in ("empty-week", "duplicates")])
def test_before_the_drift_nothing_changes_and_then_something_does(usual, kind):
    before, after = drifted(kind)
    expected = usual[usual.InvoiceDate < AFTER]
    if kind in drift_kinds.CSV_ONLY:
        column = "Quantity" if kind == "text-quantity" else "UnitPrice"
        before = before.assign(**{column: before[column].astype(float)})
        expected = expected.assign(**{column: expected[column].astype(float)})
    pd.testing.assert_frame_equal(before, expected)
    assert not after.equals(usual[usual.InvoiceDate >= AFTER])


def test_prices_are_tripled(usual):
    _, after = drifted("prices")
    assert after.UnitPrice.to_numpy() == pytest.approx(3 * usual[usual.InvoiceDate >= AFTER].UnitPrice.to_numpy())


def test_some_prices_are_negative():
    _, after = drifted("negative-prices")
    assert 0.03 < (after.UnitPrice < 0).mean() < 0.07


def test_a_new_country_and_another_mix():
    before, after = drifted("countries")
    shares = after.drop_duplicates("InvoiceNo").Country.value_counts(normalize=True)
    assert NEW_COUNTRY not in set(before.Country)
    assert shares[NEW_COUNTRY] > 0.1
    assert shares["Germany"] > 0.08


def test_a_third_of_the_codes_change_their_format():
    before, after = drifted("codes")
    assert not before.StockCode.str.startswith("SKU-").any()
    codes = after.StockCode.drop_duplicates()
    assert 0.2 < codes.str.startswith("SKU-").mean() < 0.4


def test_other_items_are_popular():
    before, after = drifted("tastes")
    old, new = (frame.StockCode.value_counts().head(50).index for frame in map(purchases, (before, after)))
    assert len(old.intersection(new)) < 15


def test_every_item_is_new():
    before, after = (purchases(frame) for frame in drifted("new-items"))
    assert not set(before.StockCode) & set(after.StockCode)
    assert not set(before.Description) & set(after.Description)


def test_one_customer_buys_everything():
    before, after = (purchases(frame) for frame in drifted("one-customer"))
    orders = after.drop_duplicates("InvoiceNo").CustomerID.value_counts(normalize=True)
    assert orders.iloc[0] > 0.4
    assert before.drop_duplicates("InvoiceNo").CustomerID.value_counts(normalize=True).iloc[0] < 0.2
    assert after[after.CustomerID == orders.index[0]].StockCode.nunique() > 0.6 * after.StockCode.nunique()


def test_a_week_has_no_orders():
    frame = lines(ROWS, drift=("empty-week",), drift_from=date(2010, 6, 7))
    assert len(frame) == ROWS
    assert not frame.InvoiceDate.between("2010-06-07", "2010-06-14").any()
    assert frame.InvoiceDate.between("2010-06-14", "2010-06-21").any()


def test_the_last_week_is_there_twice():
    frame = lines(ROWS, drift=("duplicates",))
    assert len(frame) == ROWS
    last = frame.InvoiceDate >= "2010-11-24"
    assert 0.01 < last.mean() < 0.15
    counts = frame[last].fillna("").value_counts()
    assert (counts >= 2).mean() > 0.98
    assert frame[~last].duplicated().mean() < 0.03


def test_lines_are_out_of_order():
    before, after = drifted("unordered")
    assert before.InvoiceDate.is_monotonic_increasing
    assert (after.InvoiceDate.diff().dt.total_seconds() < 0).mean() > 0.3


def test_text_among_numbers():
    _, after = drifted("text-quantity")
    assert 0.01 < pd.to_numeric(after.Quantity, errors="coerce").isna().mean() < 0.05
    _, after = drifted("mixed-currencies")
    foreign = pd.to_numeric(after.UnitPrice, errors="coerce").isna()
    assert set(after[foreign].UnitPrice.str[0]) >= {"€", "k"}
    assert (after[foreign].Country != "United Kingdom").all()


def test_kinds_go_together():
    frame = lines(5000, drift=("prices", "codes", "duplicates", "unordered", "new-items", "countries"))
    assert len(frame) == 5000
    assert NEW_COUNTRY in set(frame.Country)


def test_the_whole_stream_may_drift():
    frame = lines(2000, drift=("negative-prices",), drift_from=ShopOptions(1).start)
    assert (frame.head(500).UnitPrice < 0).any()


def test_a_drift_outside_of_the_stream_is_refused():
    with pytest.raises(UsageError, match="2031-01-01"):
        ShopOptions(10, drift=("prices",), drift_from=date(2031, 1, 1))
