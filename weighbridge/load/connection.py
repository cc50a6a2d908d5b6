"""One kept-alive HTTP/1.1 connection that is asked one thing at a time, at little cost.

A client library costs more for a request than a small model for its answer, on the processors that both share: h11 and
what stands on it need 0.3 ms and more. Here it is a look for the end of the head and for one header.
"""

import asyncio
import re
from collections.abc import Callable
from typing import cast

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:[^\r]*chunked", re.IGNORECASE)
_CLOSE = re.compile(rb"\r\nconnection:[ \t]*close", re.IGNORECASE)
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})")
_BROKEN = 0


class Connection(asyncio.Protocol):
    """A connection of the generator.

    Attributes:
        asked: number of the request that is being answered; -1 for none.
        rested: when it was last free, on the loop's clock; none where it was never.
        received: whether some of the answer has come.
    """

    __slots__ = ("_answered", "_buffer", "_closing", "_end", "_lost", "asked", "received", "rested", "transport")

    def __init__(
        self,
        answered: Callable[["Connection", int, bytes], None],
        lost: Callable[["Connection"], None],
    ) -> None:
        self._answered = answered
        self._lost = lost
        self._buffer = b""
        self._end = -1
        self._closing = False
        self.asked = -1
        self.rested = float("inf")
        self.received = False
        self.transport: asyncio.Transport | None = None

    def told(
        self,
        answered: Callable[["Connection", int, bytes], None],
        lost: Callable[["Connection"], None],
    ) -> None:
        """Tell others from now on: a segment takes it over from the one before."""
        self._answered, self._lost = answered, lost
        self.asked = -1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Of asyncio: it is open."""
        self.transport = cast(asyncio.Transport, transport)

    def ask(self, number: int, request: bytes) -> None:
        """Send a request."""
        self.asked = number
        self.received = False
        assert self.transport is not None  # noqa: S101, who has a connection has it open
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Of asyncio: a part of an answer, or all of it."""
        self.received = True
        if self.asked < 0:  # an answer that nobody asked for
            self.abort()
            return
        buffer = self._buffer = self._buffer + data if self._buffer else data
        if self._end < 0 and not self._read_head(buffer):
            return
        if self._end == _BROKEN:
            self.abort()
        elif len(buffer) >= self._end:
            self._finish(buffer)

    def _read_head(self, buffer: bytes) -> bool:
        """Find the end of the answer; whether it is known."""
        end = buffer.find(b"\r\n\r\n")
        if end < 0:
            return False
        head = buffer[:end]
        self._closing = _CLOSE.search(head) is not None
        length = _LENGTH.search(head)
        if length is not None:
            self._end = end + 4 + int(length[1])
        elif _CHUNKED.search(head):
            whole = _end_of_chunks(buffer, end + 4)
            if whole is None:
                return False
            self._end = whole
        else:
            self._end = end + 4 if buffer[9:12] == b"204" else _BROKEN
        return True

    def _finish(self, buffer: bytes) -> None:
        status = _STATUS.match(buffer)
        self._buffer, self._end = b"", -1
        if status is None:
            self.abort()
            return
        if self._closing:
            assert self.transport is not None  # noqa: S101
            self.transport.abort()
            self.transport = None
        self._answered(self, int(status[1]), buffer)

    def connection_lost(self, exc: Exception | None) -> None:
        """Of asyncio: it is closed, by whomever."""
        self.transport = None
        self._buffer, self._end = b"", -1
        self._lost(self)

    def abort(self) -> None:
        """Close it at once."""
        if self.transport is not None:
            self.transport.abort()


def _end_of_chunks(buffer: bytes, begin: int) -> int | None:
    """Where a chunked body ends (RFC 9112, section 7.1); None where it has not come whole, `_BROKEN` if it is none."""
    while True:
        line = buffer.find(b"\r\n", begin)
        if line < 0:
            return None
        try:
            size = int(buffer[begin:line].partition(b";")[0], 16)
        except ValueError:
            return _BROKEN
        if size == 0:  # trailers end in an empty line
            if buffer[line : line + 4] == b"\r\n\r\n":
                return line + 4
            end = buffer.find(b"\r\n\r\n", line)
            return None if end < 0 else end + 4
        begin = line + 2 + size + 2
        if begin > len(buffer):
            return None
