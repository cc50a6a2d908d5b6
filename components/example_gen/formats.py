"""The table of formats that input data may have; the one place that knows which there are. Imports no tfx.

Another package adds one as an entry point of the group `weighbridge.input_formats` that names an `InputFormat`.
"""

import functools
import gzip
import zlib
from collections.abc import Collection, Iterator, Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from weighbridge.common import plugins
from weighbridge.common.errors import UsageError
from weighbridge.components.example_gen import readers
from weighbridge.components.example_gen.feature_types import FeatureTypes
from weighbridge.components.example_gen.reading import InputFormat, Lost, Quarantine, Reading, unheard

if TYPE_CHECKING:
    import pyarrow as pa

GROUP = "weighbridge.input_formats"

# The first whose pattern is found in a name counts.
_OWN = (
    InputFormat(
        "csv",
        "CSV",
        r"\.csv(\.gz)?$",
        ".csv or .csv.gz",
        readers.read_csv,
        texts=True,
        damaged=(EOFError, gzip.BadGzipFile, zlib.error),
    ),
    InputFormat("parquet", "Parquet", r"\.(parquet|pq)$", ".parquet or .pq", readers.read_parquet),
    InputFormat("orc", "ORC", r"\.orc$", ".orc", readers.read_orc, damaged=(OSError,)),
    InputFormat("tfrecord", "TFRecord", "tfrecord", "…tfrecord…", readers.read_tfrecord, all_columns=False),
)


@functools.cache
def formats() -> dict[str, InputFormat]:
    """All formats by name: our own, then those of other packages.

    Raises:
        UsageError: what another package offers cannot be imported, is not an `InputFormat`, or its name is taken.
    """
    own = {format_.name: format_ for format_ in _OWN}
    return plugins.with_plugins(own, GROUP, InputFormat, "input format", lambda _, format_: format_.name)


def added_modules() -> list[str]:
    """The modules of other packages whose formats are installed: their code decides what is read."""
    return plugins.modules(GROUP)


def format_of(path: str) -> str | None:
    """Name of the format of a file, told by its own name; None if it has none."""
    name = PurePosixPath(path).name
    return next((format_.name for format_ in formats().values() if format_.matches(name)), None)


def titles() -> str:
    """What people call the formats, e.g. `CSV, Parquet, ORC or TFRecord`."""
    *most, last = (format_.title for format_ in formats().values())
    return f"{', '.join(most)} or {last}"


def names() -> str:
    """Which names files may have, for messages."""
    return ", ".join(format_.names for format_ in formats().values())


def read(
    path: str,
    format_: str,
    feature_types: FeatureTypes,
    quarantine: Quarantine,
    *,
    columns: Mapping[str, str] | None = None,
    only: Collection[str] = (),
    lost: Lost = unheard,
) -> "Iterator[pa.RecordBatch]":
    """Stream the rows of a file.

    Args:
        path: the file.
        format_: name of its format.
        feature_types: of columns whose values are texts, as known so far; added to. Where a file may leave out columns
            that have no value, the names that it has are added to `seen`.
        quarantine: is told of malformed rows, which are left out.
        columns: new names of columns, by the file's own.
        only: the columns that are needed, by their new names, if not all are; only a format that stores columns apart
            can leave out the others.
        lost: is told at the end how many lines belong to no row, where the format can tell.

    Raises:
        UsageError: the file is empty or damaged, or lacks a column that is to be renamed.
        TypeChanged: see `feature_types`.
    """
    import pyarrow as pa

    kind = formats()[format_]
    try:
        yield from kind.read(Reading(path, feature_types, quarantine, columns or {}, only, lost))
    except (pa.ArrowInvalid, *kind.damaged) as error:
        if getattr(error, "errno", None) is not None:  # the system's own, such as a full disk
            raise
        raise UsageError(f"{path} cannot be read as {format_}: {' '.join(str(error).split())}") from error
