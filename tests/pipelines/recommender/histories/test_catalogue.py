"""The catalogue and the past: what is known of items and purchases when evaluation begins."""

import numpy as np
import pytest

from tests.pipelines.recommender.orders import line, moment, purchases, shop
from weighbridge.common.errors import UsageError
from weighbridge.pipelines.recommender.histories.catalogue import CATALOGUE_FILE, COUNTRIES_FILE, Catalogue
from weighbridge.pipelines.recommender.histories.past import PAST_FILE, read_past, write_past
from weighbridge.pipelines.recommender.histories.windows import Window

WINDOWS = [Window(moment(20), moment(30), 0), Window(moment(30), moment(40), 1)]
LINES = [
    line(1, "a", "10001", Description="OLD NAME", UnitPrice=1.0),
    line(2, "b", "10001", Description="NEW NAME", UnitPrice=9.0, Country="There"),
    line(3, "b", "10001", Description=None, UnitPrice=2.0, Country="There"),
    line(15, "a", "10002", Description=None),
    line(25, "c", "10002", Description=None, Country=None),
    line(29.9, "a", "10001", Description="NEW NAME", UnitPrice=2.0),
    line(30, "d", "10001", Description="FUTURE", UnitPrice=100.0, Country="Tomorrow"),
    line(31, "d", "10003"),
]


@pytest.fixture
def catalogue():
    return Catalogue.of(purchases(LINES), WINDOWS, recent_days=10)


def test_items_are_those_bought_before_the_evaluation(catalogue):
    assert catalogue.items.tolist() == [b"10001", b"10002"]
    assert catalogue.customers.tolist() == [2, 2]


def test_the_newest_description_counts_and_none_is_empty(catalogue):
    assert catalogue.descriptions.tolist() == ["NEW NAME", ""]


def test_the_price_is_the_median_so_that_one_mistake_does_not_count(catalogue):
    assert catalogue.prices.tolist() == [2, 2]


def test_recent_customers_are_counted_before_each_moment(catalogue):
    # Ten days before day 20: a bought 10002. Before day 30: c 10002, a 10001.
    assert catalogue.recent.tolist() == [[0, 1], [1, 1]]


def test_countries_count_distinct_customers_and_a_missing_one_counts_nowhere(catalogue):
    counts = {name: row.tolist() for name, row in zip(catalogue.countries, catalogue.by_country, strict=True)}
    assert {name: row for name, row in counts.items() if any(row)} == {b"Here": [1, 1], b"There": [1, 0]}


def test_it_comes_back_as_it_was_written(tmp_path):
    made = Catalogue.of(purchases(shop().to_dict("records")), [Window(moment(60), moment(90), 0)], 28)
    made.write(tmp_path)
    read = Catalogue.read(tmp_path)
    for name in ("items", "descriptions", "prices", "customers", "recent"):
        np.testing.assert_array_equal(getattr(read, name), getattr(made, name), err_msg=name)
    sold = made.by_country.any(axis=1)
    assert read.countries.tolist() == made.countries[sold].tolist()
    np.testing.assert_array_equal(read.by_country, made.by_country[sold])


@pytest.mark.parametrize("file", [CATALOGUE_FILE, COUNTRIES_FILE])
def test_a_catalogue_that_is_missing_or_damaged_says_who_writes_it(tmp_path, catalogue, file):
    catalogue.write(tmp_path)
    (tmp_path / file).write_bytes(b"no parquet")
    with pytest.raises(UsageError, match="no catalogue") as caught:
        Catalogue.read(tmp_path)
    assert "Histories" in caught.value.hint
    (tmp_path / file).unlink()
    with pytest.raises(UsageError, match="no catalogue"):
        Catalogue.read(tmp_path)


def test_the_past_holds_what_was_bought_before_the_evaluation(tmp_path, catalogue):
    write_past(tmp_path, purchases(LINES), catalogue, WINDOWS[-1].at)
    past = read_past(tmp_path)
    assert past.customers.tolist() == [b"a", b"b", b"c"]
    assert past.countries.tolist() == [b"Here", b"There", b""]
    pairs = sorted(zip(past.customer.tolist(), past.item.tolist(), past.ages.tolist(), strict=True))
    expected = [(0, 0, 0.1), (0, 0, 29), (0, 1, 15), (1, 0, 27), (1, 0, 28), (2, 1, 5)]
    assert [pair[:2] for pair in pairs] == [each[:2] for each in expected]
    assert [pair[2] for pair in pairs] == pytest.approx([each[2] for each in expected], rel=1e-3)


def test_a_customer_who_moved_is_where_the_newest_purchase_is(tmp_path):
    lines = [line(1, "a", Country="There"), line(2, "a", Country="Here"), line(3, "b", Country="There")]
    bought = purchases(lines)
    windows = [Window(moment(10), moment(20), 0)]
    write_past(tmp_path, bought, Catalogue.of(bought, windows, 5), moment(10))
    assert read_past(tmp_path).countries.tolist() == [b"Here", b"There"]


def test_a_past_that_is_missing_or_damaged_says_who_writes_it(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        read_past(tmp_path)
    (tmp_path / PAST_FILE).write_bytes(b"no parquet")
    with pytest.raises(UsageError, match="cannot be read") as caught:
        read_past(tmp_path)
    assert "Histories" in caught.value.hint
