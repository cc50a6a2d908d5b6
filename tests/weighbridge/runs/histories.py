"""A workspace with a history: runs that passed, were refused for one thing or another, and failed."""

import math
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from weighbridge.report.write import HTML_FILE
from weighbridge.runs.record import Run, RunRecord
from weighbridge.runs.workspace import Workspace
from weighbridge.verdict import Bounds, Gate, Verdict

START = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)


def gates(number: int, slow: bool = False, bad: bool = False, drifted: bool = False) -> list[Gate]:
    """What the steps of a run found; one that stopped at the data has no more."""
    found = Bounds(max=0.05).judge("data.drift.production.payment_type.linf", 0.2 if drifted else 0.01)
    if drifted:
        return found
    auc = 0.942 + 0.006 * math.sin(number) - (0.03 if bad else 0)
    production = 0.941 + 0.003 * math.sin(number / 3) if number else None
    found += Bounds(min=0.93 if number < 6 else 0.935, min_change=-0.02).judge("quality.auc", auc, baseline=production)
    found += Bounds(min=0.87).judge("quality.binary_accuracy", 0.89 + 0.004 * math.cos(number), baseline=production)
    found += Bounds(min=0.85, max=1.15, severity="warning").judge("quality.calibration", 0.9)
    for card in ("Cash", "Credit Card"):
        found += Bounds(min=0.6).judge(f"quality.payment_type={card}.auc", 0.66 + 0.02 * math.cos(number))
    found += Bounds(min_change=-0.03).judge("quality.recall@20", 0.31, baseline=0.3 if number else None)
    p99 = 4.1 + 0.4 * math.sin(2 * number) + (3 if slow else 0)
    for size, factor in ((1, 1.0), (64, 1.7)):
        before = 4.0 * factor if number else None
        found += Bounds(max=10).judge(f"latency.batch_{size}.p50_ms", p99 / 2 * factor, baseline=before, unit="ms")
        found += Bounds(max=6 * factor, max_ratio=2).judge(
            f"latency.batch_{size}.p99_ms", p99 * factor, baseline=before, unit="ms"
        )
    return found


def add_run(workspace: Workspace, number: int, state: str = "", *, report: bool = True, **of_record: Any) -> Run:
    """One run; its state is that of its verdict, or else it has none."""
    started = START + timedelta(days=number, minutes=7 * number)
    run_id = f"{started:%Y%m%d-%H%M%S}-{number:04x}"
    weighed = of_record.pop("gates", None) or gates(number)
    verdict = Verdict.of(weighed, pipeline=workspace.pipeline, run_id=run_id, subject={})
    record = RunRecord(
        run_id=run_id,
        pipeline=workspace.pipeline,
        module="taxi",
        state=state or verdict.outcome,
        started=started,
        seconds=48.0 + 9 * math.sin(number) + 3 * number,
        **{"kind": "rehearsal" if workspace.rehearsal else "run"} | of_record,
    )
    run = Run(workspace.folder / "runs" / run_id, record)
    run.folder.mkdir(parents=True)
    run.save()
    if not state:
        verdict.write(run.folder / "verdict.json")
        if report:
            (run.folder / HTML_FILE).write_text("<p>report</p>")
    return run


def history(workdir: Path) -> Workspace:
    """Twelve whole runs of taxi: eight passed, three were refused, one failed."""
    workspace = Workspace(workdir, "taxi")
    for number in range(12):
        if number == 4:
            add_run(workspace, number, "failed", error="Trainer failed: <ValueError>\nmore in the log")
            continue
        found = gates(number, slow=number == 8, bad=number in (6, 8), drifted=number == 9)
        add_run(workspace, number, gates=found)
    return workspace
