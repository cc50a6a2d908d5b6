"""Every line that is left out has one reason, the first that holds, and all lines are accounted for."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.pipelines.recommender.orders import line, table
from weighbridge.common.errors import UsageError
from weighbridge.pipelines.recommender import columns as c
from weighbridge.pipelines.recommender.histories.clean import REASONS, clean

GOOD = line(1)
BAD = {
    "cancelled": [{c.INVOICE: "C17"}, {c.INVOICE: "c17"}],
    "returned": [{c.QUANTITY: -1}, {c.QUANTITY: 0}, {c.QUANTITY: None}],
    "no_product": [{c.ITEM: "POST"}, {c.ITEM: "10001ABC"}, {c.ITEM: "1000"}, {c.ITEM: "x10001"}, {c.ITEM: None}],
    "no_price": [{c.PRICE: 0.0}, {c.PRICE: -2.0}, {c.PRICE: None}, {c.PRICE: float("nan")}],
    "no_customer": [{c.CUSTOMER: None}],
}


def counts(*lines: dict, **options: str) -> dict[str, int]:
    """What was left out, without the reasons that took nothing."""
    _, found = clean(table(lines), **options)
    assert list(found) == list(REASONS)
    return {reason: count for reason, count in found.items() if count}


@pytest.mark.parametrize(("reason", "change"), [(reason, change) for reason in BAD for change in BAD[reason]])
def test_each_reason_takes_its_lines(reason, change):
    kept, found = clean(table([GOOD, GOOD | change]))
    assert {name: count for name, count in found.items() if count} == {reason: 1}
    assert kept.to_pylist() == table([GOOD]).to_pylist()


def test_a_line_that_is_exported_again_counts_once_wherever_it_stands():
    other = GOOD | {c.QUANTITY: 2}
    assert counts(GOOD, other, GOOD, GOOD, other) == {"duplicate": 3}


@pytest.mark.parametrize("column", [name for name in c.RAW if name != c.CUSTOMER])
def test_lines_that_differ_anywhere_are_no_duplicates(column):
    different = {c.QUANTITY: 7, c.PRICE: 7.0, c.DATE: line(2)[c.DATE], c.ITEM: "20002"}
    assert counts(GOOD, GOOD | {column: different.get(column, "7")}) == {}


def test_the_first_reason_wins():
    everything = {c.INVOICE: "C1", c.QUANTITY: -1, c.ITEM: "POST", c.PRICE: 0.0, c.CUSTOMER: None}
    for place, reason in enumerate(list(REASONS)[1:]):
        assert counts(GOOD | dict(list(everything.items())[place:])) == {reason: 1}
    assert counts(GOOD | everything, GOOD | everything) == {"duplicate": 1, "cancelled": 1}


def test_products_are_what_the_pattern_says_from_end_to_end():
    lines = [line(1, item=code) for code in ("A-1", "A-12", "B-1", "xA-1")]
    kept, _ = clean(table(lines), r"A-\d|B-\d")
    assert kept.column(c.ITEM).to_pylist() == [b"A-1", b"B-1"]


@pytest.mark.parametrize("pattern", ["(", r"\d{5}(?!X)"])
def test_a_pattern_that_cannot_be_is_named(pattern):
    with pytest.raises(UsageError, match=re.escape(f"product={pattern!r}")):
        clean(table([GOOD]), pattern)


def test_no_lines_are_no_error():
    kept, found = clean(table([GOOD]).slice(0, 0))
    assert kept.num_rows == sum(found.values()) == 0


lines = st.builds(
    line,
    day=st.sampled_from([0.0, 1.0]),
    customer=st.sampled_from(["a", None]),
    item=st.sampled_from(["10001", "10002AB", "M", None]),
    InvoiceNo=st.sampled_from(["1", "C1"]),
    Quantity=st.sampled_from([1, 0, -1]),
    UnitPrice=st.sampled_from([1.0, 0.0, None]),
)


@settings(deadline=None)
@given(st.lists(lines, max_size=30), st.randoms(use_true_random=False))
def test_all_lines_are_accounted_for_in_any_order(given_lines, random):
    kept, found = clean(table(given_lines))
    assert kept.num_rows + sum(found.values()) == len(given_lines)
    again, none = clean(kept)
    assert again.num_rows == kept.num_rows
    assert not any(none.values())
    shuffled = list(given_lines)
    random.shuffle(shuffled)
    kept_too, found_too = clean(table(shuffled))
    assert found_too == found
    assert sorted(map(str, kept_too.to_pylist())) == sorted(map(str, kept.to_pylist()))
    assert np.all(np.asarray(kept.column(c.QUANTITY)) > 0)
