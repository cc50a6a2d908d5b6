"""Which split a row belongs to: by hash of its key, or by time. Deterministic, whatever the order of rows. No tfx."""

import itertools
from collections.abc import Collection
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, ConfigDict, FiniteFloat, ValidationError, field_validator, model_validator

from weighbridge.common.errors import UsageError
from weighbridge.components.example_gen.rows import row_hashes
from weighbridge.components.example_gen.times import (
    before_end,
    column_microseconds,
    is_relative,
    iso,
    microseconds,
    midnight_after,
)

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

# What stands instead of a split's number.
NO_TIME, AFTER_END = -1, -2

Time = FiniteFloat | str | None


class Splits(BaseModel):
    """How rows are split.

    Attributes:
        weights: share of each split when rows are split by hash; they need not sum up to 1.
        key_columns: columns whose hash decides, e.g. a customer's id; all columns if none are named.
        time_column: column that decides instead, if it is named.
        time_splits: start of each split, in ascending order and inclusive; the first has none. A start is a number,
            or for columns of text or of time an ISO time, or hours, days or weeks before the end as `-12h`, `-28d`,
            `-4w`.
        time_end: number or ISO time from which on rows belong to no split; none if empty. Where there is none, starts
            count back from the midnight (UTC) after the newest row: `-7d` are the last seven whole days.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    weights: dict[str, float] = {"train": 2, "eval": 1}
    key_columns: tuple[str, ...] = ()
    time_column: str | None = None
    time_splits: dict[str, Time] = {}
    time_end: Time = None

    @field_validator("time_end")
    @classmethod
    def _none_if_empty(cls, end: Time) -> Time:
        return None if end == "" else end

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if bool(self.time_column) != bool(self.time_splits):
            raise ValueError("time_column and time_splits go together: give both or neither")
        if self.time_splits:
            self._sound_times()
        elif self.time_end is not None:
            raise ValueError("time_end needs time_column and time_splits")
        elif not self.weights or min(self.weights.values()) <= 0:
            raise ValueError("splits need positive weights, e.g. {'train': 2, 'eval': 1}")
        for name in self.names:
            if not name or not name.replace("_", "").replace("-", "").isalnum():
                raise ValueError(f"{name!r} is not a name for a split: use letters, digits, - and _")
        return self

    def _sound_times(self) -> None:
        first, *later = self.time_splits.values()
        if first is not None or None in later:
            raise ValueError("time_splits: the first split has no start (None), each later one has its own")
        given = [time for time in (*later, self.time_end) if time is not None]
        if len({isinstance(time, str) for time in given}) > 1:
            raise ValueError("time_splits and time_end must be of one type: all numbers, or all text")
        if is_relative(self.time_end):
            raise ValueError(f"time_end={self.time_end!r} is not a time: write it as 2010-06-01 or 2010-06-01T12:00")
        # Which of an absolute and a relative start is earlier is known when the end is.
        starts = [-before_end(str(start)) for start in later if is_relative(start)]
        times = [_comparable(time) for time in given if not is_relative(time)]
        if any(earlier >= later for ordered in (starts, times) for earlier, later in itertools.pairwise(ordered)):
            raise ValueError("time_splits must start in ascending order, and before time_end")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the splits."""
        return tuple(self.time_splits if self.time_column else self.weights)

    @property
    def need_newest(self) -> bool:
        """Whether the time of the newest row must be known before a row can be assigned."""
        return self.time_end is None and any(map(is_relative, self.time_splits.values()))

    def resolved(self, newest: int | None = None) -> Self:
        """The same splits with all times absolute, text as ISO in UTC.

        Args:
            newest: time of the newest row in microseconds since 1970, where `need_newest`.

        Raises:
            UsageError: no row has a time, or absolute and relative starts are not in ascending order.
        """
        end = self.time_end
        if self.need_newest:
            if newest is None:
                raise UsageError(f"No row has a time in time_column={self.time_column!r} to count back from")
            end = iso(midnight_after(newest))
        elif isinstance(end, str):
            end = iso(microseconds(end))
        starts = {name: _absolute(start, end) for name, start in self.time_splits.items()}
        try:
            return type(self)(**self.model_dump() | {"time_splits": starts, "time_end": end})
        except ValidationError as error:
            description = ", ".join(f"{name} from {start}" for name, start in starts.items() if start is not None)
            raise UsageError(f"time_splits are not in ascending order: {description}, until {end}") from error

    def bounds(self, name: str) -> str:
        """In words, which rows belong to a split by time whose times are absolute."""
        starts = list(self.time_splits.values())
        place = list(self.time_splits).index(name)
        start, end = starts[place], [*starts, self.time_end][place + 1]
        description = [f"from {start} on"] * (start is not None) + [f"before {end}"] * (end is not None)
        return " and ".join(description) or "at any time"

    def check(self, columns: Collection[str]) -> None:
        """The columns that decide must be among `columns`.

        Raises:
            UsageError: one is not.
        """
        for name in [self.time_column] if self.time_column else self.key_columns:
            if name not in columns:
                word = "time_column" if self.time_column else "Key column"
                raise UsageError(f"{word} {name!r} is not in the data", f"Columns: {', '.join(sorted(columns))}.")

    def assign(self, batch: "pa.RecordBatch", hashes: "np.ndarray[Any, Any] | None" = None) -> "np.ndarray[Any, Any]":
        """Number of each row's split among `names`, or `NO_TIME`, or `AFTER_END`.

        Args:
            batch: canonical columns; one that is absent has no values in this batch.
            hashes: of its rows with all their columns, if they are known.

        Returns:
            int64 array of shape [rows].

        Raises:
            UsageError: times cannot be compared with the starts.
        """
        import numpy as np

        if self.time_column:
            return self._by_time(batch)
        shares = np.cumsum(list(self.weights.values())) / sum(self.weights.values())
        # The upper 53 bits as a fraction: every float64 in [0, 1) of that grid equally likely.
        if hashes is None or self.key_columns:
            hashes = row_hashes(batch, self.key_columns)
        fractions = (hashes >> np.uint64(11)) * 2.0**-53
        return np.searchsorted(shares[:-1], fractions, side="right")

    def newest(self, batch: "pa.RecordBatch") -> int | None:
        """The latest time of a batch of canonical columns, in microseconds since 1970; None if no row has one.

        Raises:
            UsageError: the column holds no times.
        """
        import pyarrow.compute as pc

        index = batch.schema.get_field_index(str(self.time_column))
        if index < 0:
            return None
        found: int | None = pc.max(column_microseconds(batch.column(index), str(self.time_column))).as_py()
        return found

    def _by_time(self, batch: "pa.RecordBatch") -> "np.ndarray[Any, Any]":
        import numpy as np
        import pyarrow as pa

        found = np.full(batch.num_rows, NO_TIME, np.int64)
        index = batch.schema.get_field_index(str(self.time_column))
        if index < 0:
            return found
        column = batch.column(index)
        times = [time for time in (*self.time_splits.values(), self.time_end) if time is not None]
        if any(isinstance(time, str) for time in times):
            column = column_microseconds(column, str(self.time_column))
        elif times and not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
            what = "text" if pa.types.is_binary(column.type) else column.type
            where = f"time_splits starts at {times[0]!r}" if len(self.time_splits) > 1 else f"time_end is {times[0]!r}"
            raise UsageError(f"time_column={self.time_column!r} holds {what}, but {where}")
        there = column.is_valid().to_numpy(zero_copy_only=False)
        if pa.types.is_floating(column.type):
            there &= ~np.isnan(column.to_numpy(zero_copy_only=False))
        if not times:  # a single split of all that have a time
            found[there] = 0
            return found
        values = column.filter(pa.array(there)).to_numpy(zero_copy_only=False)
        starts = [_comparable(start) for start in self.time_splits.values() if start is not None]
        numbers = np.searchsorted(np.array(starts), values, side="right")
        if self.time_end is not None:
            numbers[values >= _comparable(self.time_end)] = AFTER_END
        found[there] = numbers
        return found


def _comparable(time: float | str) -> float:
    return microseconds(time) if isinstance(time, str) else time


def _absolute(start: Time, end: Time) -> Time:
    if not isinstance(start, str):
        return start
    return iso(microseconds(str(end)) - before_end(start) if is_relative(start) else microseconds(start))
