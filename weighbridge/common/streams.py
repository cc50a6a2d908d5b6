"""Streams to show things on: what cannot be shown does not end the work, but is remembered."""

import codecs
import errno
import io
import os
import sys
from typing import Any, TextIO

_ERRORS = "weighbridge"
# Where the locale's encoding has none of these.
_PLAIN = {"·": "-", "✓": "+", "✗": "x", "≥": ">=", "≤": "<=", "–": "-", "…": "...", "→": "->", "×": "x", "\ufffd": "?"}

_failure: OSError | None = None


def failure() -> OSError | None:
    """The error that kept something from being shown since `prepare`; a reader that went away is none."""
    return _failure


def prepare() -> None:
    """Make stdout and stderr such streams. Where one is closed, nothing that is opened later takes its number."""
    global _failure
    _failure = None
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
    sys.stdout, sys.stderr = open_stream(1), open_stream(2)


def open_stream(descriptor: int, closefd: bool = False) -> TextIO:
    """A stream that writes to a descriptor, line by line, in the encoding of the locale."""
    kept = sys.__stdout__ or sys.__stderr__  # None where it was closed
    encoding = kept.encoding if kept else "utf-8"
    raw = _Lenient(descriptor, "w", closefd=closefd)
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding, _ERRORS, line_buffering=True)


class _Lenient(io.FileIO):
    """Swallows what cannot be written."""

    def write(self, data: Any) -> int:
        global _failure
        try:
            return super().write(data) or 0
        except OSError as error:
            if error.errno != errno.EPIPE:  # as in `weighbridge runs | head`
                _failure = error
            return len(data)


def _in_plain(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)  # noqa: S101, streams that are written to raise no other
    replaced = (_PLAIN.get(character, "?") for character in error.object[error.start : error.end])
    return "".join(replaced), error.end


codecs.register_error(_ERRORS, _in_plain)
