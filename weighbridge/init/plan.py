"""What is written for a file of data: every guess about its columns, in one value that templates are filled from."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from weighbridge.common.errors import UsageError
from weighbridge.init.columns import Column, Rows, describe
from weighbridge.init.guess import LeftOut, Target, find_label, left_out, target_of
from weighbridge.init.names import renamed

METRICS = {
    "binary": ("auc", "binary_accuracy"),
    "classes": ("sparse_categorical_accuracy",),
    "number": ("root_mean_squared_error", "mean_absolute_error"),
}
_RARE_POSITIVE = 0.2  # from which share of positives down accuracy says little
_MOST_SLICES = 2
_SLICED_VALUES = range(2, 11)
_BATCH_SIZES = ((300, 8), (1000, 16), (5000, 32), (math.inf, 256))  # by the most rows
_STEPS = 1000  # that a small network takes to learn a small table
_FEWEST_ROWS = 30


@dataclass(frozen=True)
class Plan:
    """What the columns of the data are for.

    Attributes:
        target: the label as it is in the data.
        label: the column that the model is to tell, as `prepare` leaves it.
        renamed: new names of columns that are kept, by the data's own.
        numbers: new names of text columns that hold numbers, by their names before.
        missing: texts that stand for a missing number in these.
        left_out: columns that the model never sees.
        features: names of the columns that it does, in the order of the data, as `prepare` leaves them.
        slices: of these, what quality is reported by.
        times: columns that are times.
        rows: that were looked at.
        epochs, batch_size: of the training.
        spread: standard deviation of a quantity; 0 for classes.
        has_numbers: whether any feature is a number.
    """

    target: Target
    label: str
    renamed: dict[str, str]
    numbers: dict[str, str]
    missing: tuple[str, ...]
    left_out: tuple[LeftOut, ...]
    features: tuple[str, ...]
    slices: tuple[str, ...]
    times: tuple[str, ...]
    rows: int
    epochs: int
    batch_size: int
    spread: float = 0.0
    has_numbers: bool = True

    @property
    def metrics(self) -> tuple[str, ...]:
        """What a first model is judged by."""
        positive = self.target.shares[-1] if self.target.task == "binary" else 1.0
        return METRICS[self.target.task] + (("auc_precision_recall",) if positive < _RARE_POSITIVE else ())


def make_plan(rows: Rows, label: str | None, data: str, command: str) -> Plan:
    """Guess what each column is for.

    Args:
        rows: the rows that were looked at.
        label: the label's name, if the user gave one.
        data: as the user gave it, for messages.
        command: to run next, for messages.

    Raises:
        UsageError: the label is not known, or cannot be told; or nothing is left to tell it by.
    """
    table = rows.table
    columns = describe(table)
    target = target_of(find_label(columns, label, data, command))
    if table.num_rows - target.missing < _FEWEST_ROWS:
        raise UsageError(
            f"{data} has {table.num_rows - target.missing:,} rows with a {target.column!r}: too few to learn from",
            f"Give data with at least {_FEWEST_ROWS} rows; some hundred are better.",
        )
    dropped = left_out(table, columns, target)
    gone = {each.name for each in dropped}
    kept = [column for column in columns if column.name not in gone and column.name != target.column]
    if not kept:
        reasons = "\n".join(f"- {each.name!r} {each.reason}" for each in dropped)
        raise UsageError(f"Nothing in {data} can tell {target.column!r}", f"All other columns are left out:\n{reasons}")
    new = renamed([column.name for column in (*kept, *(() if target.classes else (_of(columns, target),)))])
    taken = {new.get(column.name, column.name) for column in kept}
    numbers = {
        new.get(column.name, column.name): _free(f"{new.get(column.name, column.name)}_number", taken)
        for column in kept
        if column.marks
    }
    names = tuple(numbers.get(name, name) for name in (new.get(column.name, column.name) for column in kept))
    batch_size = next(size for most, size in _BATCH_SIZES if table.num_rows <= most)
    steps = max(1, table.num_rows * 2 // 3 // batch_size)
    return Plan(
        target=target,
        label=_label(target, new, {*names, *gone}),
        renamed=new,
        numbers=numbers,
        missing=tuple(sorted({mark for column in kept for mark in column.marks})),
        left_out=tuple(dropped),
        features=names,
        slices=_slices(kept, new),
        times=tuple(column.name for column in columns if column.kind == "time"),
        rows=table.num_rows,
        epochs=min(30, max(3, math.ceil(_STEPS / steps))),
        batch_size=batch_size,
        has_numbers=any(column.kind == "number" or column.marks for column in kept),
        spread=_spread(table.column(target.column)) if target.task == "number" else 0.0,
    )


def _of(columns: Sequence[Column], target: Target) -> Column:
    return next(column for column in columns if column.name == target.column)


def _label(target: Target, new: dict[str, str], taken: set[str]) -> str:
    plain = new.get(target.column) or next(iter(renamed([target.column]).values()), target.column)
    return _free(f"{plain}_class", taken) if target.classes else plain


def _free(name: str, taken: set[str]) -> str:
    candidate, number = name, 2
    while candidate in taken:
        candidate, number = f"{name}_{number}", number + 1
    return candidate


def _slices(kept: Sequence[Column], new: dict[str, str]) -> tuple[str, ...]:
    """Text with a few values that hardly any row lacks: groups of rows that people ask for."""
    return tuple(
        new.get(column.name, column.name)
        for column in kept
        if column.kind == "text" and not column.marks and column.distinct in _SLICED_VALUES
    )[:_MOST_SLICES]


def _spread(column: object) -> float:
    import pyarrow as pa
    import pyarrow.compute as pc

    numbers = column.cast(pa.float64())  # type: ignore[attr-defined]
    return float(pc.stddev(numbers.filter(pc.invert(pc.is_nan(numbers)))).as_py() or 0.0)
