"""Keeps what libraries print out of the terminal and in the run's log, whole, C++ included."""

import io
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from weighbridge.common.streams import open_stream
from weighbridge.common.text import mask

_TEE_S = 5.0


@contextmanager
def captured_output(log: Path, verbose: bool) -> Iterator[TextIO]:
    """Send file descriptors 1 and 2 to `log`; yield a stream that still writes to the real stdout.

    Redirecting descriptors instead of `sys.stdout` catches TensorFlow's C++ and child processes too.

    Args:
        log: file that is appended to.
        verbose: also show everything on the real stderr (through `tee`).
    """
    saved = {descriptor: os.dup(descriptor) for descriptor in (1, 2)}
    terminal = open_stream(os.dup(1), closefd=True)
    tee = None
    if verbose:
        tee = subprocess.Popen(["tee", "-i", "-a", str(log)], stdin=subprocess.PIPE, stdout=saved[2])
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
        sys.stdout, sys.stderr = _log_streams()
        yield terminal
    finally:
        _flush()
        sys.stdout, sys.stderr = streams
        if tee:  # it ends when nobody can write to it any more
            _lead_to(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644))
        for descriptor, original in saved.items():
            os.dup2(original, descriptor)
            os.close(original)
        if streams[0] in _kept:  # inside another block
            _log_streams()
        terminal.close()
        if tee:
            with suppress(subprocess.TimeoutExpired):  # a process that the run left behind holds its other end
                tee.wait(_TEE_S)


@contextmanager
def discarded_output() -> Iterator[None]:
    """Discard what libraries print inside the block: it is not part of what a command or a call shows."""
    with tempfile.TemporaryDirectory() as folder, captured_output(Path(folder, "log.txt"), verbose=False):
        yield


_kept: "list[_LogStream]" = []


def _log_streams() -> "list[_LogStream]":
    """Streams that lead where descriptors 1 and 2 lead now: the same ones for all runs of a process.

    Loggers of libraries keep the stream that they met when they were imported, which was in the first run.
    """
    if not _kept or any(stream.closed for stream in _kept):
        _kept[:] = [_LogStream(os.dup(descriptor)) for descriptor in (1, 2)]
    for descriptor, stream in zip((1, 2), _kept, strict=True):
        os.dup2(descriptor, stream.fileno())
    return _kept


def _lead_to(target: int) -> None:
    for stream in _kept:
        os.dup2(target, stream.fileno())
    os.close(target)


class _LogStream(io.TextIOWrapper):
    """Writes to the log, without the secrets that addresses may carry."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(os.fdopen(descriptor, "wb"), "utf-8", "backslashreplace", line_buffering=True)

    def write(self, text: str) -> int:
        super().write(mask(text))
        return len(text)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        if not stream.closed:
            with suppress(OSError):  # a full disk is told by whoever writes what matters
                stream.flush()
