"""When orders come in: a year with a peak before Christmas, a week without Saturdays, a day of office hours."""

from datetime import date

import numpy as np

from weighbridge.datasets.shop import draws
from weighbridge.datasets.shop.draws import Floats, Ints

DAY = 86_400
WEEK = 7 * DAY

# Shares of orders by month, weekday (from Monday) and hour of Online Retail II, rounded.
_MONTHS = np.array([0.7, 0.8, 1.0, 0.95, 1.0, 1.05, 0.95, 0.9, 1.2, 1.45, 1.8, 1.4])
_WEEKDAYS = np.array([1.05, 1.2, 1.15, 1.3, 0.95, 0.0, 0.8])
_HOURS = np.array([0.0] * 7 + [0.1, 0.5, 1.4, 2.5, 2.7, 3.4, 3.1, 2.7, 2.5, 1.5, 0.8, 0.3, 0.2, 0.0] + [0.0] * 3)
_MONDAY = 4 * DAY  # 1970-01-05


def seconds(day: date) -> int:
    """A day's begin in seconds since 1970."""
    return (day - date(1970, 1, 1)).days * DAY


def weeks(times: Ints) -> Ints:
    """Number of the week, from Monday, that each time (seconds since 1970) lies in."""
    return (times - _MONDAY) // WEEK


def month_of_week(week: Ints) -> Ints:
    """The month, 0 to 11, that most of each week's working days lie in."""
    wednesday = (week * WEEK + _MONDAY) // DAY + 2
    return wednesday.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12


class Calendar:
    """Maps the share of all order lines that have come in to the time when they have.

    Args:
        start: first day of a month or more.
        end: the day after the last.
        seed: of the days' chance ups and downs.
        closed: days without orders: the first, and the one after the last.
    """

    def __init__(self, start: date, end: date, seed: int, closed: tuple[date, date] | None = None) -> None:
        numbers = np.arange((end - start).days)
        days = np.datetime64(start) + numbers
        months = days.astype("datetime64[M]").astype(np.int64) % 12
        in_month = (days - days.astype("datetime64[M]").astype("datetime64[D]")).astype(np.int64) + 1
        weight = _MONTHS[months] * _WEEKDAYS[(days.astype(np.int64) + 3) % 7]
        weight *= np.exp(0.15 * draws.generator(seed, "days").standard_normal(len(days)))
        weight[((months == 11) & (in_month > 23)) | ((months == 0) & (in_month < 4))] = 0.0  # the shop's holidays
        if closed:
            weight[(days >= np.datetime64(closed[0])) & (days < np.datetime64(closed[1]))] = 0.0
        hours = (weight[:, None] * _HOURS).ravel()
        open_ = hours > 0
        self._begin = (seconds(start) + np.arange(len(hours)) * 3600)[open_]
        self._share = np.concatenate([[0.0], draws.cumulative(hours[open_])])

    def times(self, share: Floats) -> Ints:
        """Seconds since 1970, in whole minutes, by which a share in [0, 1) of all lines has come in; ascending."""
        # A share just below 1 may have been rounded up to it.
        hour = np.minimum(np.searchsorted(self._share, share, side="right"), len(self._begin)) - 1
        inside = (share - self._share[hour]) / (self._share[hour + 1] - self._share[hour])
        return self._begin[hour] + np.minimum((inside * 60).astype(np.int64), 59) * 60

    def share(self, time: int) -> float:
        """The share of all lines that has come in before a time in seconds since 1970."""
        return float(self._share[np.searchsorted(self._begin, time)])
