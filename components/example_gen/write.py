"""Writes splits as sharded, compressed TFRecord files, and malformed rows beside them. No tfx."""

import gzip
import json
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from components.common.examples import split_folder

# Several files of a split can be read side by side; more than this many rows in one would be slow to shuffle.
SHARD_ROWS = 250_000
QUARANTINE_FOLDER = "quarantine"
QUARANTINE_FILE = "rows.jsonl.gz"

# Level 1 takes a third of the time of the default for files a tenth larger.
_COMPRESSION_LEVEL = 1


class SplitWriter:
    """Writes the records of one split to `Split-<name>/data_tfrecord-<shard>-of-<shards>.gz`.

    Args:
        folder: folder of the Examples artifact.
        split: the split's name.
    """

    def __init__(self, folder: str | Path, split: str) -> None:
        self._folder = split_folder(str(folder), split)
        self._writer: Any = None
        self._shards: list[Path] = []
        self._rows = 0

    def write(self, records: Iterable[bytes]) -> None:
        """Append serialized tf.Examples."""
        for record in records:
            if self._writer is None or self._rows == SHARD_ROWS:
                self._next_shard()
            self._writer.write(record)
            self._rows += 1

    def close(self) -> None:
        """Finish the files: only now it is known how many there are, which their names tell."""
        if self._writer is not None:
            self._writer.close()
        for number, path in enumerate(self._shards):
            path.rename(path.with_name(f"data_tfrecord-{number:05d}-of-{len(self._shards):05d}.gz"))

    def _next_shard(self) -> None:
        import tensorflow as tf

        if self._writer is not None:
            self._writer.close()
        self._folder.mkdir(parents=True, exist_ok=True)
        self._shards.append(self._folder / f".unfinished-{len(self._shards):05d}")
        options = tf.io.TFRecordOptions(compression_type="GZIP", compression_level=_COMPRESSION_LEVEL)
        self._writer = tf.io.TFRecordWriter(str(self._shards[-1]), options)
        self._rows = 0


class QuarantineWriter:
    """Writes malformed rows, a JSON object per line: file, row and reason. The file exists only if there are any.

    Args:
        folder: folder of the Examples artifact.
    """

    def __init__(self, folder: str | Path) -> None:
        self._path = Path(folder, QUARANTINE_FOLDER, QUARANTINE_FILE)
        self._file: Any = None
        self.rows = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, file: str, row: int | None, reason: str) -> None:
        """Add a row of `file`; a row's number is None where only its reason is known."""
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = gzip.open(self._path, "wt", encoding="utf-8")  # noqa: SIM115, closed by __exit__
        self._file.write(json.dumps({"file": file, "row": row, "reason": reason}, ensure_ascii=False) + "\n")
        self.rows += 1
