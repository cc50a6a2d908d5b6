"""Models that a rollback took out of production, and the versions that one can go back to. Imports no tfx."""

import itertools
from collections.abc import Iterator, Mapping

from weighbridge.components.production_model.claim import evidence
from weighbridge.components.production_model.record import (
    EVIDENCE_FOLDER,
    KEPT_RECORD_FILE,
    ProductionRecord,
    numbers_of,
    parse_record,
)
from weighbridge.storage.destination import Destination
from weighbridge.storage.git.address import is_git
from weighbridge.storage.registry.address import is_registry


def after(previous: ProductionRecord | None) -> dict[str, int]:
    """What the next record says to be withdrawn, where a push or a promotion makes it.

    Args:
        previous: the record that it replaces; None for none.
    """
    return {} if previous is None else dict(previous.withdrawn)


def after_rollback(live: ProductionRecord, target: ProductionRecord) -> dict[str, int]:
    """What is withdrawn once `target` is put back in the place of `live`.

    A person who puts back what was withdrawn takes an earlier rollback back: then nothing else is withdrawn for it.

    Args:
        live: what is in production.
        target: the earlier version.
    """
    found = after(live)
    if target.model_digest == live.model_digest:  # it was damaged, and is mended
        return found
    undone = found.pop(target.model_digest, None) is not None
    return found if undone else found | {live.model_digest: live.version}


def earlier(place: Destination, live: ProductionRecord) -> Iterator[ProductionRecord]:
    """The versions that were in production before the one that is, the newest first, by the records kept with them.

    In MLflow's registry and in a repository people choose by hand, so that a higher number may have been in production
    before.

    Raises:
        UsageError: one of them cannot be read.
        InfrastructureError: the store cannot be reached.
    """
    by_hand = is_registry(place.address) or is_git(place.address)
    for number in reversed(numbers_of(place.folders(EVIDENCE_FOLDER))):
        if number == live.version or (number > live.version and not by_hand):
            continue
        name = evidence(number, KEPT_RECORD_FILE)
        data = place.read(name)
        if data is not None:  # else its push never came so far, or the record is gone: `production` tells
            yield parse_record(data, place.path(name))


def rollback_from(place: Destination, live: ProductionRecord, version: int) -> ProductionRecord | None:
    """The record of the last rollback that took a version out of production; None where it is not to be had."""
    for record in itertools.chain([live], earlier(place, live)):
        if record.rollback is not None and record.rollback.replaces == version:
            return record
    return None


def is_candidate(record: ProductionRecord, live: ProductionRecord, withdrawn: Mapping[str, int]) -> bool:
    """Whether a rollback that is not told where to would go to a version: other bytes, never rolled back from."""
    return record.model_digest != live.model_digest and record.model_digest not in withdrawn
