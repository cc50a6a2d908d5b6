"""What the steps of an earlier run measured, read again from the artifacts that its record names."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

from weighbridge.common.errors import UsageError
from weighbridge.report.evidence import Evidence
from weighbridge.runs.own_verdict import read_verdict
from weighbridge.runs.record import Run
from weighbridge.verdict import Verdict
from weighbridge.verdict.verdict import VERDICT_FILE

_READ = ("examples", "statistics", "anomalies", "model_run", "evaluation")
_LOOKS_UP = "production_state"  # a parameter of what looks up production, whose statistics are not the run's own


def evidence_of(run: Run) -> Evidence:
    """The evidence of a run that ended: its verdict, and what of its measurements is still here.

    Returns:
        What there is; each thing that is not has a note. A run that came to no verdict has one without any gates.
    """
    notes = list[str]()
    folders = kept_folders(run, notes)
    found = Evidence.collect(
        _verdict(run, notes),
        folders,
        versions=dict(run.record.fingerprint.get("libraries", {})),
        notes=notes,
    )
    return dataclasses.replace(
        found, started=run.record.started, commit=run.record.commit, delivered=run.record.delivered
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
    found = dict(_own_artifacts(run))
    gone = sorted({step for step, path in found.values() if not path.exists()})
    if gone:
        notes.append(f"Of run {run.record.run_id} the results of {', '.join(gone)} are not kept any more.")
    return {key: path for key, (_, path) in found.items() if path.exists()}


def _own_artifacts(run: Run) -> Iterator[tuple[str, tuple[str, Path]]]:
    """Step and folder of what the run made itself, by output key."""
    look_up = {step.name for step in run.record.steps if _LOOKS_UP in step.fingerprint.get("parameters", {})}
    for artifact in run.record.artifacts:
        if artifact.key in _READ and artifact.step not in look_up:
            yield artifact.key, (artifact.step, Path(artifact.uri))
