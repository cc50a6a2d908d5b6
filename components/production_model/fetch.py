"""Fetches the model in production, and the statistics of the data it was trained on. Imports no tfx."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from weighbridge.attestation.attest import ATTESTATIONS_FILE
from weighbridge.common.digests import folder_digest
from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.components.artifacts.examples import split_names
from weighbridge.components.production_model.claim import evidence
from weighbridge.components.production_model.record import (
    EVIDENCE_FOLDER,
    KEPT_RECORD_FILE,
    RECORD_FILE,
    STATISTICS_FOLDER,
    ProductionRecord,
    numbers_of,
    parse_record,
)
from weighbridge.components.production_model.standing import changed_in_production, record_digest, standing
from weighbridge.components.production_model.statistics import check_statistics
from weighbridge.storage.destination import Destination, open_destination

NOTHING_YET = "nothing yet"


@dataclass(frozen=True)
class Fetched:
    """What was found in production.

    Attributes:
        record: the production record; None where nothing has been pushed yet.
        splits: splits whose statistics were kept with the version; empty if none were.
    """

    record: ProductionRecord | None
    splits: tuple[str, ...] = ()


def production_state(destination: str | Path) -> str:
    """A word that changes exactly when production changes: the record's digest, or that there is none."""
    return record_digest(destination) or NOTHING_YET


def fetch_production(
    destination: str | Path, model_folder: str | Path, statistics_folder: str | Path, *, expected_state: str = ""
) -> Fetched:
    """Copy what is in production at `destination`.

    The copy is made of bytes and not of hard links: nobody who works on it can change production.

    Args:
        destination: what the Pusher pushes to.
        model_folder: the model goes here; not created where nothing is in production.
        statistics_folder: `Split-<name>/FeatureStats.pb` of the model's training data go here, where they were kept.
        expected_state: `production_state` as it was when the caller chose to fetch; empty for any.

    Returns:
        What was fetched.

    Raises:
        UsageError: the record cannot be read, its version is gone, or the version's bytes are not the record's.
        InfrastructureError: production changed since `expected_state` was taken, or its store cannot be reached.
    """
    place = open_destination(destination)
    if expected_state and production_state(destination) != expected_state:
        raise InfrastructureError(f"Another push changed {place.path(RECORD_FILE)} just now", "Run again.")
    found = standing(place)
    if found is None:
        return Fetched(None)
    _copy_model(place, found.record, Path(model_folder))
    return Fetched(found.record, _copy_statistics(place, found.evidence, Path(statistics_folder)))


def fetch_version(
    destination: str | Path, version: int | Literal["first"], model_folder: str | Path
) -> ProductionRecord | None:
    """Copy a version that was put into production once, verified by the record that was kept with it.

    Args:
        destination: what the Pusher pushes to.
        version: its number, or `first` for the first that was ever pushed.
        model_folder: the model goes here.

    Returns:
        Its record; None where nothing was ever pushed.

    Raises:
        UsageError: there is no such version any more, or its bytes are not its record's.
        InfrastructureError: the store cannot be reached.
    """
    place = open_destination(destination)
    record = version_record(destination, version)
    if record is None:
        return None
    where = place.path(str(record.version))
    if not place.copy(str(record.version), Path(model_folder)):
        raise UsageError(f"There is no {where} any more", "Restore it from a copy.")
    if (found := folder_digest(model_folder)) != record.model_digest:
        raise UsageError(
            f"{where} was changed: its digest is {found}, but its record says {record.model_digest}",
            "Restore it from a copy.",
        )
    return record


def version_record(destination: str | Path, version: int | Literal["first"]) -> ProductionRecord | None:
    """The record that was kept with a version; None where nothing was ever pushed.

    Raises:
        UsageError: there is none of this version, or it cannot be read.
        InfrastructureError: the store cannot be reached.
    """
    place = open_destination(destination)
    numbers = numbers_of(place.folders(EVIDENCE_FOLDER))
    # A push to a bucket that was killed left a number without a record; a registry has versions of other aliases, too.
    for number in numbers if version == "first" else [version]:
        name = evidence(number, KEPT_RECORD_FILE)
        data = place.read(name)
        if data is not None:
            return parse_record(data, place.path(name))
    if not numbers:
        return None
    raise UsageError(
        f"No version {version} was ever pushed to {place.address}", f"Numbers: {', '.join(map(str, numbers))}."
    )


def _copy_model(place: Destination, record: ProductionRecord, target: Path) -> None:
    source = place.path(str(record.version))
    if not place.copy(str(record.version), target):
        raise UsageError(
            f"{place.path(RECORD_FILE)} names version {record.version}, but there is no {source}",
            f"Restore {source} from a copy.",
        )
    found = folder_digest(target)
    if found != record.model_digest:
        shutil.rmtree(target, ignore_errors=True)
        raise changed_in_production(place, record, found)


def _copy_statistics(place: Destination, evidence: str, target: Path) -> tuple[str, ...]:
    if not place.copy(f"{evidence}/{STATISTICS_FOLDER}", target):
        return ()
    attestations = place.read(f"{evidence}/{ATTESTATIONS_FILE}")
    check_statistics(target, attestations, place.path(f"{evidence}/{STATISTICS_FOLDER}"))
    return tuple(split_names(str(target)))
