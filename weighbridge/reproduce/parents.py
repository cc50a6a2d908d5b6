"""The model that a training started from: what was in production then, put there again for one run."""

from collections.abc import Iterable
from pathlib import Path

from weighbridge.common import files
from weighbridge.common.errors import UsageError
from weighbridge.components.production_model.fetch import fetch_version
from weighbridge.components.production_model.record import (
    EVIDENCE_FOLDER,
    RECORD_FILE,
    production_history,
    record_bytes,
)
from weighbridge.storage.destination import open_destination


def put_into_production(digest: str, destinations: Iterable[str], folder: Path) -> int:
    """Copy the version with a digest, and its evidence, into an empty destination as what is live there.

    Args:
        digest: of the model.
        destinations: where it may be kept, the likeliest first.
        folder: the destination, to be made.

    Returns:
        The number of the version.

    Raises:
        UsageError: none of them keeps it, or its bytes are others.
        InfrastructureError: a store cannot be reached.
    """
    looked = list(dict.fromkeys(filter(None, destinations)))
    for destination in looked:
        for record in reversed(production_history(destination)):
            if record.model_digest != digest:
                continue
            place = open_destination(destination)
            if str(record.version) not in place.folders():
                continue
            fetch_version(destination, record.version, folder / str(record.version))
            place.copy(f"{EVIDENCE_FOLDER}/{record.version}", folder / EVIDENCE_FOLDER / str(record.version))
            files.write_bytes(folder / RECORD_FILE, record_bytes(record))
            return record.version
    raise UsageError(
        f"The training started from the model {digest}, which is not kept in {' or '.join(looked)} any more",
        "Restore that version from a copy: without it the training cannot be repeated.",
    )
