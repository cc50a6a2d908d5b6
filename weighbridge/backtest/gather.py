"""What one run tells a backtest: its verdict, and what its Evaluator measured."""

from pathlib import Path
from typing import Any, TypeVar

from weighbridge.backtest.record import Distance, Metric, SpanRecord, Value
from weighbridge.backtest.spans import Span
from weighbridge.components.production_model.standing import read_record
from weighbridge.evidence.base import EvidenceFile, Interval
from weighbridge.evidence.latency import LatencyReport
from weighbridge.evidence.metrics import Metrics
from weighbridge.verdict import Verdict

FileT = TypeVar("FileT", bound=EvidenceFile)

_DISTANCES = ("data.drift.", "data.skew.")


def span_record(span: Span, outcome: dict[str, Any], production: Path) -> SpanRecord:
    """The record of a span.

    Args:
        span: which.
        outcome: what `weighbridge run --json` printed.
        production: where its production is.

    Raises:
        UsageError: what the Evaluator measured cannot be read.
    """
    verdict = Verdict.model_validate(outcome["verdict"])
    record = read_record(production)
    measured = _evidence(outcome, Metrics)
    timed = _evidence(outcome, LatencyReport)
    refusals = [gate for gate in verdict.gates if gate.refuses]
    return SpanRecord(
        span=span.name,
        start=span.start.isoformat(),
        end=span.end.isoformat(),
        decision="pushed" if verdict.passed else "refused",
        run=outcome["run"]["run_id"],
        version=record.version if record else 0,
        seconds=outcome["run"]["seconds"],
        rows=measured.rows if measured else None,
        refusals=[gate.name for gate in refusals],
        warnings=[gate.name for gate in verdict.gates if not gate.passed and not gate.refuses],
        distances=_distances(verdict),
        metrics={
            metric.name: Metric(
                candidate=_value(metric),
                production=_value(metric.production) if metric.production else None,
                change=_value(metric.change) if metric.change else None,
            )
            for metric in (measured.overall() if measured else [])
        },
        p99_ms={
            str(batch.batch_size): batch.candidate.p99_ms.value
            for batch in (timed.batches if timed else [])
            if batch.candidate.p99_ms.value is not None
        },
        message=refusals[0].message if refusals else "",
    )


def _distances(verdict: Verdict) -> list[Distance]:
    """Gates on drift and skew that had something to compare with."""
    found = []
    for gate in verdict.gates:
        numbers = isinstance(gate.observed, float | int) and isinstance(gate.threshold, float | int)
        if gate.name.startswith(_DISTANCES) and numbers:
            name = gate.name.removeprefix("data.").removesuffix(".max")
            found.append(
                Distance(gate=name, observed=gate.observed, threshold=gate.threshold, passed=gate.passed)  # type: ignore[arg-type]
            )
    return found


def _value(interval: Interval) -> Value:
    return Value(value=interval.value, low=interval.low, high=interval.high)


def _evidence(outcome: dict[str, Any], model: type[FileT]) -> FileT | None:
    """A file of the run's evaluation; None where the run did not come so far."""
    folders = [artifact["uri"] for artifact in outcome["run"]["artifacts"] if artifact["type"] == "ModelEvaluation"]
    return next((found for folder in folders if (found := model.read(folder)) is not None), None)
