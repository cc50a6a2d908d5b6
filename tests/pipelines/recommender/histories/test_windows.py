"""Rows of customers: what lies before the moment is history, what lies in the window is to be foretold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.pipelines.recommender.orders import line, moment, purchases
from weighbridge.pipelines.recommender.histories.windows import DAY, MARKET, OTHERS, Window, rows_of, training_windows

WINDOW = Window(moment(10), moment(20), 3)


def rows(lines, window=WINDOW, longest=200) -> dict[str, dict]:
    """Rows by customer."""
    found = rows_of(purchases(lines), window, longest).to_pylist()
    assert len({row["customer"] for row in found}) == len(found)
    return {row["customer"].decode(): row for row in found}


def test_a_row_has_what_was_bought_before_and_what_is_then():
    lines = [
        line(1, "a", "10001"),
        line(9.75, "a", "10002"),
        line(10, "a", "10003"),
        line(19.99, "a", "10001"),
        line(12, "a", "10001"),
        line(20, "a", "10009"),
    ]
    (row,) = rows(lines).values()
    assert row["history"] == [b"10002", b"10001"]
    assert row["ages"] == pytest.approx([0.25, 9])
    assert row["items"] == [b"10001", b"10003"]
    assert (row["at"], row["period"]) == (WINDOW.at, 3)
    assert (row["country"], row["activity"], row["returning"]) == (b"Here", b"2-4 orders", b"returning")


def test_who_buys_nothing_in_the_window_has_no_row():
    assert not rows([line(1, "a"), line(25, "a")])


def test_a_customer_with_a_single_purchase_is_new():
    row = rows([line(11, "only")])["only"]
    assert (row["history"], row["ages"], row["items"]) == ([], [], [b"10001"])
    assert (row["activity"], row["returning"]) == (b"new", b"new")


@pytest.mark.parametrize(
    ("orders", "activity"),
    [(1, b"1 order"), (2, b"2-4 orders"), (4, b"2-4 orders"), (5, b"5-9 orders"), (10, b"10+ orders")],
)
def test_activity_counts_invoices_not_lines(orders, activity):
    lines = [line(day / 2, "a", item, InvoiceNo=f"i{day}") for day in range(orders) for item in ("10001", "10002")]
    assert rows([*lines, line(11, "a")])["a"]["activity"] == activity


def test_a_history_longer_than_the_longest_keeps_the_newest():
    lines = [line(day, "a", str(10_000 + day)) for day in range(9)] + [line(11, "a")]
    row = rows(lines, longest=4)["a"]
    assert row["history"] == [b"10008", b"10007", b"10006", b"10005"]
    assert row["ages"] == [2, 3, 4, 5]
    assert row["activity"] == b"5-9 orders"  # counted on all of them


def test_the_country_is_that_of_the_first_purchase_in_the_window():
    lines = [line(1, "a", Country="Old"), line(11, "a", Country="New"), line(12, "a", Country="Newer")]
    assert rows(lines)["a"]["country"] == b"New"
    assert rows([line(11, "a", Country=None)])["a"]["country"] == b""


def test_countries_with_few_customers_are_one_market():
    lines = [line(11, f"h{number}") for number in range(MARKET)]
    lines += [line(11, f"t{number}", Country="There") for number in range(MARKET - 1)] + [line(11, "x", Country=None)]
    found = rows(lines)
    assert {row["market"] for name, row in found.items() if name[0] == "h"} == {b"Here"}
    assert {row["market"] for name, row in found.items() if name[0] != "h"} == {OTHERS}


def test_training_windows_end_where_evaluation_begins_or_earlier():
    windows = training_windows(moment(0), moment(100), days=28, step_days=14)
    assert [window.period for window in windows] == [0, 1, 2, 3]
    assert windows[-1].until == moment(100)
    assert windows[0].at >= moment(28)
    assert np.all(np.diff([window.at for window in windows]) == 14 * DAY)


@pytest.mark.parametrize(("days", "windows"), [(55.9, 0), (56, 1), (70, 2)])
def test_the_oldest_window_leaves_days_for_a_history(days, windows):
    assert len(training_windows(moment(0), moment(days), 28, 14)) == windows


@settings(deadline=None)
@given(st.integers(0, 400), st.integers(1, 60), st.integers(1, 60))
def test_no_window_reaches_into_the_evaluation(length, days, step_days):
    for window in training_windows(moment(0), moment(length), days, step_days):
        assert moment(days) <= window.at < window.until <= moment(length)


bought = st.builds(
    line,
    day=st.integers(0, 100).map(lambda quarter: quarter / 4),
    customer=st.sampled_from("abc"),
    item=st.sampled_from(["10001", "10002", "10003"]),
)


@settings(deadline=None)
@given(st.lists(bought, min_size=1, max_size=40), st.integers(1, 6))
def test_rows_are_what_a_plain_count_finds(lines, longest):
    found = rows(lines, longest=longest)
    at, until = 10, 20
    day = {id(each): (each["InvoiceDate"] - line(0)["InvoiceDate"]).total_seconds() / 86_400 for each in lines}
    for customer in "abc":
        own = [each for each in lines if each["CustomerID"] == customer]
        targets = {each["StockCode"].encode() for each in own if at <= day[id(each)] < until}
        assert (customer in found) == bool(targets)
        if not targets:
            continue
        before = sorted((each for each in own if day[id(each)] < at), key=lambda each: day[id(each)], reverse=True)
        row = found[customer]
        assert row["items"] == sorted(targets)
        assert row["ages"] == [at - day[id(each)] for each in before[:longest]]
        pairs = [(at - day[id(each)], each["StockCode"].encode()) for each in before]
        assert set(zip(row["ages"], row["history"], strict=True)) <= set(pairs)
