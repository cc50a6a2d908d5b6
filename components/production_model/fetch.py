"""Fetches the model in production, and the statistics of the data it was trained on. Imports no tfx."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from components.common.digests import tree_digest
from components.common.errors import InfrastructureError, UsageError
from components.common.examples import split_names
from components.common.files import copy_tree
from components.production_model.record import (
    RECORD_FILE,
    STATISTICS_FOLDER,
    ProductionRecord,
    evidence_folder,
    local_destination,
    read_record,
    record_digest,
    version_folder,
)

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
        InfrastructureError: production changed since `expected_state` was taken.
    """
    root = local_destination(destination)
    if expected_state and production_state(root) != expected_state:
        raise InfrastructureError(f"Another push changed {root / RECORD_FILE} just now", "Run again.")
    record = read_record(root)
    if record is None:
        return Fetched(None)
    _copy_model(root, record, Path(model_folder))
    return Fetched(record, _copy_statistics(root, record, Path(statistics_folder)))


def _copy_model(root: Path, record: ProductionRecord, target: Path) -> None:
    source = version_folder(root, record.version)
    hint = (
        f"Restore {source} from a copy; or, to begin anew without a model to compare with, remove {root / RECORD_FILE}."
    )
    if not source.is_dir():
        raise UsageError(f"{root / RECORD_FILE} names version {record.version}, but there is no {source}", hint)
    copy_tree(source, target)
    found = tree_digest(target) if any(path.is_file() for path in target.rglob("*")) else "none (no files)"
    if found != record.model_digest:
        shutil.rmtree(target, ignore_errors=True)
        raise UsageError(
            f"The model in production was changed: the digest of {source} is {found}, "
            f"but {root / RECORD_FILE} says {record.model_digest}",
            hint,
        )


def _copy_statistics(root: Path, record: ProductionRecord, target: Path) -> tuple[str, ...]:
    source = evidence_folder(root, record.version) / STATISTICS_FOLDER
    if not source.is_dir():
        return ()
    copy_tree(source, target)
    return tuple(split_names(str(target)))
