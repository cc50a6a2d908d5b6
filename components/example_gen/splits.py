"""Which split a row belongs to: by hash of its key, or by time. Deterministic, whatever the order of rows. No tfx."""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, ConfigDict, model_validator

from components.common.errors import UsageError
from components.example_gen.rows import row_hashes

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa


class Splits(BaseModel):
    """How rows are split.

    Attributes:
        weights: share of each split when rows are split by hash; they need not sum up to 1.
        key_columns: columns whose hash decides, e.g. a customer's id; all columns if none are named.
        time_column: column that decides instead, if it is named.
        time_splits: start of each split, in ascending order and inclusive; the first has none. A start is a number,
            or an ISO time for columns of text or of time.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    weights: dict[str, float] = {"train": 2, "eval": 1}
    key_columns: tuple[str, ...] = ()
    time_column: str | None = None
    time_splits: dict[str, float | str | None] = {}

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if bool(self.time_column) != bool(self.time_splits):
            raise ValueError("time_column and time_splits go together: give both or neither")
        if self.time_splits:
            first, *later = self.time_splits.values()
            if first is not None or not later or None in later:
                raise ValueError("time_splits: the first split has no start (None), each later one has its own")
            if len({type(start) is str for start in later}) > 1 or sorted(later) != later:  # type: ignore[type-var]
                raise ValueError("time_splits: the starts must be of one type and in ascending order")
        elif not self.weights or min(self.weights.values()) <= 0:
            raise ValueError("splits need positive weights, e.g. {'train': 2, 'eval': 1}")
        for name in self.names:
            if not name or not name.replace("_", "").replace("-", "").isalnum():
                raise ValueError(f"{name!r} is no name for a split: use letters, digits, - and _")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the splits."""
        return tuple(self.time_splits if self.time_column else self.weights)

    def check(self, columns: Collection[str]) -> None:
        """The columns that decide must be among `columns`.

        Raises:
            UsageError: one is not.
        """
        for name in [self.time_column] if self.time_column else self.key_columns:
            if name not in columns:
                word = "time_column" if self.time_column else "Key column"
                raise UsageError(f"{word} {name!r} is not in the data", f"Columns: {', '.join(sorted(columns))}.")

    def assign(self, batch: "pa.RecordBatch") -> "np.ndarray[Any, Any]":
        """Number of each row's split among `names`; -1 for a row without a time.

        Args:
            batch: canonical columns; one that is absent has no values in this batch.

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
        fractions = (row_hashes(batch, self.key_columns) >> np.uint64(11)) * 2.0**-53
        return np.searchsorted(shares[:-1], fractions, side="right")

    def _by_time(self, batch: "pa.RecordBatch") -> "np.ndarray[Any, Any]":
        import numpy as np
        import pyarrow as pa

        found = np.full(batch.num_rows, -1, np.int64)
        index = batch.schema.get_field_index(str(self.time_column))
        if index < 0:
            return found
        column = batch.column(index)
        starts = list(self.time_splits.values())[1:]
        if pa.types.is_binary(column.type):
            if not isinstance(starts[0], str):
                raise UsageError(
                    f"time_column={self.time_column!r} holds text, but time_splits starts at {starts[0]!r}"
                )
            column = _times(column, str(self.time_column))
        if isinstance(starts[0], str):
            starts = [_microseconds(str(start)) for start in starts]
        valid = column.is_valid().to_numpy(zero_copy_only=False)
        values = column.drop_null().to_numpy(zero_copy_only=False)
        numbers = np.searchsorted(np.array(starts), values, side="right")
        found[valid] = np.where(np.isnan(values), -1, numbers)
        return found


def _times(column: Any, name: str) -> Any:
    """Text as int64 microseconds since 1970; compared as text, other ways to write a time would go to wrong splits."""
    import pyarrow as pa

    text = column.cast(pa.string())
    for type_ in (pa.timestamp("us"), pa.timestamp("us", "UTC")):
        try:
            return text.cast(type_).cast(pa.int64())
        except pa.ArrowInvalid as error:
            problem = error
    raise UsageError(
        f"time_column={name!r} holds text that is no ISO time: {problem}", "Let the pipeline's prepare_fn parse it."
    )


def _microseconds(start: str) -> int:
    try:
        moment = datetime.fromisoformat(start)
    except ValueError as error:
        raise UsageError(f"time_splits: {start!r} is no time", "Write it as 2010-06-01 or 2010-06-01T12:00.") from error
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1_000_000)
