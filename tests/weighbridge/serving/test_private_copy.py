"""Copies of models are removed at the end, and those of killed servers by the next one."""

import os
import subprocess
import sys
import tempfile

from weighbridge.serving.private_copy import PREFIX, clear_left, private_folder

_KILLED = """
import os, signal
from weighbridge.serving.private_copy import private_folder
with private_folder() as folder:
    (folder / "model").write_text("bytes")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_copy_is_there_as_long_as_it_is_used_and_that_of_a_killed_server_is_cleared_up(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    subprocess.run([sys.executable, "-c", _KILLED], env={**os.environ, "TMPDIR": str(tmp_path)}, check=False)
    [left] = tmp_path.glob(f"{PREFIX}*")
    clear_left()
    assert left.exists()  # so young that it may be in the making
    os.utime(left, (0, 0))
    with private_folder() as mine:
        assert not left.exists()
        os.utime(mine, (0, 0))
        with private_folder():
            assert mine.exists()  # in use, however old
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_that_name_without_a_lock_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    other = tmp_path / f"{PREFIX}notes"
    other.mkdir()
    os.utime(other, (0, 0))
    clear_left()
    assert other.exists()
