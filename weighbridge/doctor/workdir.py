"""The work directory: whether runs can keep things there, and who is at it."""

import itertools
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from weighbridge.common import locks
from weighbridge.doctor.finding import Finding
from weighbridge.doctor.machine import nearest, skew_of

_SKEW_S = 5.0
_LATEST = 20


def writable(work: str) -> Iterator[Finding]:
    """Whether a run could write and lock files there."""
    wanted, folder = Path(work).absolute(), nearest(work)
    mend = "Choose another: --workdir FOLDER, or export WEIGHBRIDGE_WORKDIR=FOLDER."
    if not folder.is_dir():
        yield Finding("workdir", "wrong", f"{folder} is not a folder", mend)
        return
    try:
        with tempfile.TemporaryDirectory(dir=folder, prefix=".doctor-") as made:
            inside = Path(made)
            with locks.exclusive(inside / "lock"):
                skew = skew_of(inside)
    except OSError as error:
        yield Finding("workdir", "wrong", f"{folder} cannot be written or locked: {error.strerror or error}", mend)
        return
    if abs(skew) > _SKEW_S:
        found = f"the clock of {folder} is {abs(skew):.0f} s {'ahead' if skew > 0 else 'behind'}"
        yield Finding("workdir", "warning", found, "Set both clocks: runs and caches are compared by time.")
    new = "" if wanted.exists() else ", made by the first run"
    yield Finding("workdir", "ok", f"{wanted} can be written and locked{new}")


def runs(work: str) -> Iterator[Finding]:
    """Who holds a work directory, which locks a killed process left, and what was killed."""
    from weighbridge.runs.workspace import workspaces

    spaces = workspaces(work)
    killed, left = 0, 0
    for space in spaces:
        path = space.folder / ".lock"
        if not path.exists():
            continue
        told = locks.holder(path)
        pid = _holder(path, told)
        if pid is not None:
            who = told or f"process {pid}"
            mend = f"Wait for it, or end it: kill {pid}" if pid > 0 else "Wait for it: it is in another container."
            yield Finding("runs", "warning", f"{space.folder} is in use by {who}", mend)
            continue
        left += bool(told)
        latest = itertools.islice(space.newest_first(), _LATEST)
        killed += sum(run.record.display_state == "killed" for run in latest)
    if killed:
        mend = "Start them again: finished steps are kept. weighbridge runs shows them."
        yield Finding("runs", "warning", f"{killed} of the latest runs {'was' if killed == 1 else 'were'} killed", mend)
    stale = f", {left} left by killed processes, which the next run takes" if left else ""
    number = len({space.pipeline for space in spaces})
    have = "1 pipeline has" if number == 1 else f"{number} pipelines have"
    yield Finding("runs", "ok", f"{have} run in {Path(work).absolute()}{stale}")


def _holder(path: Path, told: str) -> int | None:
    """The process that holds a file's lock; None for none. Asking so holds nobody up, as trying to lock would.

    Args:
        path: the file.
        told: what `locks.holder` says: on file systems of layers the system tells another device than the file does.
    """
    status = path.stat()
    for device, inode, pid in _locks():
        if inode == status.st_ino and (device == status.st_dev or f"process {pid}," in told):
            return pid
    return None


def _locks() -> list[tuple[int, int, int]]:
    """Device, file and process of every lock that is held on this machine."""
    found = []
    for line in Path("/proc/locks").read_text().splitlines():
        words = line.split()
        if len(words) > 5 and words[1] == "FLOCK":  # who waits has an arrow there
            major, minor, inode = words[5].split(":")
            found.append((os.makedev(int(major, 16), int(minor, 16)), int(inode), int(words[4])))
    return found
