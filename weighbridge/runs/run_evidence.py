"""What the steps of an earlier run measured, read again from the artifacts that its record names."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

from weighbridge.common.errors import UsageError
from weighbridge.report.evidence import Evidence
from weighbridge.runs.own_verdict import read_verdict
from weighbridge.runs.record import ArtifactReference, Run
from weighbridge.verdict import Verdict
from weighbridge.verdict.verdict import VERDICT_FILE

_READ = ("examples", "statistics", "anomalies", "model_run", "evaluation")
_LOOKS_UP = "production_state"  # a parameter of what looks up production, whose statistics are not the run's own


def evidence_of(run: Run) -> Evidence:
    """The evidence of a run that ended: its verdict, and what of its measurements is still here.

    Returns:
        What there is; each thing that is not has a note. A run that came to no verdict has one without any gates.
    """
    from weighbridge.runs.weighed_models import origins_of_run

    notes = list[str]()
    folders = kept_folders(run, notes)
    origins = origins_of_run(run, notes) if (run.folder / VERDICT_FILE).exists() else None
    found = Evidence.collect(
        _verdict(run, notes),
        folders,
        versions=dict(run.record.fingerprint.get("libraries", {})),
        notes=notes,
    )
    return dataclasses.replace(
        found, started=run.record.started, commit=run.record.commit, delivered=run.record.delivered, origins=origins
    )


def _verdict(run: Run, notes: list[str]) -> Verdict:
    if (run.folder / VERDICT_FILE).exists():
        try:
            return read_verdict(run)
        except UsageError as error:
            notes.append(f"{error.message}. {error.hint}")
    return Verdict.of((), pipeline=run.record.pipeline, run_id=run.record.run_id, subject={})


def kept_folders(run: Run, notes: list[str] | None = None) -> dict[str, Path]:
    """Folders of what a run made itself and is still here, by output key.

    Args:
        run: a run that ended.
        notes: gets a sentence on what is not here.
    """
    notes = [] if notes is None else notes
    if run.brought:
        notes.append(f"Run {run.record.run_id} was on another machine: its measurements are there.")
        return {}
    found = {each.key: (each.step, Path(each.uri)) for each in own_artifacts(run) if each.key in _READ}
    gone = sorted({step for step, path in found.values() if not path.exists()})
    if gone:
        notes.append(f"Of run {run.record.run_id} the results of {', '.join(gone)} are not kept any more.")
    return {key: path for key, (_, path) in found.items() if path.exists()}


def own_artifacts(run: Run) -> Iterator[ArtifactReference]:
    """What the run made itself, in the order of its steps: not what it found in production."""
    look_up = {step.name for step in run.record.steps if _LOOKS_UP in step.fingerprint.get("parameters", {})}
    return (artifact for artifact in run.record.artifacts if artifact.step not in look_up)
