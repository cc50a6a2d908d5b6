"""Answers come in any pieces, with a length or in chunks; what is no answer ends the connection."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.load.connection import Connection


class Transport:
    """A double of asyncio's: remembers what was written, and whether it was closed."""

    def __init__(self) -> None:
        self.written, self.closed = b"", False

    def write(self, data: bytes) -> None:
        self.written += data

    def abort(self) -> None:
        self.closed = True


def connected() -> tuple[Connection, Transport, list[tuple[int, bytes]]]:
    answers: list[tuple[int, bytes]] = []
    connection = Connection(lambda _, status, data: answers.append((status, data)), lambda _: None)
    transport = Transport()
    connection.connection_made(transport)
    return connection, transport, answers


def answer(body: bytes, chunks: list[int] | None, status: int = 200) -> bytes:
    head = b"HTTP/1.1 %d Said\r\nServer: any\r\n" % status
    if chunks is None:
        return head + b"content-Length:  %d\r\n\r\n" % len(body) + body
    parts, at = b"", 0
    for size in chunks:
        part = body[at : at + size]
        at += size
        parts += b"%X;name=value\r\n%b\r\n" % (len(part), part) if part else b""
    rest = body[at:]
    parts += b"%x\r\n%b\r\n" % (len(rest), rest) if rest else b""
    return head + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + parts + b"0\r\nTrailer: 1\r\n\r\n"


@given(
    st.binary(max_size=200),
    st.none() | st.lists(st.integers(1, 50), max_size=5),
    st.lists(st.integers(1, 40), max_size=30),
    st.sampled_from([200, 404, 503]),
)
def test_an_answer_is_read_whole_in_whatever_pieces_it_comes(
    body: bytes, chunks: list[int] | None, pieces: list[int], status: int
) -> None:
    connection, transport, answers = connected()
    whole = answer(body, chunks, status)
    for number in range(2):  # kept alive
        connection.ask(number, b"request")
        at = 0
        for size in [*pieces, len(whole)]:
            if at < len(whole):
                assert len(answers) == number
                connection.data_received(whole[at : at + size])
                at += size
        assert answers[-1] == (status, whole)
    assert transport.written == b"requestrequest"
    assert not transport.closed


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\nServer: any\r\n\r\nuntil it closes",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno size\r\n",
        b"SSH-2.0 hello\r\nContent-Length: 0\r\n\r\n",
    ],
)
def test_what_is_no_answer_that_ends_closes_the_connection(data: bytes) -> None:
    connection, transport, answers = connected()
    connection.ask(0, b"")
    connection.data_received(data)
    assert transport.closed
    assert answers == []


def test_an_answer_that_nobody_asked_for_closes_the_connection() -> None:
    connection, transport, answers = connected()
    connection.data_received(answer(b"", None))
    assert (transport.closed, answers) == (True, [])


def test_an_answer_without_a_body_needs_no_length() -> None:
    connection, _, answers = connected()
    connection.ask(0, b"")
    connection.data_received(b"HTTP/1.1 204 No Content\r\n\r\n")
    assert answers == [(204, b"HTTP/1.1 204 No Content\r\n\r\n")]
