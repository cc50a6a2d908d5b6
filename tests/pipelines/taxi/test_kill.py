"""A run killed at any moment, then started again: it completes, and production holds one whole version."""

import json
import signal
import time
from pathlib import Path

import pytest

from tests.command_line import start
from tests.patience import PATIENCE_S, wait_until
from weighbridge.common.digests import tree_digest
from weighbridge.runs.workspace import find_run

pytestmark = pytest.mark.slow

# Where to kill: as soon as the run's record shows so many finished steps, and a little later within the next one.
MOMENTS = [(0, 0.5), (1, 0.2), (3, 0.5), (3, 2.0), (4, 0.5), (5, 0.0)]


def finished_steps(workdir) -> int:
    try:
        return len(find_run(workdir).record.steps)
    except Exception:
        return -1


def has_come(process, workdir, steps: int) -> bool:
    """Whether the run of this process is beyond so many steps."""
    return finished_steps(workdir) >= steps and find_run(workdir).record.pid == worker(process.pid)


def worker(pid: int) -> int:
    """The process that works in a command; the one that was started waits for it."""
    try:
        return int((Path(f"/proc/{pid}/task/{pid}/children").read_text().split() or [-1])[0])
    except OSError:
        return -1


def test_killed_at_many_moments_a_run_completes_when_started_again(tmp_path):
    workdir = tmp_path / "work"
    killed = []
    for steps, delay in MOMENTS:
        process = start("run", "taxi", workdir=workdir)
        wait_until(lambda: process.poll() is not None or has_come(process, workdir, steps))  # noqa: B023
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
        killed.append(process.returncode)
        record = workdir / "taxi/production/production.json"
        if record.exists():
            content = json.loads(record.read_text())
            assert tree_digest(record.parent / str(content["version"])) == content["model_digest"]
    assert -signal.SIGKILL in killed

    process = start("run", "taxi", workdir=workdir)
    out, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, out
    production = workdir / "taxi/production"
    content = json.loads((production / "production.json").read_text())
    versions = list(production.glob("[0-9]*"))
    assert [path.name for path in versions] == [str(content["version"])] == ["1"]
    assert tree_digest(versions[0]) == content["model_digest"]
    shown = start("runs", workdir=workdir).communicate()[0]
    assert "killed" in shown
