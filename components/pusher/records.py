"""The records that a push writes: production's, and the one that is kept with the version. Imports no tfx."""

from pathlib import Path

from weighbridge.common import files
from weighbridge.common.errors import UsageError
from weighbridge.components.production_model.record import (
    KEPT_RECORD_FILE,
    RECORD_FILE,
    STAGED_EVIDENCE,
    ProductionRecord,
    read_record_file,
    record_bytes,
)


def same_version(kept: ProductionRecord, wanted: ProductionRecord, evidence: str) -> ProductionRecord:
    """The record that an earlier push kept in `evidence`, if it is of the same version and model as `wanted`.

    Raises:
        UsageError: it is not.
    """
    if (kept.version, kept.model_digest) != (wanted.version, wanted.model_digest):
        raise UsageError(
            f"{evidence} is evidence of version {kept.version} with the model {kept.model_digest}, "
            f"but version {wanted.version} holds {wanted.model_digest}",
            f"Find out who changed it; or move {evidence} away and push again.",
        )
    return kept


def version_in(evidence: Path) -> int:
    """The version of the record in a folder with evidence; 0 if there is none."""
    path = evidence / KEPT_RECORD_FILE
    return read_record_file(path).version if path.is_file() else 0


def write_records(folder: Path, record: ProductionRecord) -> None:
    """Stage the record twice: to become production's, and to be kept with the version."""
    for path in (folder / STAGED_EVIDENCE / KEPT_RECORD_FILE, folder / RECORD_FILE):
        files.write_bytes(path, record_bytes(record))
