"""`weighbridge runs`: in a window of 80 columns, and in a pipe."""

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios

import pytest

from tests.command_line import ROOT
from tests.weighbridge.runs.histories import add_run, gates, history
from weighbridge.runs.record import Run
from weighbridge.runs.workspace import Workspace, find_run
from weighbridge.verdict import Gate


def in_window(columns: int, *arguments: str, workdir) -> list[str]:
    """The lines that the command line prints in a terminal of that width."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = os.environ | {"WEIGHBRIDGE_WORKDIR": str(workdir), "PYTHONPATH": str(ROOT), "TERM": "xterm"}
    environment.pop("COLUMNS", None)
    with subprocess.Popen(
        [sys.executable, "-m", "weighbridge", *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment,
        cwd=ROOT,
    ) as process:
        os.close(theirs)
        shown = b""
        try:
            while part := os.read(ours, 4096):
                shown += part
        except OSError:  # nobody writes any more
            pass
    os.close(ours)
    assert process.returncode == 0, shown
    return re.sub(r"\x1b\[[\d;]*m|\r", "", shown.decode()).splitlines()


@pytest.fixture
def workspace(workdir):
    """A history with runs whose kinds, data, errors and gates are long."""
    space = history(workdir)
    add_run(space, 12, kind="promotion", delivered_to="staging-of-the-north", parameters={})
    add_run(space, 13, to="DataValidator", parameters={"data": "s3://shop/orders/orders-of-the-whole-year-2026.csv"})
    add_run(space, 14, "failed", error="Trainer failed: ValueError: " + "no such column, " * 20 + "\nmore")
    slow = Gate(name="latency.x.max", status="refused", observed=9, threshold=2, message="Too slow.")
    add_run(space, 15, parameters={"data": "data/trips.csv"}, gates=[*gates(15, bad=True), slow])
    return space


def test_in_80_columns_no_line_is_longer_and_every_id_is_one_that_show_takes(workspace, workdir):
    lines = in_window(80, "runs", workdir=workdir)
    assert max(map(len, lines)) <= 80
    ids = [run.record.run_id for run in workspace.runs()]
    assert [line.split()[0] for line in lines[1:] if line[0] != " "] == ids
    assert all(find_run(workdir, each) for each in ids)
    text = "\n".join(lines)
    for word in ("taxi", "promotion", "refused", "failed", "trips.csv", "auc=0.9", "quality.auc.min", "+1"):
        assert word in text


@pytest.mark.parametrize("columns", [40, 60, 100, 150])
def test_any_window_has_whole_ids(workspace, workdir, columns):
    lines = in_window(columns, "runs", workdir=workdir)
    assert max(map(len, lines)) <= columns
    assert sum(line.startswith("2026") for line in lines) == len(workspace.runs())


def test_a_pipe_gets_a_line_a_run(weighbridge, workspace):
    done = weighbridge("runs")
    head, *lines = done.out.splitlines()
    assert head.split() == ["run", "pipeline", "kind", "state", "started", "(UTC)", "data", "metric", "why"]
    assert len(lines) == len(workspace.runs())
    assert max(map(len, lines)) <= 120
    for line, run in zip(lines, workspace.runs(), strict=True):
        record = run.record
        assert line.startswith(f"{record.run_id} taxi ")
        assert all(word in line for word in (record.state, f"{record.started:%Y-%m-%d %H:%M}"))
    assert "trips.csv" in lines[-1]
    assert "auc=0.9" in lines[-1]
    assert "quality.auc.mi" in lines[-1]
    assert "Trainer faile" in lines[-2]
    assert "\x1b" not in done.out


def test_seconds_are_there_where_they_fit(weighbridge, workdir):
    add_run(Workspace(workdir, "taxi"), 1)
    assert "seconds" in weighbridge("runs").out


def test_the_latest_are_shown_and_no_more_are_read(weighbridge, workdir, monkeypatch):
    space, rehearsals = Workspace(workdir, "taxi"), Workspace(workdir, "taxi", rehearsal=True)
    for number in range(40):
        add_run(rehearsals if number % 4 == 0 else space, number)
    read = []
    monkeypatch.setattr(Run, "read", classmethod(_counting(Run.read.__func__, read)))
    done = weighbridge("runs", "taxi")
    ids = [line.split()[0] for line in done.out.splitlines()[1:]]
    assert len(ids) == 30
    assert len(read) <= 31
    assert "10 earlier runs are left out: --last 40 shows all." in done.err
    two = weighbridge("runs", "--last", "2")
    assert [line.split()[0] for line in two.out.splitlines()[1:]] == ids[-2:]
    assert weighbridge("runs", "--last", "40").err == ""
    assert len(json.loads(weighbridge("runs", "--json").out)) == 40
    assert [each["run_id"] for each in json.loads(weighbridge("runs", "--json", "--last", "2").out)] == ids[-2:]
    assert weighbridge("runs", "--last", "0").code == 2


def test_a_verdict_that_was_changed_is_not_shown_as_one(weighbridge, workdir):
    run = add_run(Workspace(workdir, "taxi"), 1)
    other = add_run(Workspace(workdir, "taxi"), 2, gates=gates(2, bad=True))
    (run.folder / "verdict.json").write_bytes((other.folder / "verdict.json").read_bytes())
    line = weighbridge("runs").out.splitlines()[1]
    assert "its verdict was changed" in line
    assert "auc=" not in line


def _counting(method, read):
    def call(cls, folder):
        read.append(folder)
        return method(cls, folder)

    return call
