"""Whether a version belongs where it lies: held against its record, production's, and the version before it."""

from weighbridge.attestation.keys import same_signer
from weighbridge.attestation.manifest import Manifest
from weighbridge.attestation.read import Attested
from weighbridge.attestation.verify import NOTHING_YET
from weighbridge.common.errors import UsageError
from weighbridge.components.production_model.claim import evidence
from weighbridge.components.production_model.fetch import version_record
from weighbridge.components.production_model.record import (
    CLAIM_FILE,
    EVIDENCE_FOLDER,
    KEPT_RECORD_FILE,
    ProductionRecord,
    numbers_of,
    parse_record,
)
from weighbridge.components.production_model.standing import read_record
from weighbridge.components.pusher.replacement import weighed_at
from weighbridge.storage.destination import open_destination
from weighbridge.storage.git.address import is_git
from weighbridge.storage.registry.address import is_registry
from weighbridge.verdict import Gate, passed_if

_GROUP = "verify"


def of_destination(
    destination: str, version: int, manifest: Manifest, attested: Attested, *, beside: bool
) -> list[Gate]:
    """Check a version against the records of its destination.

    Args:
        destination: folder or address.
        version: its number.
        manifest: of its files.
        attested: what is attested with it.
        beside: whether its verdict.json is there.
    """
    try:
        record = _kept(destination, version)
        problem = _problem(record, manifest, attested, beside)
        problem = problem or _live_problem(destination, version)
        gates = [_gate("record.equal", problem)]
        # In MLflow's registry and in a repository people choose versions by hand, in whatever order.
        if (
            not is_registry(destination)
            and not is_git(destination)
            and weighed_at(destination, attested.verdict.subject)
        ):
            gates.append(_order_gate(before(destination, version), attested, record))
    except UsageError as error:
        return [Gate(name=f"{_GROUP}.record.equal", status="unmeasured", message=f"{error.message}. {error.hint}")]
    return gates


def before(destination: str, version: int) -> str:
    """Digest of the model that was in production before a version; empty for nothing yet.

    Of a version that a rollback put back, what was there before the version that it restores.

    Raises:
        UsageError: its record is gone, or cannot be read.
        InfrastructureError: the store cannot be reached.
    """
    place = open_destination(destination)
    version = _restored(destination, version)
    for number in reversed(numbers_of(place.folders(EVIDENCE_FOLDER))):
        if number >= version:
            continue
        name = evidence(number, KEPT_RECORD_FILE)
        data = place.read(name)
        if data is not None:
            return parse_record(data, place.path(name)).model_digest
        if place.read(evidence(number, CLAIM_FILE)) is None:  # else its push never came so far
            raise UsageError(f"The record {place.path(name)} is gone", "Restore it from a copy.")
    return ""


def _restored(destination: str, version: int) -> int:
    """The version whose bytes a version has again by rollbacks; itself, where it is none.

    Raises:
        UsageError: a record is gone, cannot be read, or restores what it cannot: a later version, or other bytes.
    """
    record = version_record(destination, version)
    while record is not None and record.rollback is not None:
        earlier = version_record(destination, record.rollback.restores)
        alike = earlier is not None and (earlier.model_digest, earlier.verdict_digest) == (
            record.model_digest,
            record.verdict_digest,
        )
        if earlier is None or not alike or earlier.version >= record.version:
            raise UsageError(
                f"The record of version {record.version} says that it is version {record.rollback.restores} again, "
                "which it is not",
                "Find out who changed it; push the model again.",
            )
        record = earlier
    return version if record is None else record.version


def _kept(destination: str, version: int) -> ProductionRecord:
    record = version_record(destination, version)
    if record is None:
        raise UsageError(f"No record is kept with version {version} of {destination}", "Restore it from a copy.")
    return record


def _problem(record: ProductionRecord, manifest: Manifest, attested: Attested, beside: bool) -> str:
    verdict = attested.verdict
    differences = {
        "another model": record.model_digest != manifest.tree_digest,
        "another verdict": record.verdict_digest != attested.weighing.predicate.get("verdictDigest"),
        "another run": (record.pipeline, record.run_id) != (verdict.pipeline, verdict.run_id),
        "other data, code or parameters": record.subject != verdict.subject,
        f"the signature of {record.signed_by[:12] or 'nobody'}": not same_signer(record.signed_by, attested.signed_by),
    }
    wrong = [what for what, differs in differences.items() if differs]
    if wrong:
        return f"The record of version {record.version} speaks of {wrong[0]}"
    return "" if beside else f"The verdict.json of version {record.version} is gone"


def _live_problem(destination: str, version: int) -> str:
    live = read_record(destination)
    if live is not None and live.version == version and live != _kept(destination, version):
        return "The record of production is not the one that was kept with the version"
    return ""


def _order_gate(previous: str, attested: Attested, record: ProductionRecord) -> Gate:
    """A version follows the one that it was weighed against; an old verdict shown again does not.

    What a rollback put back follows what the version followed that it is again. Nobody signs a rollback, so it is told.
    """
    then = attested.verdict.subject.get("production", "")
    same = then == previous
    back = record.rollback
    if not same:
        message = (
            "The version before it is not the one that it was weighed against: an old model, or an old verdict, was "
            "put there. Run the pipeline anew."
        )
    elif back is None:
        message = "The version before it is the one that it was weighed against."
    else:
        message = (
            f"It is version {back.restores} again, by a rollback from version {back.replaces} on "
            f"{record.pushed_at:%Y-%m-%d %H:%M} UTC, which whoever may write there can do. Before version "
            f"{back.restores} was the one that it was weighed against."
        )
    return Gate(
        name=f"{_GROUP}.record.order",
        status=passed_if(same),
        observed=previous or NOTHING_YET,
        threshold=then or NOTHING_YET,
        message=message,
    )


def _gate(name: str, problem: str) -> Gate:
    message = f"{problem}. Find out who changed it; push the model again." if problem else "The records speak of it."
    return Gate(name=f"{_GROUP}.{name}", status=passed_if(not problem), message=message)
