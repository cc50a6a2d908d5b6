"""Parquet for everyone here who reads or writes it: no file runs code of its own when it is read.

Before its version 14.0.1, Arrow unpickled what a file gave as the type of a column (CVE-2023-47248), and TFX 1.16 needs
version 10. `pyarrow_hotfix` forbids that, for Arrow's own files and streams too, in the whole process.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import pyarrow_hotfix  # noqa: F401, importing it is what does it
from pyarrow import parquet

from weighbridge.common.errors import UsageError

__all__ = ["open_parquet", "parquet", "read_table"]

_TYPE = "arrow.py_extension_type"


def open_parquet(source: Any, name: object) -> parquet.ParquetFile:
    """Open a Parquet file to read it in parts.

    Args:
        source: path or open file.
        name: of the file, for errors.

    Raises:
        UsageError: a column's type would run code.
    """
    with _told(name):
        return parquet.ParquetFile(source)


def read_table(path: Any, **options: Any) -> Any:
    """A whole Parquet file as a `pyarrow.Table`; options as for `pyarrow.parquet.read_table`.

    Raises:
        UsageError: a column's type would run code.
    """
    with _told(path):
        return parquet.read_table(path, **options)


@contextlib.contextmanager
def _told(name: object) -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        if _TYPE not in str(error):
            raise
        raise UsageError(
            f"{name} has a column whose type ({_TYPE}) runs code of the file when it is read (CVE-2023-47248)",
            "Find out who wrote it. A column of such a type must be written as one of Arrow's own.",
        ) from error
