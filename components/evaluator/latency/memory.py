"""Peak memory of a piece of work in this process, from Linux' high-water mark."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from weighbridge.common.memory import release_memory

_PROCESS = Path("/proc/self")


class Peak:
    """Bytes that the work needed at most beyond what the process held before; NaN where it cannot be measured."""

    bytes: float = float("nan")


@contextlib.contextmanager
def peak_memory() -> Iterator[Peak]:
    """Measure the block's peak memory: resets the process' high-water mark, then reads it.

    On systems where the mark cannot be reset the result is NaN, so that a threshold on it refuses.
    """
    peak = Peak()
    release_memory()  # else memory freed before is reused, and not seen
    try:
        (_PROCESS / "clear_refs").write_text("5")
        before = _status("VmRSS")
    except OSError:
        yield peak
        return
    yield peak
    peak.bytes = float(max(_status("VmHWM") - before, 0))


def _status(field: str) -> int:
    for line in (_PROCESS / "status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return int(value.split()[0]) * 1024
    raise OSError(f"no {field} in {_PROCESS}/status")
