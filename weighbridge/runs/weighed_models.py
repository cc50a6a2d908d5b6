"""All models that a work directory and destinations know: weighed by its runs, or pushed by anybody."""

import contextlib
import itertools
from collections.abc import Iterable
from pathlib import Path

from weighbridge.common.errors import UsageError, WeighbridgeError
from weighbridge.components.artifacts.models import LOOKED_UP_AT
from weighbridge.evidence.provenance import DataOrigin, Provenance
from weighbridge.evidence.summary import AnySummary
from weighbridge.lineage.models import Catalogue, Outcome, Weighing
from weighbridge.lineage.origins import Origins, origins_of
from weighbridge.lineage.pushed import read_destination
from weighbridge.runs.own_verdict import read_verdict
from weighbridge.runs.record import Run
from weighbridge.runs.references import policy_of
from weighbridge.runs.run_evidence import kept_folders
from weighbridge.runs.stages import stage_destinations
from weighbridge.runs.workspace import Workspace, workspaces
from weighbridge.storage.schemes import is_address
from weighbridge.verdict.verdict import VERDICT_FILE

_EARLIER = "it was weighed by a release that recorded nothing of it"
_NEAR = 50  # runs that a report looks for a model's parents in
_OUTCOMES: dict[str, Outcome] = {"passed": "passed", "refused": "refused"}


def catalogue_of(
    workdir: str | Path,
    destinations: Iterable[str] = (),
    *,
    pipeline: str = "",
    stages: str = "",
    store: str = "",
) -> Catalogue:
    """Gather all models that are known.

    Args:
        workdir: the work directory; its runs and the destinations of its pipelines are read.
        destinations: further ones, which must be readable.
        pipeline: read this one's runs and destinations alone; empty for all.
        stages: file that says where stages lie, see `stage_destinations`.
        store: what builds share; empty for nothing.

    Raises:
        UsageError: one of `destinations` is none, or cannot be read.
        InfrastructureError: its store cannot be reached.
    """
    catalogue = Catalogue()
    spaces = [space for space in workspaces(workdir) if pipeline in ("", space.pipeline)]
    for space in spaces:
        runs = list(space.newest_first())
        for run in runs:
            add_run(catalogue, run)
        if not space.rehearsal:
            _add_stages(catalogue, space, stages, store)
            for run in runs:
                delivered = run.record.delivered
                if delivered and delivered.destination:
                    catalogue.destinations.setdefault(delivered.destination, delivered.stage)
    for destination, stage in catalogue.destinations.items():
        try:
            read_destination(catalogue, destination, stage)
        except WeighbridgeError as error:
            catalogue.notes.append(f"{destination} cannot be read: {error.message}.")
    for destination in destinations:
        if destination not in catalogue.destinations:
            read_destination(catalogue, destination)
            catalogue.destinations[destination] = ""
    return catalogue


def _add_stages(catalogue: Catalogue, space: Workspace, stages: str, store: str) -> None:
    try:
        for stage, destination in stage_destinations(space, policy_of(space), stages, store).items():
            catalogue.destinations[destination] = stage
    except UsageError as error:
        catalogue.notes.append(f"Where {space.pipeline} is delivered to cannot be told: {error.message}.")


def add_run(catalogue: Catalogue, run: Run) -> None:
    """Add what a run weighed, if it weighed a model."""
    if not (run.folder / VERDICT_FILE).exists():
        return
    try:
        subject = read_verdict(run).subject
        if digest := subject.get("model", ""):
            weighing = _weighing(run, subject, catalogue.notes)
            if not run.record.is_delivery or weighing.provenance is not None:
                catalogue.add_weighing(digest, weighing)
    except UsageError as error:
        catalogue.notes.append(f"{error.message}.")


def origins_of_run(run: Run, notes: list[str]) -> Origins | None:
    """Where the model of a run comes from, for its report; None where it recorded nothing.

    Only what is near is read: the last runs beside it, and folders that it was pushed to or weighed against.

    Args:
        run: that came to a verdict.
        notes: gets a sentence for each thing that cannot be read.
    """
    catalogue = Catalogue()
    try:
        verdict = read_verdict(run)
        provenance = Provenance.read(run.folder)
    except UsageError as error:
        notes.append(f"{error.message}.")
        return None
    digest = verdict.subject.get("model", "")
    if not digest or provenance is None:
        return None
    add_run(catalogue, run)
    if provenance.parents:
        beside = Workspace(run.folder.parents[2], run.record.pipeline)
        for each in itertools.islice(beside.newest_first(), _NEAR):
            if each.record.run_id != run.record.run_id:
                add_run(catalogue, each)
    delivered = run.record.delivered
    places = {verdict.subject.get(LOOKED_UP_AT, ""): ""}
    if delivered:
        places[delivered.destination] = delivered.stage
    for place, stage in places.items():
        if place and not is_address(place) and Path(place).is_dir():
            with contextlib.suppress(WeighbridgeError):
                read_destination(catalogue, place, stage)
    return origins_of(digest, catalogue, run.record.run_id)


def _weighing(run: Run, subject: dict[str, str], notes: list[str]) -> Weighing:
    """What a run recorded of the model that it weighed."""
    record, provenance, missing = run.record, None, _EARLIER
    try:
        provenance = Provenance.read(run.folder)
    except UsageError as error:
        missing = "what was recorded of it cannot be read"
        notes.append(f"{error.message}.")
    origin = provenance.origin if provenance else None
    return Weighing(
        pipeline=record.pipeline,
        run_id=record.run_id,
        kind=record.kind,
        outcome=_OUTCOMES.get(record.state, "unknown"),
        weighed_at=provenance.weighed_at if provenance else record.started,
        commit=origin.commit if origin and origin.commit else record.commit.removesuffix("+changes"),
        subject=subject,
        provenance=provenance,
        missing="" if provenance else missing,
        examples=[] if provenance and any(origin.files for origin in provenance.data) else _examples(run),
    )


def _examples(run: Run) -> list[DataOrigin]:
    """What ExampleGen left of the data, where nothing else is recorded of them; empty where that is gone."""
    folder = kept_folders(run).get("examples")
    try:
        summary = AnySummary.read(folder) if folder else None
    except UsageError:
        return []
    if summary is None:
        return []
    return [
        DataOrigin(
            content_digest=summary.content_digest,
            span=summary.span,
            rows={name: split.rows for name, split in summary.splits.items()},
            files=summary.files,
            dvc=summary.dvc,
            input_digest=summary.input_digest,
        )
    ]
