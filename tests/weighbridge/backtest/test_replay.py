"""The process that replays a span."""

import sys

from weighbridge.backtest.replay import _ended_with_us


def test_runs_of_long_ago_call_no_hooks():
    with _ended_with_us([sys.executable, "-c", "import os; print(os.environ['WEIGHBRIDGE_HOOKS'])"]) as process:
        output, _ = process.communicate()
    assert output == "off\n"
