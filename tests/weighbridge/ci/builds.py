"""What builds leave in their folder of reports."""

from datetime import UTC, datetime
from pathlib import Path

from tests.weighbridge.report import sample
from weighbridge.report import Evidence, write_reports
from weighbridge.runs.record import Run, RunRecord
from weighbridge.verdict import Bounds, Verdict


def run(reports: Path, run_id: str, pipeline: str = "taxi", auc: float = 0.95) -> Path:
    """A run that passed, or was refused for its AUC."""
    gates = Bounds(min=0.9).judge("quality.auc", auc)
    verdict = Verdict.of(gates, pipeline=pipeline, run_id=run_id, subject={})
    measured = reports.parent / f"measured-{run_id}"
    sample.write(measured, "metrics.json", sample.metrics(auc, production=True))
    sample.write(measured, "latency.json", sample.latency(slow=False, production=True))
    write_reports(reports / run_id, Evidence.collect(verdict, {"evaluation": measured}, versions={}))
    _record(reports, run_id, pipeline, verdict.outcome)
    return reports / run_id


def refused_run(reports: Path) -> Path:
    return run(reports, "20260101-000000-aaaa", auc=0.5)


def failed_run(reports: Path, run_id: str, error: str) -> None:
    """A run that came to no verdict."""
    _record(reports, run_id, "taxi", "failed", error=error)


def _record(reports: Path, run_id: str, pipeline: str, state: str, error: str = "") -> None:
    started = datetime.strptime(run_id[:15], "%Y%m%d-%H%M%S").replace(tzinfo=UTC)
    (reports / run_id).mkdir(parents=True, exist_ok=True)
    record = RunRecord(
        run_id=run_id, pipeline=pipeline, module="taxi", state=state, started=started, seconds=61.0, error=error
    )
    Run(reports / run_id, record).save()
