"""What is live at a destination: which version, since when, by which run, whether it is whole, and what was before.

Everything is held against everything else, and all that contradicts is gathered: whoever asks wants to mend it.
"""

import json
from datetime import datetime

from pydantic import BaseModel, ConfigDict, ValidationError, computed_field

from weighbridge.common.digests import bytes_digest
from weighbridge.common.errors import UsageError
from weighbridge.components.production_model.claim import evidence
from weighbridge.components.production_model.record import (
    CLAIM_FILE,
    EVIDENCE_FOLDER,
    KEPT_RECORD_FILE,
    RECORD_FILE,
    ProductionRecord,
    numbers_of,
    parse_record,
)
from weighbridge.components.production_model.standing import (
    Standing,
    changed_in_production,
    standing,
    version_digest,
)
from weighbridge.storage.destination import Destination, open_destination
from weighbridge.storage.git.destination import GitDestination
from weighbridge.storage.layout import CANARY_FILE
from weighbridge.storage.registry.address import is_registry
from weighbridge.verdict import Gate, Verdict
from weighbridge.verdict.verdict import VERDICT_FILE


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Version(_Frozen):
    """A version that was put into production.

    Attributes:
        record: as it was kept with the version.
        live: it is the one that is served.
        there: its model is still there.
    """

    record: ProductionRecord
    live: bool
    there: bool


class Problem(_Frozen):
    """Something that contradicts what the records say.

    Attributes:
        message: what.
        hint: what to do.
    """

    message: str
    hint: str = ""


class Production(_Frozen):
    """What is live at a destination.

    Attributes:
        pipeline: its name.
        stage: that the destination is; empty for one that was named by its address.
        destination: folder or address that holds the versions.
        live: the record of the version that is served; None where nothing was pushed yet, or the records do not say.
        place: of that version's model; empty for none.
        verdict: that it was pushed on; None where it cannot be read.
        whole: its bytes are those that were weighed; None where there are none to tell by.
        problems: all contradictions.
        notes: what is worth knowing, and no contradiction.
        history: every version that was pushed there, the newest first.
    """

    pipeline: str
    stage: str
    destination: str
    live: ProductionRecord | None = None
    place: str = ""
    verdict: Verdict | None = None
    whole: bool | None = None
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()
    history: tuple[Version, ...] = ()

    @computed_field  # type: ignore[prop-decorator]
    @property
    def since(self) -> datetime | None:
        """When the live version was pushed."""
        return self.live.pushed_at if self.live else None

    @property
    def key_gates(self) -> list[Gate]:
        """Quality on all rows and latency as the live version was weighed: gates with a threshold of their own."""
        gates = self.verdict.gates if self.verdict else ()
        return [gate for gate in gates if gate.rule in ("min", "max") and _is_key(gate)]


def _is_key(gate: Gate) -> bool:
    group, *rest = gate.name.split(".")
    return (group == "quality" and "=" not in gate.name and len(rest) == 2) or group == "latency"


def look_at_production(pipeline: str, destination: str, stage: str = "") -> Production:
    """What is live at a destination, held against its records, its evidence and its bytes.

    Args:
        pipeline: whose model is expected there.
        destination: folder or address.
        stage: that the destination is; empty where that is not known.

    Raises:
        UsageError: the destination is neither a folder nor the address of a store, or may not be read.
        InfrastructureError: the store cannot be reached.
    """
    place = open_destination(destination)
    problems, notes = list[Problem](), list[str]()
    found = _standing(place, problems)
    history = tuple(_history(place, found, problems))
    verdict, whole = None, None
    if found is not None:
        verdict = _verdict(place, found, problems)
        whole = _is_whole(place, found.record, problems)
        notes += _notes(place, found, pipeline)
    elif not problems and not stage and not isinstance(place, GitDestination) and not place.folders():
        notes.append(f"There is nothing at {place.address}: is it the right place?")
    if isinstance(place, GitDestination):
        notes += _notes_of_repository(place, found.record.version if found else 0)
    return Production(
        pipeline=pipeline,
        stage=stage,
        destination=place.address,
        live=found.record if found else None,
        place=place.path(str(found.record.version)) if found else "",
        verdict=verdict,
        whole=whole,
        problems=tuple(problems),
        notes=tuple(notes),
        history=history,
    )


def _standing(place: Destination, problems: list[Problem]) -> Standing | None:
    try:
        return standing(place)
    except UsageError as error:
        problems.append(Problem(message=error.message, hint=error.hint))
        return None


def _history(place: Destination, found: Standing | None, problems: list[Problem]) -> list[Version]:
    there = set(place.folders())
    live = found.record.version if found else 0
    records: dict[int, ProductionRecord] = {live: found.record} if found else {}
    for version in sorted(set(numbers_of(place.folders(EVIDENCE_FOLDER)))):
        name = evidence(version, KEPT_RECORD_FILE)
        data = place.read(name)
        if data is None:
            if place.read(evidence(version, CLAIM_FILE)) is None:  # else its push has not come so far
                problems.append(
                    Problem(
                        message=f"The record of version {version} is gone: there is no {place.path(name)}",
                        hint="Restore it from a copy.",
                    )
                )
            continue
        try:
            record = parse_record(data, place.path(name))
        except UsageError as error:
            problems.append(Problem(message=error.message, hint=f"Restore {place.path(name)} from a copy."))
            continue
        if version == live and found is not None and record != found.record:
            problems.append(
                Problem(
                    message=f"{place.path(RECORD_FILE)} and {place.path(name)} contradict each other",
                    hint=f"Find out who changed one; the one with {record.model_digest} was kept by the push.",
                )
            )
        records.setdefault(version, record)
    return [
        Version(record=record, live=version == live, there=str(version) in there)
        for version, record in sorted(records.items(), reverse=True)
    ]


def _verdict(place: Destination, found: Standing, problems: list[Problem]) -> Verdict | None:
    """The verdict that the live version was pushed on, held against the record."""
    name = f"{found.evidence}/{VERDICT_FILE}"
    data = place.read(name)
    message = ""
    verdict = None
    if data is None:
        message = f"The verdict that version {found.record.version} was pushed on is gone: {place.path(name)}"
    elif bytes_digest(data) != found.record.verdict_digest:
        message = f"{place.path(name)} is not the verdict that version {found.record.version} was pushed on"
    else:
        try:
            verdict = Verdict.model_validate_json(data)
        except ValidationError as error:
            message = f"{place.path(name)} is not a verdict: {error.errors()[0]['msg']}"
    if message:
        problems.append(Problem(message=message, hint="Restore it from a copy, e.g. from the run's folder."))
    elif verdict is not None and not verdict.passed:
        problems.append(
            Problem(
                message=f"Version {found.record.version} is live on a verdict that refused it",
                hint="No Pusher does that: find out who put it there, and push a version that passed.",
            )
        )
    return verdict


def _is_whole(place: Destination, record: ProductionRecord, problems: list[Problem]) -> bool:
    digest = version_digest(place, record.version)
    if digest == record.model_digest:
        return True
    error = changed_in_production(place, record, digest)
    problems.append(Problem(message=error.message, hint=error.hint))
    return False


def _notes_of_repository(place: GitDestination, live: int) -> list[str]:
    """Which commit says so, and what lies with the models that none says: proposed, on its way, or left by a push."""
    notes = [f"So says commit {place.snapshot.head[:12]} of {place.address}."]
    unnamed = [number for number in numbers_of(place.models.folders()) if number > live]
    if unnamed:
        where = place.path(str(unnamed[-1]))
        notes.append(f"{where} is not in production: proposed, a canary, turned down, or its push did not come so far.")
    return notes


def _canary(place: Destination) -> list[str]:
    """What is said of a canary that is on its way; `weighbridge.rollout`, which walks it, lies above."""
    if is_registry(place.address) or (data := place.read(CANARY_FILE)) is None:
        return []
    try:
        state = json.loads(data)
        share = "in the shadow" if state["shadow"] else f"at {state['percent']:g} % of the requests"
        told = f"version {state['canary']['version']}, {share}, run {state['run_id']}, since {state['since']}"
    except (ValueError, KeyError, TypeError):
        told = f"{place.path(CANARY_FILE)} cannot be read"
    return [f"A canary is on its way: {told}."]


def _notes(place: Destination, found: Standing, pipeline: str) -> list[str]:
    notes = _canary(place)
    if place.read(RECORD_FILE) != found.data:
        notes.append(
            f"The push of version {found.record.version} was interrupted before it was named in "
            f"{place.path(RECORD_FILE)}; the version is whole, and the next push names it."
        )
    if found.record.pipeline != pipeline:
        notes.append(f"It was made by pipeline {found.record.pipeline}, not by {pipeline}.")
    return notes
