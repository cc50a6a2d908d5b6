"""What one run tells a backtest: its verdict, and what its Evaluator measured."""

import json
from pathlib import Path
from typing import Any

from weighbridge.backtest.record import Distance, Metric, SpanRecord, Value, as_value
from weighbridge.backtest.spans import Span
from weighbridge.components.production_model.record import read_record
from weighbridge.verdict import Verdict

_DISTANCES = ("data.drift.", "data.skew.")


def span_record(span: Span, outcome: dict[str, Any], production: Path) -> SpanRecord:
    """The record of a span.

    Args:
        span: which.
        outcome: what `weighbridge run --json` printed.
        production: where its production is.
    """
    verdict = Verdict.model_validate(outcome["verdict"])
    record = read_record(production)
    measured = _document(outcome, "metrics.json")
    timed = _document(outcome, "latency.json")
    refusals = [gate for gate in verdict.gates if gate.refuses]
    return SpanRecord(
        span=span.name,
        start=span.start.isoformat(),
        end=span.end.isoformat(),
        decision="pushed" if verdict.passed else "refused",
        run=outcome["run"]["run_id"],
        version=record.version if record else 0,
        seconds=outcome["run"]["seconds"],
        rows=measured.get("rows"),
        refusals=[gate.name for gate in refusals],
        warnings=[gate.name for gate in verdict.gates if not gate.passed and not gate.refuses],
        distances=_distances(verdict),
        metrics={
            row["name"]: Metric(
                candidate=Value.model_validate(row),
                production=as_value(row["production"]),
                change=as_value(row["change"]),
            )
            for row in measured.get("metrics", [])
            if not row["slice"]
        },
        p99_ms={
            str(batch["batch_size"]): batch["candidate"]["p99_ms"]["value"]
            for batch in timed.get("batches", [])
            if batch["candidate"]["p99_ms"]["value"] is not None
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


def _document(outcome: dict[str, Any], name: str) -> dict[str, Any]:
    """A document of the run's evaluation; empty where the run did not come so far."""
    for artifact in outcome["run"]["artifacts"]:
        path = Path(artifact["uri"], name)
        if artifact["type"] == "ModelEvaluation" and path.exists():
            return json.loads(path.read_bytes())
    return {}
