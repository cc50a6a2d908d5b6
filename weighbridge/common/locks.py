"""Locks on files that die with the process that holds them, and say who that is."""

import contextlib
import errno
import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_PAUSE_S = 0.05
_TOLD_S = 5.0

_held: set[int] = set()


@contextlib.contextmanager
def exclusive(path: Path, waiting: Callable[[str], None] | None = None) -> Iterator[None]:
    """Hold a file's lock; its folder must be there. While it is held, `holder` tells by whom.

    The system lets go of it when the process ends, however it ends. A process forked meanwhile has no part in it: a
    lock is that of the open file, which a child would hold open for as long as it lives.

    Args:
        path: the file.
        waiting: waits for the lock where another holds it, telling this function now and again who that is.

    Raises:
        BlockingIOError: another process, or another block of this one, holds it.
        OSError: the file cannot be written.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    _held.add(descriptor)
    taken = False
    try:
        told = -_TOLD_S
        while not _take(descriptor):
            if waiting is None:
                raise BlockingIOError(errno.EWOULDBLOCK, "locked", str(path))
            if time.monotonic() - told >= _TOLD_S:
                told = time.monotonic()
                waiting(holder(path))
            time.sleep(_PAUSE_S)
        taken = True
        describe(path)
        yield
    finally:
        if descriptor in _held:  # not so in a forked process that comes to here
            _held.discard(descriptor)
            with contextlib.suppress(OSError):
                if taken:
                    os.ftruncate(descriptor, 0)
            os.close(descriptor)


def describe(path: Path, **what: str) -> None:
    """Leave in a lock that this process holds who holds it, since when and, in `what`, for what."""
    found = {"pid": os.getpid(), "since": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"} | what
    with contextlib.suppress(OSError):  # the disk is full: the lock holds all the same
        path.write_text(json.dumps(found))


def holder(path: Path) -> str:
    """Who holds a lock: `process 4711, run 20260101-…, since 2026-01-01 10:00:00 UTC`; empty where that is not told."""
    try:
        found: Any = json.loads(path.read_bytes())
        told = [f"process {found['pid']}", *(f"run {found['run']}" for _ in [0] if "run" in found)]
        return ", ".join([*told, f"since {found['since']}"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _take(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _let_go() -> None:
    while _held:
        with contextlib.suppress(OSError):
            os.close(_held.pop())


os.register_at_fork(after_in_child=_let_go)
