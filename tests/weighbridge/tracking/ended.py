"""Runs that end as real ones do, without training: gates, measurements and a model are made up, the rest is real."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.weighbridge.report import sample
from weighbridge.common.digests import folder_digest
from weighbridge.evidence.delivered import Delivered
from weighbridge.runs.display import SilentDisplay
from weighbridge.runs.finish import run_to_end
from weighbridge.runs.outcome import RunOutcome
from weighbridge.runs.record import ArtifactReference, Run, RunRecord, StepRecord
from weighbridge.tracking.entry import Entry
from weighbridge.verdict import Verdict

START = datetime(2026, 3, 14, 9, 26, tzinfo=UTC)
SECRET = "hunter2-and-more"


def end_run(workdir: Path, number: int = 0, *, passes: bool = True, **of_record: Any) -> RunOutcome:
    """A run that comes to a verdict, or with `error=` to that; its state, folder and files are those of any run."""
    started = START + timedelta(minutes=number)
    run_id = f"{started:%Y%m%d-%H%M%S}-{number:04x}"
    error = of_record.pop("error", None)
    pipeline = of_record.pop("pipeline", "taxi")
    record = RunRecord(
        run_id=run_id,
        pipeline=pipeline,
        module="shop.pipeline",
        started=started,
        **{"parameters": {"epochs": 5, "data": f"s3://key:{SECRET}@bucket/trips"}, "commit": "ab" * 20} | of_record,
    )
    run = Run(workdir / pipeline / "runs" / run_id, record)
    folders = measured(workdir / pipeline / "artifacts" / run_id, passes)
    model = folders["model"]
    run.record.artifacts = [ArtifactReference(step="Trainer", key="model", type="Model", uri=str(model))]
    run.record.steps = [StepRecord(name="Trainer", state="done", seconds=2.5)]
    run.save()

    def work() -> Verdict:
        if error is not None:
            raise error
        quality, latency = (0.9187, False) if passes else (0.8123, True)
        gates = sample.training_gates() + sample.quality_gates(quality, True) + sample.latency_gates(latency, True)
        if passes:
            run.record.delivered = Delivered.at(f"{workdir}/{pipeline}/production/3", 3, "production", already=False)
        subject = {"data": sample.digest("a"), "code": sample.digest("c"), "gates": sample.digest("d")}
        subject |= {"model": folder_digest(model / "Format-Serving"), "production_at": "/models/production"}
        return Verdict.of(gates, pipeline=pipeline, run_id=run_id, subject=subject)

    return run_to_end(run, SilentDisplay(), work, folders)


def measured(root: Path, passes: bool = True) -> dict[str, Path]:
    """Folders of what steps left, by output key."""
    folders = {key: root / key for key in ("examples", "model_run", "evaluation", "model")}
    auc = 0.9187 if passes else 0.8123
    sample.write(folders["examples"], "summary.json", sample.summary())
    sample.write(folders["model_run"], "history.json", sample.history())
    sample.write(folders["evaluation"], "metrics.json", sample.metrics(auc, True))
    sample.write(folders["evaluation"], "latency.json", sample.latency(not passes, True))
    serving = folders["model"] / "Format-Serving"
    (serving / "variables").mkdir(parents=True)
    (serving / "saved_model.pb").write_bytes(b"graph" * 100)
    (serving / "variables/variables.index").write_bytes(root.name.encode())
    return folders


def entry_of(outcome: RunOutcome) -> Entry:
    """What its folder keeps for MLflow."""
    entry = Entry.read(outcome.run.folder)
    assert entry is not None
    return entry


def same(outcome: RunOutcome, other: RunOutcome) -> bool:
    """Whether two runs ended alike: in verdict, exit code, error and record."""
    records = [json.dumps(each.run.record.public_json() | {"seconds": 0}, sort_keys=True) for each in (outcome, other)]
    ends = [(each.exit_code, each.verdict, str(each.error)) for each in (outcome, other)]
    return records[0] == records[1] and ends[0] == ends[1]
