"""A version as a Pusher leaves it, with provenance, of which nothing was ever trained."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from weighbridge.attestation import here
from weighbridge.attestation.attest import attest
from weighbridge.attestation.manifest import read_manifest
from weighbridge.common.digests import file_digest, tree_digest
from weighbridge.components.production_model.record import ProductionRecord, record_bytes
from weighbridge.evidence.provenance import DataOrigin, Origin, Provenance, TrainingOrigin
from weighbridge.evidence.summary import InputFile
from weighbridge.runs.models import FoundModel
from weighbridge.verdict import Gate, Verdict

MODULE = "tumours.pipeline"
NOW = datetime(2026, 1, 2, tzinfo=UTC)


def inputs(*paths: Path) -> list[DataOrigin]:
    """Files as ExampleGen records them."""
    files = [InputFile(path=str(path), bytes=path.stat().st_size, sha256=file_digest(path)) for path in paths]
    return [DataOrigin(content_digest="sha256:rows", files=files)]


def training(**changed: Any) -> TrainingOrigin:
    """How a model was trained, here."""
    found = {"run_fn": "tumours.model.run_fn", "parameters": {}, "seed": 20, "deterministic": True}
    return TrainingOrigin(**found | {"machine": here.machine(), "software": here.software()} | changed)


def push(destination: Path, data: list[DataOrigin], origin: Origin | None, **changed: Any) -> FoundModel:
    """Make version 1."""
    model = destination / "1"
    (model / "variables").mkdir(parents=True)
    (model / "saved_model.pb").write_bytes(b"a graph")
    (model / "variables/variables.index").write_bytes(b"weights")
    gate = Gate(name="quality.auc.min", status="passed", observed=0.9, interval=(0.88, 0.92), message="It is.")
    pipeline = changed.pop("pipeline", "tumours")
    verdict = Verdict.of([gate], pipeline=pipeline, run_id="r1", subject={"model": tree_digest(model)})
    provenance = Provenance(
        pipeline=pipeline,
        run_id="r1",
        weighed_at=NOW,
        origin=origin,
        data=data,
        training=changed.pop("training", training()),
        machine=here.machine(),
        software=here.software(),
        **changed,
    )
    record = ProductionRecord(
        version=1,
        model_digest=tree_digest(model),
        verdict_digest=verdict.digest,
        run_id="r1",
        pipeline=pipeline,
        pushed_at=NOW,
        subject=verdict.subject,
    )
    evidence = destination / ".weighbridge/1"
    evidence.mkdir(parents=True)
    files = attest(read_manifest(model), verdict, provenance) | {
        "verdict.json": verdict.canonical(),
        "record.json": record_bytes(record),
    }
    for name, content in files.items():
        (evidence / name).write_bytes(content)
    (destination / "production.json").write_bytes(record_bytes(record))
    return FoundModel(str(destination), record)
