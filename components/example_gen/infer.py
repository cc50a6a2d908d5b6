"""What must be known of the whole input before its rows can be written: kinds of columns, the newest time. No tfx."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from weighbridge.common.errors import UsageError
from weighbridge.components.example_gen import formats
from weighbridge.components.example_gen.feature_types import FeatureTypes
from weighbridge.components.example_gen.process import Processor, ReadRequest
from weighbridge.components.example_gen.sample import Sample

if TYPE_CHECKING:
    import pyarrow as pa


def infer_feature_types(
    request: ReadRequest, format_: str, paths: Iterable[str], first: str
) -> tuple[FeatureTypes, FeatureTypes]:
    """Read all files: for the kinds of what is read, where values are texts, and of what prepare_fn makes of it.

    Args:
        request: what to read, and how.
        format_: of the files.
        paths: the files.
        first: the file whose columns all others must have.

    Returns:
        Kinds of the columns as they are read, and as they are encoded.

    Raises:
        UsageError: a file cannot be read, or has other columns than the first.
    """
    paths = list(paths)
    columns = columns_of(first, request, format_)
    read_kinds, output_kinds = request.feature_types(), request.feature_types()
    read_kinds.inferring = output_kinds.inferring = True
    kind = formats.formats()[format_]
    if kind.texts:  # else a file tells the types of what is read
        for path in paths:
            for batch in formats.read(path, format_, read_kinds, _ignore, columns=request.columns):
                check_columns(columns, batch.schema.names, path, first)
                read_kinds.seen.update(_with_values(batch))
    if kind.texts and not request.prepare_fn:  # they are encoded as they are read
        read_kinds.inferring = False
        output_kinds.merge(read_kinds)
        return read_kinds, output_kinds
    process = Processor(request, output_kinds, check=kind.all_columns)
    for path in paths:
        for batch in formats.read(path, format_, read_kinds, _ignore, columns=request.columns):
            if kind.all_columns:
                check_columns(columns, batch.schema.names, path, first)
            process.settled(batch, path)
    read_kinds.inferring = output_kinds.inferring = False
    return read_kinds, output_kinds


def _with_values(batch: "pa.RecordBatch") -> list[str]:
    return [
        name for name, column in zip(batch.schema.names, batch.columns, strict=True) if column.null_count < len(column)
    ]


def newest_time(
    request: ReadRequest, format_: str, paths: Iterable[str], read_kinds: FeatureTypes, output_kinds: FeatureTypes
) -> int | None:
    """The latest time among all rows that are not malformed, to count back from.

    Args:
        request: what to read, and how; its splits name the column.
        format_: of the files.
        paths: the files.
        read_kinds: of the columns as they are read; added to.
        output_kinds: of the columns as they are encoded; added to.

    Returns:
        Microseconds since 1970, or None if no row has a time.

    Raises:
        UsageError: a file cannot be read, or the column is missing or holds no times.
        TypeChanged: see `feature_types`.
    """
    # What prepare_fn makes of a row may depend on all of its columns.
    only = () if request.prepare_fn else (str(request.splits.time_column),)
    whole = request.model_copy(update={"sample": Sample()})  # its columns need not be there
    process = Processor(whole, output_kinds, check=formats.formats()[format_].all_columns)
    times = (
        request.splits.newest(process.settled(batch, path))
        for path in paths
        for batch in formats.read(path, format_, read_kinds, _ignore, columns=request.columns, only=only)
    )
    return max((time for time in times if time is not None), default=None)


def columns_of(path: str, request: ReadRequest, format_: str) -> tuple[str, ...]:
    """Columns of a file, from its first batch."""
    feature_types = request.feature_types()
    feature_types.inferring = True
    for batch in formats.read(path, format_, feature_types, _ignore, columns=request.columns):
        return tuple(sorted(batch.schema.names))
    return ()


def check_columns(expected: tuple[str, ...], found: list[str], path: str, first: str) -> None:
    """All files must have the columns of the first, in any order.

    Raises:
        UsageError: one is missing or there is another; names both.
    """
    missing, extra = sorted(set(expected) - set(found)), sorted(set(found) - set(expected))
    if missing or extra:
        description = [f"lacks {', '.join(missing)}"] * bool(missing) + [f"has {', '.join(extra)} besides"] * bool(
            extra
        )
        raise UsageError(f"The columns of {path} are not those of {first}: it {' and '.join(description)}")


def _ignore(_row: int, _reason: str, _line: str) -> None:
    pass
