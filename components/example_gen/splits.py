"""Which split a row belongs to: by hash of its key, or by time. Deterministic, whatever the order of rows. No tfx."""

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

    def assign(self, batch: "pa.RecordBatch") -> "np.ndarray[Any, Any]":
        """Number of each row's split among `names`; -1 for a row without a time.

        Args:
            batch: canonical columns.

        Returns:
            int64 array of shape [rows].

        Raises:
            UsageError: the columns that decide are missing, or cannot be compared with the starts.
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

        index = batch.schema.get_field_index(str(self.time_column))
        if index < 0:
            names = ", ".join(sorted(name for name in batch.schema.names if name))
            raise UsageError(f"time_column={self.time_column!r} is not in the data", f"Columns: {names}.")
        column = batch.column(index)
        starts = list(self.time_splits.values())[1:]
        text = pa.types.is_binary(column.type)
        values = column.to_numpy(zero_copy_only=False)
        valid = column.is_valid().to_numpy(zero_copy_only=False)
        if text and not isinstance(starts[0], str):
            raise UsageError(f"time_column={self.time_column!r} holds text, but time_splits starts at {starts[0]!r}")
        if not text and isinstance(starts[0], str):
            starts = [_microseconds(str(start)) for start in starts]
        found = np.full(len(column), -1, np.int64)
        bounds = np.array([str(start).encode() for start in starts] if text else starts)
        found[valid] = np.searchsorted(bounds, values[valid].astype(bounds.dtype if not text else "S"), side="right")
        return found


def _microseconds(start: str) -> int:
    try:
        moment = datetime.fromisoformat(start)
    except ValueError as error:
        raise UsageError(f"time_splits: {start!r} is no time", "Write it as 2010-06-01 or 2010-06-01T12:00.") from error
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1_000_000)
