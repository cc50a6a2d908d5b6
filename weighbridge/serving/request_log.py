"""The log of requests: a sample of them, as Parquet, written beside serving and never in its way.

A row per row of a request: when, which version, how long, what was predicted, and those features that were asked for by
name; by default none, since any of them may tell of a person. Files are written under another name and renamed when
whole; the oldest go when all together are too large. What cannot be kept up with, or written, is dropped and counted.
"""

import contextlib
import logging
import os
import queue
import random
import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.serving.encode import Outputs
from weighbridge.serving.metrics import Metrics
from weighbridge.serving.rows import Rows
from weighbridge.serving.settings import Settings

REQUEST_ID = "request_id"
FEATURE = "feature."
PREDICTION = "prediction."

_LOG = logging.getLogger("weighbridge.serving")
_WAITING = 2_000  # requests; more are dropped, so that a slow disk costs no memory
_WAITING_BYTES = 64 << 20  # of what is logged of them
_ROWS_OF_A_REQUEST = 100  # logged at most
_VALUE_BYTES = 64  # of a value in a list, about
_STAGED = ".staged-"


@dataclass(frozen=True)
class Entry:
    """One answered request.

    Attributes:
        time: when, seconds since 1970.
        request_id: as its sender calls it.
        version: that answered.
        seconds: how long it took.
        rows: that were sent.
        outputs: that were predicted.
    """

    time: float
    request_id: str
    version: str
    seconds: float
    rows: Rows
    outputs: Outputs


class RequestLog:
    """Writes entries to `<folder>/<name>-<time>-<process>-<number>.parquet`.

    Args:
        settings: say where, how much, and which features.
        metrics: that count what is written and dropped.
        write: writes a table to a path; Parquet by default.

    Raises:
        UsageError: the folder cannot be made or written to.
    """

    def __init__(
        self, settings: Settings, metrics: Metrics, write: "Callable[[Any, Path], None] | None" = None
    ) -> None:
        self._folder = Path(settings.log)
        self._settings = settings
        self._metrics = metrics
        self._fields = tuple(name.strip() for name in settings.log_fields.split(",") if name.strip())
        self._queue: queue.Queue[Entry | None] = queue.Queue(_WAITING)
        self._waiting_bytes = 0
        self._counting = threading.Lock()
        self._random = random.Random()  # noqa: S311, a sample is no secret
        self._ours = re.compile(rf"{re.escape(settings.name)}-\d{{8}}T\d{{6}}-(\d+)-\d+\.parquet")
        self._write = write or _write_parquet
        self._number = 0
        self._failing = False
        _prepare(self._folder, self._ours)
        self._thread = threading.Thread(target=self._run, name="request-log", daemon=True)
        self._thread.start()

    def note(self, entry: Entry) -> None:
        """Log a request, or not, as the sample has it. Never waits."""
        if self._settings.sample_log < 1 and self._random.random() >= self._settings.sample_log:
            return
        entry = self._cut(entry)
        size = _size(entry)
        if self._waiting_bytes + size > _WAITING_BYTES:
            self._drop(entry.rows.count, "queue")
            return
        self._count(size)
        try:
            self._queue.put_nowait(entry)
        except queue.Full:
            self._count(-size)
            self._drop(entry.rows.count, "queue")

    def close(self, timeout_s: float = 10.0) -> None:
        """Write what waits, and end."""
        with contextlib.suppress(queue.Full):
            self._queue.put(None, timeout=timeout_s)
        self._thread.join(timeout_s)

    def _run(self) -> None:
        rows: list[dict[str, Any]] = []
        since = time.monotonic()
        while True:
            left = max(self._settings.log_seconds - (time.monotonic() - since), 0.0)
            try:
                entry = self._queue.get(timeout=left)
            except queue.Empty:
                entry = None
                ended = False
            else:
                ended = entry is None
            if entry is not None:
                self._count(-_size(entry))
                rows += self._logged(entry)
            late = time.monotonic() - since >= self._settings.log_seconds
            if ended or late or len(rows) >= self._settings.log_file_rows:
                self._flush(rows)
                rows, since = [], time.monotonic()
            if ended:
                return

    def _cut(self, entry: Entry) -> Entry:
        """What is logged of an entry, and nothing that keeps the rest of the request in memory."""
        kept = {name: values[:_ROWS_OF_A_REQUEST] for name, values in entry.rows.columns.items() if self._asked(name)}
        outputs = {name: values[:_ROWS_OF_A_REQUEST].copy() for name, values in entry.outputs.items() if values.ndim}
        return replace(entry, rows=Rows(min(entry.rows.count, _ROWS_OF_A_REQUEST), kept), outputs=outputs)

    def _count(self, size: int) -> None:
        with self._counting:
            self._waiting_bytes += size

    def _logged(self, entry: Entry) -> list[dict[str, Any]]:
        from weighbridge.serving.payload import plain

        found = []
        outputs = {name: plain(values) for name, values in entry.outputs.items()}
        for index in range(entry.rows.count):
            row: dict[str, Any] = {
                "time": entry.time,
                "version": int(entry.version),
                "row": index,
                "seconds": entry.seconds,
            }
            if self._asked(REQUEST_ID):
                row[REQUEST_ID] = entry.request_id
            row |= {PREDICTION + name: values[index] for name, values in outputs.items() if index < len(values)}
            row |= {FEATURE + name: _single(values[index]) for name, values in entry.rows.columns.items()}
            found.append(row)
        return found

    def _asked(self, name: str) -> bool:
        return any(fnmatchcase(name, pattern) for pattern in self._fields)

    def _flush(self, rows: list[dict[str, Any]]) -> None:
        if not rows:
            return
        self._number += 1
        stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
        name = f"{self._settings.name}-{stamp}-{os.getpid()}-{self._number:06d}.parquet"
        staged = self._folder / f"{_STAGED}{name}"
        try:
            table = as_table(rows)
            self._make_room(table.nbytes)
            self._write(table, staged)
            staged.rename(self._folder / name)
            self._make_room(0)
        except Exception as error:  # a disk that is full, a folder that is gone, values of two kinds
            with contextlib.suppress(OSError):
                staged.unlink(missing_ok=True)
            self._drop(len(rows), "disk" if isinstance(error, OSError) else "values")
            if not self._failing:
                _LOG.warning("requests are not logged to %s for now: %s", self._folder, error)
            self._failing = True
            return
        if self._failing:
            _LOG.warning("requests are logged to %s again", self._folder)
        self._failing = False
        self._metrics.logged.labels(self._metrics.name).inc(len(rows))

    def _make_room(self, needed: int) -> None:
        """Remove the oldest files until all, and `needed` bytes more, are few enough."""
        found = (path for path in self._folder.iterdir() if self._ours.fullmatch(path.name))
        files = sorted(found, key=lambda path: path.name)
        sizes = {path: path.stat().st_size for path in files if path.is_file()}
        total = sum(sizes.values()) + min(needed, self._settings.log_bytes)
        for path, size in sizes.items():
            if total <= self._settings.log_bytes:
                return
            path.unlink(missing_ok=True)
            total -= size

    def _drop(self, rows: int, reason: str) -> None:
        self._metrics.dropped.labels(self._metrics.name, reason).inc(rows)


def as_table(rows: Sequence[dict[str, Any]]) -> Any:
    """Rows as an Arrow table; a column that holds numbers in one row and lists in another holds text."""
    import json

    import pyarrow as pa

    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = []
    for name in names:
        values = [row.get(name) for row in rows]
        try:
            columns.append(pa.array(values))
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            columns.append(pa.array([None if value is None else json.dumps(value, default=str) for value in values]))
    table = pa.table(columns, names=names)
    moment = pa.array([round(row["time"] * 1e6) for row in rows], pa.timestamp("us", "UTC"))
    return table.set_column(names.index("time"), "time", moment)


def _write_parquet(table: Any, path: Path) -> None:
    from weighbridge.common.arrow import parquet

    with path.open("xb") as file:
        parquet.write_table(table, file, compression="zstd")
        file.flush()
        os.fsync(file.fileno())


def _size(entry: Entry) -> int:
    """About how many bytes the values of an entry take."""
    texts = (value for values in entry.outputs.values() if values.dtype == object for value in values.flat)
    given = (value for column in entry.rows.columns.values() for values in column for value in values)
    numbers = sum(values.nbytes for values in entry.outputs.values())
    return numbers + sum(
        _VALUE_BYTES + (len(each) if isinstance(each, str | bytes) else 0) for each in (*texts, *given)
    )


def _single(values: list[Any]) -> Any:
    """What was sent for a feature: a value, or several."""
    found = [value.decode(errors="replace") if isinstance(value, bytes) else value for value in values]
    return None if not found else found[0] if len(found) == 1 else found


def _prepare(folder: Path, ours: re.Pattern[str]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for staged in folder.glob(f"{_STAGED}*"):
            found = ours.fullmatch(staged.name.removeprefix(_STAGED))
            if found is not None and int(found[1]) == os.getpid():  # of a process of our number that was killed
                staged.unlink(missing_ok=True)
        probe = folder / f"{_STAGED}probe-{os.getpid()}"
        probe.write_bytes(b"")
        probe.unlink()
    except (PermissionError, NotADirectoryError, FileExistsError) as error:
        raise UsageError(f"--log {folder} cannot be written to: {error.strerror}") from error
    except OSError as error:
        raise InfrastructureError(f"--log {folder} cannot be written to: {error.strerror}") from error
