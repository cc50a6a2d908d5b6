"""Two runs of one pipeline with everything that a run keeps: record, verdict, and measurements in artifact folders."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from tests.weighbridge.runs.histories import START
from weighbridge.components.data_validator.statistics import compute_statistics, statistics_path, write_statistics
from weighbridge.evidence.base import Interval
from weighbridge.evidence.latency import Batch, Calls, Compared, Histogram, Latency, LatencyReport
from weighbridge.evidence.metrics import Metric, Metrics
from weighbridge.evidence.summary import ExamplesSummary, Split
from weighbridge.runs.record import ArtifactReference, Run, RunRecord, StepRecord
from weighbridge.runs.workspace import Workspace
from weighbridge.verdict import Bounds, Gate, Verdict


def digest(text: str) -> str:
    """A digest that is told apart at a glance."""
    return "sha256:" + (text * 64)[:64]


def around(value: float, half: float = 0.01) -> Interval:
    """An interval about a value."""
    return Interval(value=value, low=value - half, high=value + half)


def calls(ms: float) -> dict[str, Interval]:
    """Percentiles and throughput."""
    return {
        "p50_ms": around(ms, ms / 20),
        "p95_ms": around(ms * 2, ms / 10),
        "p99_ms": around(ms * 3, ms / 5),
        "throughput_rows_s": around(1000 / ms, 10),
    }


def metrics(auc: float, *, rows: int = 400, change: float | None = None) -> Metrics:
    """Metrics on all rows and on a slice whose value is no plain text."""
    pairs = {} if change is None else {"production": around(auc - change), "change": around(change, 0.002)}
    return Metrics(
        split="eval",
        rows=rows,
        confidence=0.95,
        label="paid",
        metrics=[
            Metric(name="example_count", slice="", rows=rows, value=rows),
            Metric(name="auc", slice="", rows=rows, **around(auc).model_dump(), **pairs),
            Metric(name="auc", slice="town=\x1b[31mUlm", rows=50, **around(auc - 0.1, 0.05).model_dump()),
        ],
        plots={},
    )


def latency(ms: float, ratio: float | None = None) -> LatencyReport:
    """Latency with one batch size; with a ratio to production where that was measured beside it."""
    histogram = Histogram(edges_ms=[0.0, 1.0], counts=[400])
    found = Latency(**calls(ms), histogram=histogram)
    return LatencyReport(
        signature="serving_default",
        inputs={},
        confidence=0.95,
        model_bytes=Compared[int](candidate=int(ms * 1000)),
        load_ms=Compared[Interval](candidate=around(100, 5)),
        peak_memory_bytes=Compared[Interval](candidate=Interval(value=None)),
        batches=[
            Batch(
                batch_size=1,
                calls=400,
                candidate=found,
                production=None if ratio is None else Latency(**calls(ms / ratio), histogram=histogram),
                ratio=None if ratio is None else Calls(**{name: around(ratio, 0.05) for name in calls(1)}),
            )
        ],
        variants=[],
    )


def summary(rows: int, content: str) -> ExamplesSummary:
    """What ExampleGen says of its examples."""
    return ExamplesSummary(
        splits={name: Split(rows=count, content_digest=digest(content)) for name, count in _splits(rows)},
        total_rows=rows,
        content_digest=digest(content),
        columns={"age": "int64", "paid": "int64"},
        quarantined_rows=0,
        rows_after_end=0,
        rows_left_out=0,
        time_splits={},
        time_end=None,
        sample=1.0,
        files=[],
        input_digest=digest(content),
        span=3,
    )


def _splits(rows: int) -> list[tuple[str, int]]:
    return [("train", rows * 2 // 3), ("eval", rows // 3)]


def make_run(
    workspace: Workspace,
    number: int,
    *,
    auc: float = 0.9,
    ms: float = 1.0,
    threshold: float = 0.85,
    data: str = "a",
    ages: tuple[int, int] = (20, 60),
    change: float | None = None,
    subject: dict[str, str] | None = None,
    parameters: dict[str, Any] | None = None,
    **fingerprint: Any,
) -> Run:
    """A run that ended in a verdict, with its measurements."""
    started = START + timedelta(days=number)
    run_id = f"{started:%Y%m%d-%H%M%S}-{number:04x}"
    artifacts = workspace.folder / "artifacts" / run_id
    for key in ("examples", "statistics", "evaluation"):
        (artifacts / key).mkdir(parents=True)
    summary(1200, data).write(artifacts / "examples")
    metrics(auc, change=change).write(artifacts / "evaluation")
    latency(ms, None if change is None else 2.0).write(artifacts / "evaluation")
    batch = pa.RecordBatch.from_pydict(
        {"age": [[age] for age in range(*ages)] * 5, "paid": [[1]] * 5 * (ages[1] - ages[0])}
    )
    write_statistics(statistics_path(artifacts / "statistics", "train"), compute_statistics([batch]))
    gates = Bounds(min=threshold).judge("quality.auc", auc)
    gates += [
        Gate(
            name="latency.batch_1.p99_ms.max",
            status="passed",
            observed=3 * ms,
            threshold=9.0,
            unit="ms",
            message="Fine.",
        )
    ]
    verdict = Verdict.of(
        gates, pipeline=workspace.pipeline, run_id=run_id, subject=subject or {"model": digest(str(number))}
    )
    given = {"data": f"/data/{data}.csv", "epochs": 5} | (parameters or {})
    record = RunRecord(
        run_id=run_id,
        pipeline=workspace.pipeline,
        module="shop.pipeline",
        commit=f"{number:040x}",
        state=verdict.outcome,
        exit_code=int(verdict.exit_code),
        started=started,
        seconds=12.0,
        parameters=given,
        fingerprint={
            "data": [digest(data)],
            "sample": 1.0,
            "pipeline": digest("d"),
            "code": {"Trainer": digest("c"), "Evaluator": digest("e")},
            "modules": {"Trainer": ["shop.model"], "Evaluator": ["weighbridge.components.evaluator"]},
            "gates": {"quality": digest(str(threshold)), "latency": digest("l")},
            "schema": digest("s"),
            "files": {"pipeline.py": digest("d")},
            "libraries": {"tensorflow": "2.16.2"},
            "image": "",
        }
        | fingerprint,
        steps=[StepRecord(name=name, state="done", seconds=1.0) for name in ("ExampleGen", "Evaluator")],
        artifacts=[
            ArtifactReference(step=step, key=key, type=kind, uri=str(artifacts / key))
            for step, key, kind in (
                ("ExampleGen", "examples", "Examples"),
                ("DataValidator", "statistics", "ExampleStatistics"),
                ("Evaluator", "evaluation", "ModelEvaluation"),
            )
        ],
        verdict_digest=verdict.digest,
    )
    run = Run(workspace.folder / "runs" / run_id, record)
    run.folder.mkdir(parents=True)
    run.save()
    verdict.write(run.folder / "verdict.json")
    return run


def workspace_of(folder: Path) -> Workspace:
    """Where the runs are."""
    return Workspace(folder, "shop")
