from datetime import UTC, datetime
from pathlib import Path

from weighbridge.report.comparison import GateChange, RunComparison, Side
from weighbridge.report.comparison_rows import comparison_text


def test_a_gate_that_became_undecided_is_said_so() -> None:
    side = {
        "pipeline": "p",
        "kind": "run",
        "started": datetime(2026, 1, 1, tzinfo=UTC),
        "seconds": 1.0,
        "folder": Path(),
    }
    gate = GateChange(
        name="quality.auc.min_change",
        status_before="passed",
        status_after="inconclusive",
        observed_before=0.001,
        observed_after=-0.02,
    )
    both = [Side(run_id=name, state="passed", **side) for name in ("a", "b")]
    text = comparison_text(RunComparison(before=both[0], after=both[1], gates=(gate,)))
    assert "quality.auc.min_change: ✓ passed 0.001 → ? undecided -0.02" in text
