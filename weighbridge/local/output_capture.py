"""Keeps what libraries print out of the terminal and in the run's log, whole, C++ included."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO


@contextmanager
def captured_output(log: Path, verbose: bool) -> Iterator[TextIO]:
    """Send file descriptors 1 and 2 to `log`; yield a stream that still writes to the real stdout.

    Redirecting descriptors instead of `sys.stdout` catches TensorFlow's C++ and child processes too.

    Args:
        log: file that is appended to.
        verbose: also show everything on the real stderr (through `tee`).
    """
    saved = {descriptor: os.dup(descriptor) for descriptor in (1, 2)}
    terminal = os.fdopen(os.dup(1), "w", buffering=1)
    tee = None
    if verbose:
        tee = subprocess.Popen(["tee", "-a", str(log)], stdin=subprocess.PIPE, stdout=saved[2])
        target = os.dup(tee.stdin.fileno())  # type: ignore[union-attr]
        tee.stdin.close()  # type: ignore[union-attr]
    else:
        target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    _flush()
    streams = sys.stdout, sys.stderr
    try:
        for descriptor in saved:
            os.dup2(target, descriptor)
        os.close(target)
        # Whoever replaced these, say a notebook or a test, does not write to the descriptors.
        sys.stdout, sys.stderr = (os.fdopen(os.dup(descriptor), "w", buffering=1) for descriptor in (1, 2))
        yield terminal
    finally:
        _flush()
        sys.stdout, sys.stderr = streams
        for descriptor, original in saved.items():
            os.dup2(original, descriptor)
            os.close(original)
        terminal.close()
        if tee:
            tee.wait()


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        if not stream.closed:
            with suppress(OSError):  # a full disk is told by whoever writes what matters
                stream.flush()
