"""What a person sees on a terminal; a pseudo-terminal stands in for theirs."""

import os
import pty
import re
import subprocess
import sys

import pytest

from tests.command_line import ROOT
from tests.weighbridge.local.tiny import CALLS

pytestmark = pytest.mark.slow


def test_a_terminal_shows_steps_and_progress_and_no_noise_of_libraries(tmp_path):
    master, slave = pty.openpty()
    environment = {"PYTHONPATH": str(ROOT), CALLS: str(tmp_path / "calls"), "TERM": "xterm", "COLUMNS": "100"}
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "weighbridge.cli.main",
            "run",
            "tests.weighbridge.local.tiny",
            "--workdir",
            str(tmp_path),
        ],
        cwd=ROOT,
        env=os.environ | environment,
        stdin=slave,
        stdout=slave,
        stderr=slave,
    )
    os.close(slave)
    shown = b""
    while True:
        try:
            chunk = os.read(master, 4096)
        except OSError:  # how Linux tells that the other end is closed
            break
        if not chunk:
            break
        shown += chunk
    assert process.wait() == 0
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())
    assert "loading TFX" in text
    assert "✓ Count" in text
    assert "PASSED" in text
    for noise in ("Warning", "WARNING", "tensorflow/", "Traceback"):
        assert noise not in text
