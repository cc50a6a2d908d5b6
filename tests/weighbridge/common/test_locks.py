"""A lock dies with its holder, whatever that forked, and says who that is."""

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.patience import PATIENCE_S
from weighbridge.common import locks

HOLD = """
import os, sys, time
from pathlib import Path
from weighbridge.common import locks
with locks.exclusive(Path(sys.argv[1])):
    locks.describe(Path(sys.argv[1]), run="20260101-000000-abcd")
    child = os.fork()
    if child == 0:
        Path(sys.argv[1] + ".child").write_text(str(os.getpid()))
        time.sleep(600)
    time.sleep(600 if "stay" in sys.argv else 0)
    while not Path(sys.argv[1] + ".child").exists():
        time.sleep(0.01)
"""


def start(path, *arguments):
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(path), *arguments])
    child = path.with_name(f"{path.name}.child")
    while not (child.exists() and child.read_text()):
        time.sleep(0.01)
    return process, int(child.read_text())


@pytest.mark.parametrize("ended", ["by itself", "killed"])
def test_a_process_that_was_forked_does_not_keep_it(tmp_path, ended):
    path = tmp_path / ".lock"
    process, child = start(path, "stay" if ended == "killed" else "")
    try:
        if ended == "killed":
            with pytest.raises(BlockingIOError), locks.exclusive(path):
                pass
            assert locks.holder(path).startswith(f"process {process.pid}, run 20260101-000000-abcd, since 20")
            process.kill()
        process.wait(PATIENCE_S)
        with locks.exclusive(path):
            os.kill(child, 0)  # it is there still
            assert locks.holder(path).startswith(f"process {os.getpid()}, since ")
    finally:
        process.kill()
        os.kill(child, signal.SIGKILL)


def test_it_is_exclusive_within_a_process_too_and_free_after_an_error(tmp_path):
    path = tmp_path / ".lock"
    with pytest.raises(ZeroDivisionError), locks.exclusive(path):
        with pytest.raises(BlockingIOError), locks.exclusive(path):
            pass
        raise ZeroDivisionError
    with locks.exclusive(path):
        pass
    assert locks.holder(path) == ""


def test_a_forked_process_that_leaves_the_block_does_no_harm(tmp_path):
    path, other = tmp_path / ".lock", tmp_path / "other"
    with locks.exclusive(path):
        child = os.fork()
        if not child:
            taken = os.open(other, os.O_RDWR | os.O_CREAT)  # gets the number that the lock had
            os.write(taken, b"kept")
    if not child:
        os._exit(0 if other.read_bytes() == b"kept" else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.parametrize("content", [b"", b"\xff", b"[]", b"null", b'{"pid": 1}'])
def test_a_lock_that_tells_nothing_is_no_trouble(tmp_path, content):
    path = tmp_path / ".lock"
    path.write_bytes(content)
    assert locks.holder(path) == ""
    with locks.exclusive(path):
        pass


def test_waiting_tells_on_whom(tmp_path):
    path = tmp_path / ".lock"
    process, child = start(path, "stay")
    told = []

    def waiting(holder):
        told.append(holder)
        process.kill()

    try:
        with locks.exclusive(path, waiting):
            assert [f"process {process.pid}" in text for text in told] == [True]
    finally:
        process.kill()
        os.kill(child, signal.SIGKILL)
