"""What cannot be shown ends nothing, and is remembered where it matters."""

import errno
import os

import pytest

from weighbridge.common import streams


@pytest.fixture(autouse=True)
def no_failure(monkeypatch):
    monkeypatch.setattr(streams, "_failure", None)


def test_a_full_disk_is_remembered():
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        stream = streams.open_stream(full.fileno())
        stream.write("a line\n")
        stream.write("another\n")
        failure = streams.failure()
        assert failure is not None
        assert failure.errno == errno.ENOSPC


def test_a_reader_that_went_away_is_not():
    reader, writer = os.pipe()
    os.close(reader)
    stream = streams.open_stream(writer, closefd=True)
    stream.write("a line\n")
    stream.close()
    assert streams.failure() is None


@pytest.mark.parametrize(
    ("encoding", "expected"), [("ascii", b"3.1 s - >= 2 ? +\n"), ("latin-1", b"3.1 s \xb7 >= 2 ? +\n")]
)
def test_an_encoding_that_lacks_a_character_falls_back(monkeypatch, encoding, expected):
    class Kept:
        pass

    Kept.encoding = encoding  # type: ignore[attr-defined]
    monkeypatch.setattr(streams.sys, "__stdout__", Kept)
    reader, writer = os.pipe()
    with streams.open_stream(writer, closefd=True) as stream:
        stream.write("3.1 s · ≥ 2 \u4e09 ✓\n")
    assert os.read(reader, 100) == expected
    os.close(reader)
