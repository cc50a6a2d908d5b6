"""The spans of a backtest: each is weighed on by a model that knew only what was before it."""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from weighbridge.common.errors import UsageError

Step = Literal["week", "month"]

_MONTH = re.compile(r"\d{4}-\d{2}")


@dataclass(frozen=True)
class Span:
    """Days to weigh on.

    Attributes:
        name: `2010-06` for a month, the first day for a week.
        start: first day; training ends before it.
        end: the day after the last.
    """

    name: str
    start: date
    end: date


def spans(first: str, last: str, step: str) -> list[Span]:
    """The spans from the one of `first` to the one of `last`, both included.

    Args:
        first: a month as 2010-06 or a day as 2010-06-01. Weeks count from it; months are calendar months.
        last: likewise.
        step: `week` or `month`.

    Raises:
        UsageError: a text is not a month or day, `step` is another, or `last` lies before `first`.
    """
    if step not in ("week", "month"):
        raise UsageError(f"--step {step!r} is not a valid span length", "Allowed: week, month.")
    begin, end = _day(first, "--from"), _day(last, "--to")
    if step == "month":
        begin = begin.replace(day=1)
    elif _MONTH.fullmatch(last):  # the whole month
        end = _next_month(end) - timedelta(days=1)
    if end < begin:
        raise UsageError(f"--to {last} lies before --from {first}", "Give the earlier one as --from.")
    found = []
    while begin <= end:
        after = _next_month(begin) if step == "month" else begin + timedelta(days=7)
        found.append(Span(f"{begin:%Y-%m}" if step == "month" else begin.isoformat(), begin, after))
        begin = after
    return found


def _day(text: str, option: str) -> date:
    try:
        return date.fromisoformat(f"{text}-01" if _MONTH.fullmatch(text) else text)
    except ValueError as error:
        raise UsageError(
            f"{option} {text!r} is neither a month nor a day", "Write it as 2010-06 or 2010-06-01."
        ) from error


def _next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
