"""Our generator and MLPerf's LoadGen say the same of a server."""

import pytest

from benchmarks.load.command import REQUIREMENT, table
from benchmarks.load.rounds import PERCENTILES, Rounds, compare
from tests.load_server import load_server
from tests.tool_environment import tool_environment


@pytest.mark.slow
def test_the_99th_percentiles_of_both_are_within_a_tenth() -> None:
    python = tool_environment("loadgen", REQUIREMENT) / "bin/python"
    # The answers take known times, and all of them in each round: what differs is the generators, and the machine.
    with load_server(delay_ms=40) as url:
        found = compare(python, url, b"{}", rate_rps=330, queries=1000, rounds=5, told=print)
    assert abs(found.apart("99.00")) < 0.1, (found.ours, found.theirs)
    assert abs(found.apart("50.00")) < 0.1, (found.ours, found.theirs)


def test_medians_of_rounds_are_compared() -> None:
    found = Rounds(
        ours={name: [10.0, 11.0, 90.0] for name in PERCENTILES},
        theirs={name: [9.0, 10.0, 12.0] for name in PERCENTILES},
        lag_ms=[0.1, 0.2, 0.3],
    )
    assert found.medians("99.00") == (11.0, 10.0)
    assert found.apart("99.00") == pytest.approx(0.1)
    told = table("answers at once", found, 100, 1000, 3)
    assert "| p99 | 11.00 | 10.00 to 90.00 | 10.00 | 9.00 to 12.00 | +10.0% |" in told
    assert "0.20 ms late" in told
