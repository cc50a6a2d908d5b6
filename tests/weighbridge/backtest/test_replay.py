"""The process that replays a span, and the folder that one backtest has to itself."""

import sys
from pathlib import Path

import pytest

from tests.components.pusher.processes import start
from tests.patience import wait_until
from weighbridge.backtest.record import held
from weighbridge.backtest.replay import _ended_with_us
from weighbridge.common.errors import InfrastructureError, UsageError


def test_runs_of_long_ago_call_no_hooks():
    with _ended_with_us([sys.executable, "-c", "import os; print(os.environ['WEIGHBRIDGE_HOOKS'])"]) as process:
        output, _ = process.communicate()
    assert output == "off\n"


def test_the_run_of_a_span_dies_with_a_killed_backtest(tmp_path):
    told = tmp_path / "pid"

    def backtest():
        with _ended_with_us(["sh", "-c", f"echo $$ > {told}; exec sleep 3600"]) as process:
            process.communicate()

    killed = start(backtest)
    wait_until(lambda: told.exists() and told.read_text().endswith("\n"))
    killed.kill()
    killed.join()
    run = Path("/proc", told.read_text().strip(), "status")
    wait_until(lambda: not run.exists() or "zombie" in run.read_text(), "the end of the run")


def test_the_same_backtest_is_refused_while_one_is_going_on(tmp_path):
    folder = tmp_path / "backtests/0123"
    with held(folder):
        (folder / "backtest.json").write_text("{}")
        with pytest.raises(InfrastructureError, match=r"The same backtest is going on in .*0123: process"):
            held(folder, anew=True).__enter__()
        assert (folder / "backtest.json").exists()
    with held(folder, anew=True):
        assert not (folder / "backtest.json").exists()


def test_what_a_killed_one_had_begun_to_write_is_removed(tmp_path):
    folder = tmp_path / "backtests/0123"
    folder.mkdir(parents=True)
    (folder / ".staged-backtest.json-0").touch()
    with held(folder):
        assert list(folder.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "backtests").touch()
    with pytest.raises(UsageError, match="backtests/0123 cannot be written"):
        held(tmp_path / "backtests/0123").__enter__()
