"""Where a weighed model comes from: gathered from what the steps before left, for whoever signs it. Imports no tfx."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from weighbridge.attestation import here
from weighbridge.common.errors import UsageError
from weighbridge.components.artifacts.examples import read_summary
from weighbridge.components.evaluator.request import EvaluationRequest
from weighbridge.evidence.provenance import DataOrigin, Provenance, TrainingOrigin
from weighbridge.evidence.thresholds import ThresholdsInForce


def provenance(request: EvaluationRequest, model_run: str | None, subject: Mapping[str, str]) -> Provenance:
    """Describe what was weighed, and what it depends on.

    Args:
        request: what was weighed.
        model_run: folder of the ModelRun artifact; None where there is none.
        subject: of the verdict.
    """
    training = None if model_run is None else _read(TrainingOrigin, model_run)
    parents = {"production": subject.get("production", ""), "warm_start": training.warm_start if training else ""}
    return Provenance(
        pipeline=request.pipeline,
        run_id=request.run_id,
        weighed_at=datetime.now(UTC),
        data=[_data(request.examples)],
        training=training,
        thresholds=_thresholds(request),
        machine=here.machine(),
        software=here.software(),
        parents={name: digest for name, digest in parents.items() if digest},
    )


def _data(examples: str) -> DataOrigin:
    summary = read_summary(examples)
    if summary is None:  # of stock components
        return DataOrigin()
    return DataOrigin(
        input_digest=summary.input_digest,
        content_digest=summary.content_digest,
        span=summary.span,
        rows={name: split.rows for name, split in summary.splits.items()},
        sample=float(summary.sample),
        files=summary.files,
        dvc=summary.dvc,
    )


def _thresholds(request: EvaluationRequest) -> dict[str, Any]:
    """The sections by which the steps before judged, and the Evaluator's own."""
    found: dict[str, Any] = {}
    for folder in request.upstream.values():
        left = _read(ThresholdsInForce, folder)
        steps = found.get("steps", {})
        found |= left.sections if left else {}
        if steps:  # several steps of the pipeline's own each leave theirs
            found["steps"] = steps | found["steps"]
    sections = {"quality": request.quality, "latency": request.latency}
    return found | {name: section.model_dump(mode="json") for name, section in sections.items()}


def _read(kind: Any, folder: str) -> Any:
    """An evidence file of a step before; None where it left none that can be read: what is not known is not stated."""
    try:
        return kind.read(Path(folder))
    except UsageError:
        return None
