from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.backtest.spans import spans
from weighbridge.common.errors import UsageError


def test_months_are_calendar_months_both_ends_included() -> None:
    found = spans("2010-11", "2011-01", "month")
    assert [(each.name, each.start.isoformat(), each.end.isoformat()) for each in found] == [
        ("2010-11", "2010-11-01", "2010-12-01"),
        ("2010-12", "2010-12-01", "2011-01-01"),
        ("2011-01", "2011-01-01", "2011-02-01"),
    ]


def test_a_day_in_a_month_means_the_month() -> None:
    assert [each.name for each in spans("2010-06-17", "2010-07-02", "month")] == ["2010-06", "2010-07"]


def test_weeks_count_from_the_first_day() -> None:
    found = spans("2010-12-01", "2010-12-14", "week")
    assert [each.name for each in found] == ["2010-12-01", "2010-12-08"]
    assert found[-1].end == date(2010, 12, 15)


def test_weeks_up_to_a_month_reach_its_end() -> None:
    assert spans("2010-11", "2010-11", "week")[-1].name == "2010-11-29"


@pytest.mark.parametrize(
    ("first", "last", "step", "told"),
    [
        ("June", "2010-07", "month", "--from 'June' is neither a month nor a day"),
        ("2010-06", "2010-13", "month", "--to '2010-13'"),
        ("2010-06", "2010-05", "month", "lies before"),
        ("2010-06", "2010-07", "day", "--step 'day'"),
        ("2010-02-30", "2010-07", "week", "'2010-02-30'"),
    ],
)
def test_what_is_no_span_is_refused_by_name(first: str, last: str, step: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        spans(first, last, step)


@given(
    st.dates(date(1990, 1, 1), date(2040, 1, 1)),
    st.integers(0, 900),
    st.sampled_from(["week", "month"]),
)
def test_spans_follow_each_other_without_gaps_and_hold_both_ends(first: date, days: int, step: str) -> None:
    last = first + timedelta(days=days)
    found = spans(first.isoformat(), last.isoformat(), step)
    assert found[0].start <= first < found[0].end
    assert found[-1].start <= last < found[-1].end
    assert all(one.end == other.start for one, other in pairwise(found))
