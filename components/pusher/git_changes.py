"""What one commit to a configuration repository changes: the record, the canary's state, and what the cluster runs."""

from pydantic import ValidationError

from weighbridge.common.errors import UsageError
from weighbridge.common.files import json_text
from weighbridge.components.production_model.canary import CanaryState
from weighbridge.components.production_model.record import ProductionRecord, parse_record, record_bytes
from weighbridge.components.pusher.manifests import render
from weighbridge.evidence.sizing import SIZING_FILE, Sizing
from weighbridge.storage.destination import open_destination
from weighbridge.storage.git.repository import Repository
from weighbridge.storage.git.settings import SETTINGS_FILE, GitSettings
from weighbridge.storage.layout import CANARY_FILE, EVIDENCE_FOLDER, RECORD_FILE

MANIFEST_FILE = "model.yaml"

READ = (RECORD_FILE, CANARY_FILE, SETTINGS_FILE)
"""Names of the files that a change is made from: where somebody else changed one of them, it is made anew."""


def changes(
    repository: Repository,
    record: ProductionRecord | None,
    state: CanaryState | None = None,
    *,
    sizing: bytes | None = None,
) -> dict[str, bytes | None]:
    """New content of the folder's files; those that stay as they are need no commit.

    Args:
        repository: looked at.
        record: of production; None for nothing yet.
        state: of the canary that is on its way; None for none.
        sizing: bytes of the `sizing.json` of the newer of the two; None to read what was kept with it.

    Raises:
        UsageError: the settings are wrong, or the manifest cannot say what is asked.
        InfrastructureError: the place where models lie cannot be reached.
    """
    found: dict[str, bytes | None] = {
        RECORD_FILE: None if record is None else record_bytes(record),
        CANARY_FILE: None if state is None else json_text(state.model_dump(mode="json")).encode(),
    }
    settings = repository.settings
    if settings.manifests != "none" and record is not None:
        newer = record if state is None else state.canary
        measured = _sizing(sizing or _kept_sizing(settings, newer.version), newer.version)
        found[MANIFEST_FILE] = render(record, state, settings, measured).encode()
    return found


def record_in(repository: Repository) -> ProductionRecord | None:
    """The record of production in a repository; None for nothing yet.

    Raises:
        UsageError: it cannot be read.
    """
    data = repository.read(RECORD_FILE)
    return None if data is None else parse_record(data, repository.address.path(RECORD_FILE))


def _kept_sizing(settings: GitSettings, version: int) -> bytes | None:
    return open_destination(settings.models).read(f"{EVIDENCE_FOLDER}/{version}/{SIZING_FILE}")


def _sizing(data: bytes | None, version: int) -> Sizing | None:
    try:
        return None if data is None else Sizing.model_validate_json(data)
    except ValidationError as error:
        raise UsageError(f"The {SIZING_FILE} of version {version} is none: {error.errors()[0]['msg']}") from error
