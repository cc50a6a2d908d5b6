"""What processes on this machine have used: processor time and memory, from Linux' /proc."""

import os
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")


@dataclass(frozen=True)
class Usage:
    """Of a process and all that it started.

    Attributes:
        cpu_s: seconds of processor time so far.
        memory_bytes: resident memory at its highest so far.
    """

    cpu_s: float
    memory_bytes: int


def usage(pid: int) -> Usage | None:
    """What a process and its descendants have used so far; None where that cannot be known: it is gone, or no Linux."""
    parents = _parents()
    if pid not in parents:
        return None
    family, cpu_s, memory = {pid}, 0.0, 0
    for child in sorted(parents):  # a parent has the lower number, but for where numbers began anew
        if parents[child] in family:
            family.add(child)
    for each in family:
        try:
            fields = (_PROC / str(each) / "stat").read_text().rpartition(")")[2].split()
            cpu_s += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
            memory += _peak(each)
        except (OSError, IndexError, ValueError):
            continue  # it ended just now
    return Usage(cpu_s, memory)


def _parents() -> dict[int, int]:
    """Number of each process, and of its parent."""
    found = {}
    for path in _PROC.glob("[0-9]*/stat"):
        try:
            found[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError, ValueError):
            continue
    return found


def _peak(pid: int) -> int:
    for line in (_PROC / str(pid) / "status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return 1024 * int(line.split()[1])
    return 0
