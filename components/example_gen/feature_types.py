"""The three kinds of value that a tf.Example knows, and how a column's kind is found over the whole input. No tfx.

A column begins as whatever its first values are. If a later value does not fit (a float at row 1,000,000 of what
were integers), `TypeChanged` says so, and the reading starts again with the wider kind: one pass where the first
values tell the truth, and the right kind in any case.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from weighbridge.common.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa
    from tensorflow_metadata.proto.v0 import schema_pb2

INT, FLOAT, BYTES = "int64", "float", "bytes"
_WIDTH = {INT: 0, FLOAT: 1, BYTES: 2}
_FEW = 64  # texts that are tried one by one where not all can be cast
_NAME_DIGITS = 19  # of a whole number that may be too long for int64


class TypeChanged(Exception):
    """A column's values do not fit the kind that was found so far."""

    def __init__(self, feature_types: "FeatureTypes", column: str, kind: str) -> None:
        super().__init__(f"{column} is {kind}")
        self.feature_types = feature_types
        self.column = column
        self.kind = kind


@dataclass
class FeatureTypes:
    """Kinds of columns as known so far.

    Attributes:
        found: kind by column name.
        fixed: names whose kind a schema gives; a value that does not fit is malformed.
        seen: names that the data really have; a schema may name more.
        inferring: whether a value that does not fit widens its column's kind at once, nothing having been written.
    """

    found: dict[str, str] = field(default_factory=dict)
    fixed: frozenset[str] = frozenset()
    seen: set[str] = field(default_factory=set)
    inferring: bool = False

    @classmethod
    def of_schema(cls, schema: "schema_pb2.Schema | None") -> "FeatureTypes":
        """The kinds that a schema gives."""
        if schema is None:
            return cls()
        names = {1: BYTES, 2: INT, 3: FLOAT}  # schema_pb2.FeatureType
        found = {feature.name: names[feature.type] for feature in schema.feature if feature.type in names}
        return cls(found, frozenset(found))

    def widen(self, column: str, kind: str) -> None:
        """Take in that `column` holds values of `kind`."""
        known = self.found.get(column, kind)
        self.found[column] = max(known, kind, key=_WIDTH.__getitem__)

    def merge(self, other: "FeatureTypes") -> None:
        """Take in what another reader found."""
        for column, kind in other.found.items():
            self.widen(column, kind)
        self.seen |= other.seen


def cast_texts(batch: "pa.RecordBatch", feature_types: FeatureTypes) -> "tuple[pa.RecordBatch, dict[int, str]]":
    """Turn columns of text into columns of their kinds; null stays null.

    Args:
        batch: string columns.
        feature_types: kinds known so far; those of new columns are added.

    Returns:
        The typed batch (int64, float64, string) without the malformed rows, and the reasons of these by row number
        within the batch.

    Raises:
        TypeChanged: a column that no schema fixes turns out to be of a wider kind.
    """
    import pyarrow as pa

    bad: dict[int, str] = {}
    columns = []
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if name not in feature_types.found:
            if column.null_count == len(column):
                columns.append(pa.nulls(len(column)))
                continue
            feature_types.found[name] = _narrowest(column)
        kind = feature_types.found[name]
        typed = _cast(column, kind)
        if typed is None and name not in feature_types.fixed:
            wider = _wider(column, kind)
            if not feature_types.inferring:
                raise TypeChanged(feature_types, name, wider)
            feature_types.widen(name, wider)
            typed = _cast(column, feature_types.found[name])
        if typed is None:
            typed = _cast_each(name, column, kind, bad)
        columns.append(typed)
    typed_batch = pa.RecordBatch.from_arrays(columns, batch.schema.names)
    return without_rows(typed_batch, bad), bad


def without_rows(batch: "pa.RecordBatch", rows: "dict[int, Any]") -> "pa.RecordBatch":
    """`batch` without the rows whose numbers are in `rows`."""
    if not rows:
        return batch
    import numpy as np
    import pyarrow as pa

    keep = np.ones(batch.num_rows, dtype=bool)
    keep[list(rows)] = False
    return batch.filter(pa.array(keep))


def canonical(batch: "pa.RecordBatch", where: str) -> "pa.RecordBatch":
    """A batch whose columns are int64, float32 or binary, or lists of these; columns without any value are dropped.

    Booleans become 0 and 1; times become int64 microseconds since 1970 (UTC); decimals become floats.

    Args:
        batch: columns of any Arrow type that a tf.Example can hold.
        where: the file, for errors.

    Raises:
        UsageError: a column's type has no place in a tf.Example, or a list has a missing element.
    """
    import pyarrow as pa

    names = batch.schema.names
    if len(set(names)) < len(names):
        twice = min(name for name in names if names.count(name) > 1)
        raise UsageError(f"{where} has column {twice!r} twice")
    columns = {}
    for name, column in zip(names, batch.columns, strict=True):
        if pa.types.is_null(column.type) or column.null_count == len(column):
            continue
        columns[name] = _canonical(column, f"column {name!r} of {where}")
    arrays = list(columns.values()) or [pa.nulls(batch.num_rows)]
    return pa.RecordBatch.from_arrays(arrays, list(columns) or [""])


def settle(batch: "pa.RecordBatch", feature_types: FeatureTypes, where: str) -> "pa.RecordBatch":
    """Give canonical columns the kinds found so far, so that one feature has one kind in all examples.

    Raises:
        TypeChanged: a column of integers so far holds floats now.
        UsageError: a column is text in one file and a number in another.
    """
    import pyarrow as pa

    columns = []
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        kind = feature_type_of(column.type)
        known = feature_types.found.setdefault(name, kind) if name else kind
        if name:
            feature_types.seen.add(name)
        if known != kind and feature_types.inferring and name not in feature_types.fixed:
            feature_types.widen(name, kind)
        elif known != kind:
            if BYTES in (known, kind):
                raise UsageError(
                    f"Column {name!r} is {_word(kind)} in {where}, but {_word(known)} before or in the schema",
                    "Mend the data, or let the pipeline's prepare_fn cast the column.",
                )
            if known == INT:
                if name in feature_types.fixed:
                    raise UsageError(f"Column {name!r} of {where} holds floats, but the schema says INT")
                raise TypeChanged(feature_types, name, FLOAT)
            column = column.cast(pa.list_(pa.float32()) if _is_list(column.type) else pa.float32(), safe=False)
        columns.append(column)
    return pa.RecordBatch.from_arrays(columns, batch.schema.names)


def feature_type_of(type_: "pa.DataType") -> str:
    """Kind of a canonical Arrow type."""
    import pyarrow as pa

    inner = type_.value_type if _is_list(type_) else type_
    return INT if pa.types.is_integer(inner) else FLOAT if pa.types.is_floating(inner) else BYTES


def _word(kind: str) -> str:
    return {INT: "a whole number", FLOAT: "a number", BYTES: "text"}[kind]


def _is_list(type_: "pa.DataType") -> bool:
    import pyarrow as pa

    return bool(pa.types.is_list(type_) or pa.types.is_large_list(type_))


def _canonical(column: Any, where: str) -> Any:
    import pyarrow as pa
    from pyarrow import types

    if types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if types.is_temporal(column.type) and not types.is_duration(column.type) and not types.is_time(column.type):
        column = column.cast(pa.timestamp("us"), safe=False).cast(pa.int64())
    plain = _plain(column.type)
    if plain is not None:
        try:
            return column.cast(plain)
        except pa.ArrowInvalid as error:
            raise UsageError(f"{where} holds what no int64 can: {error}", "Let prepare_fn make text of it.") from error
    if _is_list(column.type) and (inner := _plain(column.type.value_type)) is not None:
        if column.flatten().null_count:
            raise UsageError(f"{where} holds lists with missing elements, which no tf.Example can hold")
        return column.cast(pa.list_(inner), safe=False)
    raise UsageError(
        f"{where} is of type {column.type}, which no tf.Example can hold",
        "Allowed are numbers, text, times and lists of them; let the pipeline's prepare_fn turn it into one.",
    )


def _plain(type_: "pa.DataType") -> "pa.DataType | None":
    import pyarrow as pa
    from pyarrow import types

    if types.is_integer(type_) or types.is_boolean(type_):
        return pa.int64()
    if types.is_floating(type_) or types.is_decimal(type_):
        return pa.float32()
    if types.is_string(type_) or types.is_large_string(type_) or types.is_binary(type_) or types.is_large_binary(type_):
        return pa.binary()
    return None


def _narrowest(column: Any) -> str:
    # A cast looks at all values, and each that fails costs many that do not: a few tell most columns.
    few = column.drop_null().slice(0, _FEW)
    if _cast(few, INT) is not None and _cast(column, INT) is not None:
        return INT
    return _wider(column, INT) if _cast(few, FLOAT) is not None else BYTES


def _wider(column: Any, kind: str) -> str:
    """The kind for texts of which one is not a `kind`. Whole numbers too long for int64 are names, not quantities."""
    import pyarrow.compute as pc

    if kind != INT or _cast(column, FLOAT) is None:
        return BYTES
    long = (pc.max(pc.binary_length(column)).as_py() or 0) >= _NAME_DIGITS
    if long and pc.any(pc.match_substring_regex(column, rf"^[+-]?\d{{{_NAME_DIGITS},}}$")).as_py():
        return BYTES
    return FLOAT


def _text_type(kind: str) -> "pa.DataType":
    """The type of a column of texts once it is cast."""
    import pyarrow as pa

    return {INT: pa.int64(), FLOAT: pa.float64(), BYTES: pa.string()}[kind]


def _cast(column: Any, kind: str) -> Any:
    """The column as `kind`, or None if one of its texts is none."""
    import pyarrow as pa

    try:
        return column.cast(_text_type(kind))
    except pa.ArrowInvalid:
        return None


def _cast_each(name: str, column: Any, kind: str, bad: dict[int, str]) -> Any:
    """Cast what can be cast; rows of the other values are told in `bad`. Looks at each distinct text once."""
    import numpy as np
    import pyarrow as pa

    encoded = column.dictionary_encode()
    texts = encoded.dictionary
    parts = list(_cast_parts(texts, kind))
    places = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    wrong = np.repeat([part is None for part, _ in parts], [length for _, length in parts])
    for row in np.flatnonzero((places >= 0) & wrong[places]).tolist():
        bad.setdefault(row, f"{name} is {texts[places[row]].as_py()!r}, expected {_word(kind)}")
    type_ = _text_type(kind)
    values = [pa.nulls(length, type_) if part is None else part for part, length in parts]
    return pa.concat_arrays(values).take(encoded.indices)


def _cast_parts(texts: Any, kind: str) -> Iterator[tuple[Any, int]]:
    """Texts in parts as `kind`, and the length of each; None for a part of one text that is none.

    Few of many are bad: halves are tried until these are alone.
    """
    stack = [texts]
    while stack:
        part = stack.pop()
        cast = _cast(part, kind)
        if cast is not None or len(part) == 1:
            yield cast, len(part)
        else:
            # Where much is bad, small parts cost more than one text after the other.
            step = len(part) // 2 if len(part) > _FEW else 1
            stack += reversed([part.slice(start, step) for start in range(0, len(part), step)])
