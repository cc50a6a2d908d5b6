"""Digests of files that are read: each version once."""

import os
import time

import pytest

from weighbridge.common.errors import UsageError
from weighbridge.storage import inputs


@pytest.fixture
def read(monkeypatch):
    """The files whose bytes were read."""
    found = []
    before = inputs._digest
    monkeypatch.setattr(inputs, "_digest", lambda path: found.append(path) or before(path))
    return found


def aged(monkeypatch):
    """Let what was written so far be long ago."""
    now = time.time_ns() + 2 * inputs._TICK_NS
    monkeypatch.setattr(inputs.time, "time_ns", lambda: now)


def test_a_file_is_read_once_while_it_is_as_it_was(tmp_path, monkeypatch, read):
    path = tmp_path / "rows.csv"
    path.write_text("a\n1\n")
    aged(monkeypatch)
    one = inputs.digest(str(path))
    assert inputs.digest(str(path)) == one
    assert len(read) == 1
    stat = path.stat()
    path.write_text("a\n2\n")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))  # the time of the last change is not to be set
    assert inputs.digest(str(path)) != one
    assert len(read) == 2


def test_a_file_that_was_just_written_is_read_again(tmp_path, read):
    path = str(tmp_path / "rows.csv")
    (tmp_path / "rows.csv").write_text("a\n1\n")
    assert inputs.digest(path) == inputs.digest(path)
    assert len(read) == 2


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        inputs.digest(str(tmp_path / "none.csv"))
