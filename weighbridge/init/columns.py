"""The columns of a file as `weighbridge init` sees them: what they hold, how many values they have. No tfx."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from weighbridge.common.errors import UsageError
from weighbridge.components.example_gen import formats
from weighbridge.components.example_gen.infer import infer_feature_types
from weighbridge.components.example_gen.process import ReadRequest
from weighbridge.components.example_gen.resolve import Resolved, resolve

if TYPE_CHECKING:
    import pyarrow as pa

Kind = Literal["number", "text", "time", "other"]

LOOKED_AT = 100_000
"""Rows that are looked at; of larger data the first ones."""

_KEPT_VALUES = 100
_FEWEST_SEPARATORS = 2  # in the only name, for it to be several
_FEWEST_NUMBERS = 2  # among the names, for them to be values
_MARKS = ("?", "NA", "N/A", "na", "n/a", "nan", "NaN", "NULL", "null", "None", "none", "-", ".")
_TIME = re.compile(
    r"\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d+)?)?)?(Z|[+-]\d{2}:?\d{2})?"
    r"|\d{1,2}[/.]\d{1,2}[/.]\d{2,4}( \d{1,2}:\d{2}(:\d{2})?( ?[AP]M)?)?"
    r"|\d{4}/\d{2}/\d{2}( \d{2}:\d{2}(:\d{2})?)?"
)


@dataclass(frozen=True)
class Column:
    """A column of the data.

    Attributes:
        name: in the data.
        kind: `time` is a time, or text that looks like one; `other` is what no model here reads, such as a list.
        rows: that were looked at.
        present: rows that have a value.
        distinct: different values among them.
        values: the most frequent values as text, the most frequent first, at most 100.
        counts: how often each of `values` is there.
        whole: whether all its numbers are whole.
        consecutive: whether these are whole numbers that count the rows, such as 1, 2, 3.
        marks: texts that stand for a missing number in a column that otherwise holds numbers.
        type: of the values, as Arrow calls it.
    """

    name: str
    kind: Kind
    rows: int
    present: int
    distinct: int
    values: tuple[str, ...]
    counts: tuple[int, ...]
    whole: bool = False
    consecutive: bool = False
    marks: tuple[str, ...] = ()
    type: str = ""


@dataclass(frozen=True)
class Rows:
    """The rows that were looked at.

    Attributes:
        table: typed as ExampleGen types them.
        files: that the data were found in.
        whole: whether these are all rows of the data.
        malformed: rows that ExampleGen would put aside.
    """

    table: "pa.Table"
    files: Resolved
    whole: bool
    malformed: int


def read_rows(data: str, limit: int = LOOKED_AT) -> Rows:
    """The first rows of the data, in the types that ExampleGen gives them.

    Args:
        data: file, folder, glob or pattern.
        limit: how many rows at most, but for the rest of a block.

    Raises:
        UsageError: there are no such data, or they have no rows or no header.
    """
    import pyarrow as pa

    request = ReadRequest(input=data)
    found = resolve(data)
    kinds, _ = infer_feature_types(request, found.format, found.files, found.files[0])
    malformed: list[tuple[int, str, str]] = []
    batches: list[pa.RecordBatch] = []
    rows, whole = 0, True
    for path in found.files:
        for batch in formats.read(path, found.format, kinds, lambda *told: malformed.append(told)):
            if rows >= limit:
                whole = False
                break
            batches.append(batch)
            rows += batch.num_rows
    _check_header([str(name) for name in (batches[0].schema.names if batches else ())], data)
    if not rows and malformed:
        row, reason, _ = malformed[0]
        raise UsageError(
            f"All {len(malformed):,} rows of {data} are malformed; row {row}: {reason}",
            "The first line must name the columns, separated by commas as the rows are.",
        )
    if not rows:
        raise UsageError(f"There is no row in {data}", "Give data with at least some hundred rows.")
    fields: dict[str, pa.Field] = {}
    for batch in batches:  # a column without a value in one block has no type there
        fields |= {field.name: field for field in batch.schema if not pa.types.is_null(field.type)}
    names = batches[0].schema.names
    schema = pa.schema([fields.get(name, pa.field(name, pa.null())) for name in names])
    return Rows(
        pa.Table.from_batches([_typed(batch, schema) for batch in batches], schema), found, whole, len(malformed)
    )


def _typed(batch: "pa.RecordBatch", schema: "pa.Schema") -> "pa.RecordBatch":
    import pyarrow as pa

    columns = [batch.column(batch.schema.get_field_index(field.name)).cast(field.type) for field in schema]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _check_header(names: list[str], data: str) -> None:
    """Refuse a file without a header, and one whose fields are separated by something else than commas.

    Raises:
        UsageError: it is one.
    """
    if len(names) == 1:
        for separator, how in ((";", ";"), ("\t", "\\t"), ("|", "|"), (" ", r"\s+")):
            if names[0].count(separator) >= _FEWEST_SEPARATORS:
                copy = re.sub(r"(\.\w+)?(\.gz)?$", "", Path(data).name) + "-commas.csv"
                raise UsageError(
                    f"{data} has one column, {_cut(names[0])!r}: its fields seem to be separated by '{how}'",
                    f"Write it with commas: python -c \"import pandas; pandas.read_csv('{data}', sep=r'{how}')"
                    f".to_csv('{copy}', index=False)\"",
                )
    numbers = [name for name in names if re.fullmatch(r"[+-]?\d*\.?\d+([eE][+-]?\d+)?", name.strip())]
    counted = {str(number) for number in range(len(names) + 1)}  # as pandas numbers columns without names
    if len(numbers) >= _FEWEST_NUMBERS and not (set(numbers) <= counted and len(set(numbers)) == len(numbers)):
        raise UsageError(
            f"The first line of {data} does not name its columns: {_cut(', '.join(names))!r}",
            f"Put a line with {len(names)} names before it, separated by commas.",
        )


def _cut(text: str, longest: int = 60) -> str:
    return text if len(text) <= longest else f"{text[:longest]}…"


def describe(table: "pa.Table") -> list[Column]:
    """What each column of a table holds, in its order."""
    return [_describe(name, table.column(name)) for name in table.schema.names]


def _describe(name: str, column: Any) -> Column:
    import pyarrow as pa
    import pyarrow.compute as pc

    type_ = column.type
    if pa.types.is_dictionary(type_):
        column = column.combine_chunks().dictionary_decode()
        type_ = column.type
    rows, text = len(column), str(type_)
    if pa.types.is_null(type_):
        return Column(name, "other", rows, 0, 0, (), (), type="no value")
    if pa.types.is_nested(type_) or pa.types.is_duration(type_) or pa.types.is_time(type_):
        return Column(name, "other", rows, rows - column.null_count, 0, (), (), type=text)
    if pa.types.is_floating(type_):
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, type_), column)
    if pa.types.is_binary(type_) or pa.types.is_large_binary(type_):
        try:
            column = column.cast(pa.string())
        except pa.ArrowInvalid:
            return Column(name, "other", rows, rows - column.null_count, 0, (), (), type="bytes that are no text")
    present = rows - column.null_count
    values, counts = _frequent(column)
    distinct = int(pc.count_distinct(column, mode="only_valid").as_py())
    common = Column(name, "text", rows, present, distinct, values, counts, type=text)
    if pa.types.is_temporal(type_):
        return _as(common, kind="time")
    if pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_decimal(type_):
        numbers = column.drop_null().cast(pa.float64(), safe=False)
        if not len(numbers):
            return _as(common, kind="number")
        whole = bool(pc.all(pc.equal(pc.floor(numbers), numbers)).as_py())
        span = pc.max(numbers).as_py() - pc.min(numbers).as_py() + 1
        return _as(common, kind="number", whole=whole, consecutive=whole and distinct == present == span)
    if pa.types.is_boolean(type_):
        return _as(common, kind="number", whole=True)
    if values and all(_TIME.fullmatch(value.strip()) for value in values):
        return _as(common, kind="time")
    return _as(common, marks=_marks(column, distinct))


def _as(column: Column, **changes: Any) -> Column:
    import dataclasses

    return dataclasses.replace(column, **changes)


def as_text(column: Any) -> Any:
    """A column as text: numbers without a needless fraction, as `1` for 1.0. A missing value stays missing."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_floating(column.type):
        known = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
        try:
            column = known.cast(pa.int64())
        except pa.ArrowInvalid:
            column = known
    return column.cast(pa.string())


def _frequent(column: Any) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """The most frequent values as text, and how often each is there."""
    counted = as_text(column).drop_null().value_counts()
    pairs = sorted(
        zip(counted.field(1).to_pylist(), counted.field(0).to_pylist(), strict=True), key=lambda p: (-p[0], p[1])
    )
    kept = pairs[:_KEPT_VALUES]
    return tuple(value for _, value in kept), tuple(count for count, _ in kept)


def _marks(column: Any, distinct: int) -> tuple[str, ...]:
    """What stands for a missing value among texts that otherwise are all numbers; nothing where they are not."""
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = pc.unique(pc.utf8_trim_whitespace(column.drop_null()))
    marks = pc.is_in(texts, value_set=pa.array(_MARKS))
    found = texts.filter(marks).to_pylist()
    if not found or len(found) == distinct:
        return ()
    try:
        texts.filter(pc.invert(marks)).cast(pa.float64())
    except pa.ArrowInvalid:
        return ()
    return tuple(sorted(found))
