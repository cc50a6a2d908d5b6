"""What the columns are for: the label, what a model may read, and what is left out, each with its reason."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from weighbridge.common.errors import UsageError
from weighbridge.init.columns import Column, as_text

if TYPE_CHECKING:
    import pyarrow as pa

Task = Literal["binary", "classes", "number"]

MOST_CLASSES = 100
_MOST_WHOLE_CLASSES = 20  # whole numbers with more values are quantities
_ROWS_OF_A_CLASS = 5  # on average, at least
_NAMED = re.compile(
    r"(.*_)?(label|target|class|outcome|response|diagnosis|species|survived|churn(ed)?|exited|default(ed)?|fraud|clicked"
    r"|converted|purchased|approved|attrition|y)",
    re.IGNORECASE,
)
_ID = re.compile(r"(.*[_\s-])?(id|ids|uuid|guid|index|idx|key|rownum|row_number|unnamed: 0)|\w*[a-z](Id|ID)|ID")
_POSITIVE = ("yes", "y", "true", "t", "1", "positive", "pos", "malignant", "fraud", "spam", "bad", "churned", ">50k")
_FREE_TEXT = 0.5  # of the rows have a text of their own
_MOST_TEXTS = 5000
_RARE = 0.01
_TELLING_ROWS = 10  # rows per value from which on a value that always goes with one label says something
_TELLING_VALUES = 3  # per class: more of them may well be what a model should learn
_SAME_LINE = 0.99999  # correlation


@dataclass(frozen=True)
class Target:
    """The label.

    Attributes:
        column: its name in the data.
        task: `binary` and `classes` tell one of two or more, `number` a quantity.
        classes: its values as text; the label becomes the place in this list. Empty where it is a number as it is.
        count: how many classes there are; 0 for a quantity.
        shares: of each class among the rows that have a label, in the order of the classes.
        missing: rows without a label, of those that were looked at.
    """

    column: str
    task: Task
    classes: tuple[str, ...] = ()
    count: int = 0
    shares: tuple[float, ...] = ()
    missing: int = 0


@dataclass(frozen=True)
class LeftOut:
    """A column that no model should read, and why."""

    name: str
    reason: str


def find_label(columns: Sequence[Column], given: str | None, data: str, command: str) -> Column:
    """The label's column: the one that is named, or the only one whose name says so.

    Args:
        columns: of the data.
        given: its name, if the user gave one.
        data: for messages.
        command: to run next, to which ` --label NAME` is added.

    Raises:
        UsageError: there is no such column, or several could be it, or none.
    """
    names = [column.name for column in columns]
    if given is not None:
        found = next((column for column in columns if column.name == given), None)
        found = found or next((column for column in columns if column.name.strip().lower() == given.lower()), None)
        if found is None:
            import difflib

            near = difflib.get_close_matches(given, names, n=1)
            meant = f" Did you mean {near[0]!r}?" if near else ""
            raise UsageError(f"--label {given}: {data} has no such column.{meant}", f"Its columns: {_listed(columns)}")
        return found
    by_name = [column for column in columns if _NAMED.fullmatch(column.name.strip()) and _could_be(column)]
    if len(by_name) == 1:
        return by_name[0]
    likely = by_name or [column for column in columns if _could_be(column) and column.distinct <= _MOST_WHOLE_CLASSES]
    if columns and _could_be(columns[-1]) and columns[-1] not in likely:
        likely = [*likely, columns[-1]]  # where a label often stands
    looks = ", ".join(f"{column.name!r} ({_values(column)})" for column in likely[:8])
    example = (likely or list(columns))[-1].name
    raise UsageError(
        f"Which column of {data} is the label, which the model is to predict?",
        f"Its columns: {_listed(columns)}\n"
        + (f"These look like one: {looks}.\n" if likely else "Any of numbers, or of a few texts, can be it.\n")
        + f"Say it: {command} --label {_quoted(example)}",
    )


def _quoted(text: str) -> str:
    import shlex

    return shlex.quote(text)


def _listed(columns: Sequence[Column]) -> str:
    shown = ", ".join(repr(column.name) for column in columns[:40])
    return f"{shown}{f' and {len(columns) - 40:,} more' if len(columns) > 40 else ''}."


def _values(column: Column) -> str:
    shown = ", ".join(column.values[:3])
    return f"{column.distinct} values: {shown}{', …' if column.distinct > 3 else ''}"


def _could_be(column: Column) -> bool:
    if column.kind not in ("number", "text") or column.distinct < 2 or column.consecutive:
        return False
    return column.kind == "number" or column.distinct <= MOST_CLASSES


def target_of(column: Column) -> Target:
    """What telling a label of these values is.

    Raises:
        UsageError: nothing here can tell such values.
    """
    what = f"{column.name!r} cannot be the label"
    if column.kind not in ("number", "text"):
        kind = "times" if column.kind == "time" else f"values of type {column.type}"
        raise UsageError(f"{what}: it holds {kind}", "A label is a number, or one of a few texts.")
    if column.distinct < 2:
        raise UsageError(
            f"{what}: it has {'one value only' if column.distinct else 'no value'}",
            "There is nothing to tell. Choose another with --label.",
        )
    missing = column.rows - column.present
    few = column.distinct * _ROWS_OF_A_CLASS <= column.present or column.distinct == 2
    if column.kind == "number":
        if not (column.whole and column.distinct <= _MOST_WHOLE_CLASSES and few):
            return Target(column.name, "number", missing=missing)
        order = sorted(range(column.distinct), key=lambda place: float(_number(column.values[place])))
    else:
        if column.distinct > MOST_CLASSES or not few:
            raise UsageError(
                f"{what}: it has {column.distinct:,} different texts in {column.present:,} rows",
                f"A label has at most {MOST_CLASSES}, each in several rows. Choose another with --label.",
            )
        order = sorted(range(column.distinct), key=lambda place: column.values[place])
        if column.distinct == 2:
            order = sorted(order, key=lambda place: _positive(column, place))
    classes = tuple(column.values[place] for place in order)
    shares = tuple(column.counts[place] / column.present for place in order)
    # Numbers from 0 on are places already, and so are truth values, which tf.Examples hold as 0 and 1.
    as_it_is = column.type == "bool" or (column.kind == "number" and classes == tuple(map(str, range(len(classes)))))
    task: Task = "binary" if column.distinct == 2 else "classes"
    return Target(column.name, task, () if as_it_is else classes, column.distinct, shares, missing)


def _number(text: str) -> str:
    return {"false": "0", "true": "1"}.get(text, text)


def _positive(column: Column, place: int) -> tuple[bool, int]:
    """Sorts the value that is told, 1, behind the other: the one that says yes, else the rarer."""
    return column.values[place].strip().lower() in _POSITIVE, -column.counts[place]


def left_out(table: "pa.Table", columns: Sequence[Column], target: Target) -> list[LeftOut]:
    """The columns that a model should not read, in the order of the data.

    Args:
        table: the rows that were looked at.
        columns: what they hold.
        target: the label.
    """
    found = []
    for column in columns:
        if column.name == target.column:
            continue
        reason = _useless(column) or _tells_label(table, column, target)
        if reason:
            found.append(LeftOut(column.name, reason))
    return found


def _useless(column: Column) -> str:
    if not column.present:
        return "has no value in any row"
    if column.kind == "other":
        return f"holds {column.type}: let `prepare` make numbers or text of it"
    if column.kind == "time":
        return "holds times: README.md says how to split by them, `prepare` can make of them what the model should read"
    if column.distinct == 1 and column.present == column.rows:
        return f"is {column.values[0][:40]!r} in every row"
    if column.present < _RARE * column.rows:
        return f"has a value in {column.present:,} of {column.rows:,} rows only"
    if column.consecutive and column.present > _MOST_WHOLE_CLASSES:
        return "counts the rows"
    named = _ID.fullmatch(column.name.strip()) or _ID.fullmatch(column.name.strip().lower())
    unique = column.distinct == column.present and column.present > _MOST_WHOLE_CLASSES
    if named and (unique or column.distinct > _MOST_WHOLE_CLASSES) and (column.whole or column.kind == "text"):
        if unique:
            return "has another value in every row: it names the row"
        return "names whom or what a row is about; as one of `key_columns` it keeps such rows in one split"
    if column.kind == "text" and not column.marks:
        if unique:
            return "has another text in every row: it names the row, or is free text"
        if column.distinct > max(_MOST_WHOLE_CLASSES, _FREE_TEXT * column.present) or column.distinct > _MOST_TEXTS:
            return f"has {column.distinct:,} different texts: free text, or names"
    return ""


def _tells_label(table: "pa.Table", column: Column, target: Target) -> str:
    """That a column tells the label by itself, which as a rule is known only afterwards."""
    label = table.column(target.column)
    if target.task == "number":
        if column.kind == "number" and _correlated(table.column(column.name), label):
            return f"follows {target.column!r} exactly, as if made of it: take it in if it is known before"
        return ""
    most = min(_TELLING_VALUES * target.count, column.present // _TELLING_ROWS)
    if not target.count <= column.distinct <= most:
        return ""
    import pyarrow as pa

    pairs = pa.table({"value": as_text(table.column(column.name)), "label": as_text(label)}).drop_null()
    each = pairs.group_by("value").aggregate([("label", "count_distinct")])
    if max(each.column("label_count_distinct").to_pylist(), default=2) > 1:
        return ""
    return f"tells {target.column!r} exactly, value by value: take it in if it is known before"


def _correlated(column: object, label: object) -> bool:
    import numpy as np
    import pyarrow as pa

    pairs = pa.table({"x": column, "y": label}).drop_null()
    x, y = (pairs.column(name).cast(pa.float64()).to_numpy() for name in ("x", "y"))
    with np.errstate(invalid="ignore", divide="ignore"):
        return len(x) > 2 and bool(abs(np.corrcoef(x, y)[0, 1]) > _SAME_LINE)
