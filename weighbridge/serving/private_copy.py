"""Folders for the copies of models that a server has to itself, and clearing up after servers that were killed."""

import fcntl
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX = "weighbridge-serving-"

_LOCK = ".held"
_YOUNG_S = 60.0  # one that is being made is not locked yet


@contextmanager
def private_folder() -> Iterator[Path]:
    """A new folder in `TMPDIR` that nobody else looks into, removed at the end; a lock in it says that it is in use."""
    clear_left()
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    try:
        with (folder / _LOCK).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def clear_left() -> None:
    """Remove the folders of servers that are no more: those whose lock nobody holds."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError):  # of another user, held, or gone meanwhile
            if time.time() - folder.stat().st_mtime < _YOUNG_S:
                continue
            with (folder / _LOCK).open("r+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
