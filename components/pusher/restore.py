"""Puts an earlier version back: its bytes and its evidence as a new version, which is then the newest. Imports no tfx.

TensorFlow Serving serves the highest number, and versions never change, so nothing goes back: what was weighed once
comes again, under a record that says which version it is. Whether it may is for the caller to judge.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from weighbridge.common import interruption, progress
from weighbridge.common.digests import bytes_digest
from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.components.production_model.fetch import production_state
from weighbridge.components.production_model.record import RECORD_FILE, ProductionRecord, Rollback
from weighbridge.components.production_model.standing import read_record
from weighbridge.components.production_model.withdrawn import after_rollback
from weighbridge.components.pusher.git_target import proposed
from weighbridge.components.pusher.push import Pushed, digest_gate, open_target
from weighbridge.components.pusher.target import Target
from weighbridge.storage.destination import open_destination


def rollback_state(destination: str | Path) -> str:
    """A word that changes whenever production changes, also where versions contradict the record that names them.

    Raises:
        InfrastructureError: the store cannot be reached.
    """
    try:
        return production_state(destination)
    except UsageError:
        place = open_destination(destination)
        return bytes_digest((place.read(RECORD_FILE) or b"") + " ".join(place.folders()).encode())


def settle(destination: str | Path) -> None:
    """Finish what a killed push or rollback left half done, such as an alias that is still to be moved.

    Raises:
        UsageError: the destination cannot be written.
        InfrastructureError: the store fails.
    """
    with open_target(destination).exclusive():
        pass


def restore(
    destination: str | Path,
    target: ProductionRecord,
    model: Path,
    evidence: Mapping[str, bytes],
    *,
    live: ProductionRecord,
    expected_state: str,
    statistics: Path | None = None,
    run_id: str = "",
    reason: str = "",
    approved_by: str = "",
    approved_in: str = "",
) -> Pushed:
    """Put an earlier version back into production.

    Args:
        destination: where it lies, and what is pushed to.
        target: the record that was kept with the earlier version.
        model: copy of its folder.
        evidence: bytes of the files that were kept with it, by name; its record is written anew.
        live: the record of what is in production.
        expected_state: `rollback_state` of the destination as the caller judged it.
        statistics: copy of the statistics that were kept with it; None for none.
        run_id: of the rollback.
        reason: why, in a person's words.
        approved_by: who approved it; empty to keep who approved the earlier version.
        approved_in: address of the build that says so.

    Returns:
        What was done. Bytes that are not the record's are refused, which is a value and not an error. Where another
        rollback to the same version came first, or was killed and is finished now, there is nothing left to do.

    Raises:
        UsageError: the destination cannot be written.
        InfrastructureError: the store fails, or the destination is not in the expected state any more: another push
            or rollback came first, and production is theirs.
        KeyboardInterrupt: the process was asked to end before anything could be seen.
    """
    place = open_target(destination)
    with place.exclusive():
        if rollback_state(destination) != expected_state:
            return _done_by_another(place, destination, target, live)
        with place.stage(model, evidence, statistics) as staged:
            gate = digest_gate(staged.model_digest, target.model_digest)
            if gate.refuses:  # it was changed since it was copied
                return Pushed((gate,))
            changes = {
                "version": place.next_version(),
                "pushed_at": datetime.now(UTC),
                "rollback": Rollback(restores=target.version, replaces=live.version, run_id=run_id, reason=reason),
                "withdrawn": after_rollback(live, target),
            }
            if approved_by:
                changes |= {"approved_by": approved_by, "approved_in": approved_in}
            # As in a push: who asks the process to end before the last look finds nothing done; later, all of it.
            with interruption.deferred():
                record = place.commit(staged, target.model_copy(update=changes))
                path = place.path(record.version)
                page, asked = proposed(place, record)
                if not page:
                    progress.lasts(
                        f"version {target.version} is in production again, as version {record.version} at {path}"
                    )
    return Pushed((gate, *asked), record, path, proposed=page)


def _done_by_another(
    place: Target, destination: str | Path, target: ProductionRecord, live: ProductionRecord
) -> Pushed:
    """What there is to say where production changed meanwhile: the same was done, or something else.

    Raises:
        InfrastructureError: something else.
    """
    found = read_record(destination)
    wanted = (target.version, live.version)
    if found is None or found.rollback is None or (found.rollback.restores, found.rollback.replaces) != wanted:
        raise InfrastructureError(
            f"Another push or rollback changed {destination} just now",
            "See what is in production now: weighbridge production; then run again.",
        )
    progress.report(f"another rollback did so just now, as version {found.version}")
    gate = digest_gate(place.model_digest(found.version), target.model_digest)
    return Pushed((gate,), found, place.path(found.version), already=True)
