"""What order lines look like after `prepare`, and what of them no export may hold."""

from datetime import date, datetime

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weighbridge.common.errors import UsageError
from weighbridge.pipelines.recommender import columns as c


def batch(**columns: list) -> pa.RecordBatch:
    """One line or more, by column; what is not named is as it should be."""
    rows = max([len(values) for values in columns.values()] or [1])
    plain = {
        c.INVOICE: "1",
        c.ITEM: "10001",
        c.DESCRIPTION: "thing",
        c.QUANTITY: 1,
        c.DATE: datetime(2010, 1, 1),
        c.PRICE: 1.0,
        c.CUSTOMER: "c",
        c.COUNTRY: "Here",
    }
    return pa.RecordBatch.from_pydict({name: [value] * rows for name, value in plain.items()} | columns)


def prepared(name: str, values: list) -> list:
    return c.prepare(batch(**{name: values})).column(c.TIME if name == c.DATE else name).to_pylist()


def test_the_columns_are_the_schemas_and_others_are_left_out():
    found = c.prepare(batch(note=["x"]))
    assert set(found.schema.names) == {*c.TEXTS, c.QUANTITY, c.PRICE, c.TIME}
    assert found.schema.field(c.TIME).type == pa.timestamp("us")


@pytest.mark.parametrize("missing", c.RAW)
def test_a_missing_column_is_named_with_what_there_is(missing):
    rest = batch().to_pydict()
    del rest[missing]
    with pytest.raises(UsageError, match=f"no column {missing!r}") as caught:
        c.prepare(pa.RecordBatch.from_pydict(rest))
    assert "--set 'columns=" in caught.value.hint


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (["  a ", "", "   ", None], ["a", None, None, None]),
        ([17850.0, float("nan"), None], ["17850", None, None]),
        (["17850.0", "17850", "A.0b"], ["17850", "17850", "A.0b"]),
        ([17850, None], ["17850", None]),
        ([b"17850"], ["17850"]),
    ],
)
def test_customers_are_text_however_they_were_exported(given, found):
    assert prepared(c.CUSTOMER, given) == found


def test_item_codes_that_became_numbers_are_whole():
    assert prepared(c.ITEM, [85123.0, 12345678.0]) == ["85123", "12345678"]


def test_text_that_is_no_utf_8_is_told_with_a_way_out():
    with pytest.raises(UsageError, match=r"'Description'.*UTF-8") as caught:
        prepared(c.DESCRIPTION, [b"caf\xe9"])
    assert "iconv" in caught.value.hint


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ([datetime(2010, 3, 1, 8, 26)], [datetime(2010, 3, 1, 8, 26)]),
        ([date(2010, 3, 1)], [datetime(2010, 3, 1)]),
        ([1_267_432_000_000_000], [datetime(2010, 3, 1, 8, 26, 40)]),
        (["2010-03-01 08:26:00", " 2010-03-01T08:26 "], [datetime(2010, 3, 1, 8, 26)] * 2),
        (["2010-03-01T10:26:00+02:00", None, "soon", ""], [datetime(2010, 3, 1, 8, 26), None, None, None]),
    ],
)
def test_times_are_read_and_what_is_none_is_a_gap(given, found):
    assert prepared(c.DATE, given) == found


def test_dates_that_could_be_read_in_two_ways_are_not_guessed():
    with pytest.raises(UsageError, match=r"No InvoiceDate.*12/1/2010 8:26") as caught:
        prepared(c.DATE, ["12/1/2010 8:26", "13/1/2010 8:26"])
    assert "2010-12-01" in caught.value.hint


@settings(deadline=None)
@given(st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1)))
def test_a_time_and_its_iso_text_are_the_same(time):
    assert prepared(c.DATE, [time]) == prepared(c.DATE, [time.isoformat()]) == [time]
