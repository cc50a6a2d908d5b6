"""What people should see of odd data at once: the first malformed rows, and numbers that are none. No tfx."""

from collections import Counter
from typing import TYPE_CHECKING

from weighbridge.evidence.summary import NonFinite, QuarantinedRow

if TYPE_CHECKING:
    import pyarrow as pa

SHOWN_ROWS = 5
_SHOWN_CHARACTERS = 200


class FirstRows:
    """The first malformed rows, by file and number, whatever the order they are told in."""

    def __init__(self) -> None:
        self.rows: list[QuarantinedRow] = []

    def add(self, file: str, row: int | None, reason: str, line: str | None) -> None:
        """Take in a row."""
        if len(self.rows) == SHOWN_ROWS and _place(file, row) >= _place(self.rows[-1].file, self.rows[-1].row):
            return
        shown = QuarantinedRow(file=file, row=row, reason=_cut(reason), line=None if line is None else _cut(line))
        self.rows = sorted([*self.rows, shown], key=lambda each: _place(each.file, each.row))[:SHOWN_ROWS]


class NonFiniteCounts:
    """Counts the NaN and infinite values of columns of numbers."""

    def __init__(self) -> None:
        self.nan: Counter[str] = Counter()
        self.infinite: Counter[str] = Counter()

    def add(self, batch: "pa.RecordBatch") -> None:
        """Look at canonical columns."""
        import numpy as np
        import pyarrow as pa

        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            values = column.flatten() if pa.types.is_list(column.type) else column
            if not pa.types.is_floating(values.type):
                continue
            numbers = (values.drop_null() if values.null_count else values).to_numpy(zero_copy_only=False)
            if not np.isfinite(numbers).all():
                self.nan[name] += int(np.isnan(numbers).sum())
                self.infinite[name] += int(np.isinf(numbers).sum())

    def merge(self, nan: dict[str, int], infinite: dict[str, int]) -> None:
        """Take in what was counted elsewhere."""
        self.nan.update(nan)
        self.infinite.update(infinite)

    def summary(self) -> dict[str, NonFinite]:
        """Counts of the columns that have such values, by name."""
        names = sorted({name for counts in (self.nan, self.infinite) for name, count in counts.items() if count})
        return {name: NonFinite(nan=self.nan[name], infinite=self.infinite[name]) for name in names}


def _place(file: str, row: int | None) -> tuple[str, bool, int]:
    return file, row is None, row or 0


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"
