"""What a stream is made from. Imports nothing heavy, so that a wrong option shows at once."""

import calendar
from dataclasses import dataclass
from datetime import date

from weighbridge.common.errors import UsageError
from weighbridge.datasets.shop.drift_kinds import KINDS

START = date(2009, 12, 1)
MONTHS = 12
BASKET = 15.0
_MOST_MONTHS = 600
_YEARS = range(1970, 2201)


@dataclass(frozen=True)
class ShopOptions:
    """What stream to make: the same options, the same stream.

    Attributes:
        rows: exact number of lines.
        seed: of everything, 0 or more.
        start: first day.
        months: how long it goes on.
        customers: how many there are to order; 0 for a 100th of the lines.
        basket: median of the lines of an order, 1 to 100.
        items: how many there are to buy; 0 for six times the root of the lines. Both are Online Retail II's measure.
        drift: kinds of drift, see `KINDS`.
        drift_from: first day of the drift; None for the last quarter of the stream.

    Raises:
        UsageError: a value cannot be.
    """

    rows: int
    seed: int = 7
    start: date = START
    months: int = MONTHS
    customers: int = 0
    items: int = 0
    basket: float = BASKET
    drift: tuple[str, ...] = ()
    drift_from: date | None = None

    def __post_init__(self) -> None:
        _require(self.rows >= 1, f"--rows {self.rows} is not a valid number of lines", "Give at least 1.")
        _require(self.seed >= 0, f"--seed {self.seed} is below zero", "Give 0 or more.")
        _require(
            1 <= self.months <= _MOST_MONTHS, f"--months {self.months} is out of range", f"Give 1 to {_MOST_MONTHS}."
        )
        _require(
            self.start.year in _YEARS,
            f"--start {self.start} is out of range",
            f"Give a day of the years {_YEARS.start} to {_YEARS.stop - 1}.",
        )
        _require(self.customers >= 0, f"--customers {self.customers} is below zero", "Leave it out for the default.")
        _require(self.items >= 0, f"--items {self.items} is below zero", "Leave it out for the default.")
        _require(1 <= self.basket <= 100, f"--basket {self.basket} is out of range", "Give 1 to 100 lines.")
        for kind in self.drift:
            _require(kind in KINDS, f"--drift {kind} is not a kind of drift", f"There are: {', '.join(KINDS)}.")
        _require(
            self.start <= self.drift_begin < self.end,
            f"--drift-from {self.drift_begin} is not in the stream",
            f"It goes from {self.start} to before {self.end}.",
        )

    @property
    def end(self) -> date:
        """The day after the last: the same day of the month, or the month's last where it is shorter."""
        year, month = divmod(self.start.year * 12 + self.start.month - 1 + self.months, 12)
        return date(year, month + 1, min(self.start.day, calendar.monthrange(year, month + 1)[1]))

    @property
    def drift_begin(self) -> date:
        """First day of the drift."""
        return self.drift_from or self.start + (self.end - self.start) * 3 // 4

    @property
    def customer_count(self) -> int:
        """How many customers there are to order."""
        return self.customers or max(self.rows // 100, 20)

    @property
    def item_count(self) -> int:
        """How many items there are to buy."""
        return self.items or max(round(6 * self.rows**0.5), 60)


def _require(holds: bool, message: str, hint: str) -> None:
    if not holds:
        raise UsageError(message, hint)
