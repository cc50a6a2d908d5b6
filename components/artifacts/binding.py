"""What binds the columns of an Examples artifact to its TFRecord files. Imports no tfx.

Whoever trains may read the one and whoever weighs the other, so columns count only as long as both are as they were
written together. Columns are verified by digest, once per process; of TFRecord files, which are not read then, the size
and the end, where gzip keeps the checksum of what it compressed.
"""

import functools
import os
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from weighbridge.common.digests import file_digest
from weighbridge.common.errors import UsageError
from weighbridge.components.artifacts.columns import column_files, columns_folder
from weighbridge.evidence.base import Document, EvidenceFile

_END_BYTES = 8  # gzip's checksum and length


class RecordsFile(Document):
    """A TFRecord file, told by its size and its last bytes, in hexadecimal."""

    bytes: int
    end: str


class Binding(EvidenceFile):
    """The files of a split by name: records, and the digests of the columns."""

    FILE: ClassVar[str] = "_binding.json"

    records: dict[str, RecordsFile]
    columns: dict[str, str]


def bind(uri: str | Path, split: str, records: Iterable[Path]) -> None:
    """Say that the columns of a split are those of these TFRecord files."""
    columns = {path.name: file_digest(path) for path in column_files(uri, split)}
    Binding(records={path.name: _records_file(path) for path in records}, columns=columns).write(
        columns_folder(uri, split)
    )


def bound_columns(uri: str | Path, split: str, records: Iterable[str]) -> list[Path]:
    """Files that hold a split's columns, verified; none where only TFRecord files do, or nothing binds the two.

    Args:
        uri: folder of the Examples artifact.
        split: the split's name.
        records: all of its TFRecord files.

    Raises:
        UsageError: one of either is not as it was when they were written.
    """
    files = column_files(uri, split)
    binding = Binding.read(columns_folder(uri, split)) if files else None
    if binding is None:
        return []
    found = {Path(path).name: _records_file(Path(path)) for path in records}
    digests = {path.name: _digest(str(path), *_times(path)) for path in files}
    changed = [name for name in {**found, **binding.records} if found.get(name) != binding.records.get(name)]
    changed += [name for name in {**digests, **binding.columns} if digests.get(name) != binding.columns.get(name)]
    if changed:
        raise UsageError(
            f"The examples of split {split!r} in {uri} are not as they were written: {min(changed)} is another file",
            "Columns and TFRecord files must hold the same rows: remove the artifact, and let ExampleGen run again.",
        )
    return files


def _records_file(path: Path) -> RecordsFile:
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _END_BYTES))
        return RecordsFile(bytes=size, end=file.read().hex())


def _times(path: Path) -> tuple[int, int, int]:
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns, stat.st_ino


@functools.lru_cache(maxsize=1_000)
def _digest(path: str, _size: int, _changed: int, _number: int) -> str:
    return file_digest(path)
