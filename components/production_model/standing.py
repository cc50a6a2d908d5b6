"""What stands in production: the record, held against the versions and the evidence beside it. Imports no tfx."""

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from weighbridge.common.digests import bytes_digest, folder_digest
from weighbridge.common.errors import UsageError
from weighbridge.common.files import STAGED_PREFIX
from weighbridge.components.production_model.claim import evidence, read_claim
from weighbridge.components.production_model.record import (
    CLAIM_FILE,
    EVIDENCE_FOLDER,
    KEPT_RECORD_FILE,
    RECORD_FILE,
    STAGED_EVIDENCE,
    ProductionRecord,
    numbers_of,
    parse_record,
    record_bytes,
)
from weighbridge.storage.bucket import BucketDestination
from weighbridge.storage.destination import Destination, open_destination
from weighbridge.storage.git.destination import GitDestination
from weighbridge.storage.registry.destination import RegistryDestination

_LAST = ("saved_model.pb", "saved_model.pbtxt")  # a push to a bucket copies it last: without it nothing can be loaded


@dataclass(frozen=True)
class Standing:
    """What stands in production.

    Attributes:
        record: the record of the newest whole version, which is the one that is served.
        data: the record's bytes.
        evidence: name of the folder with what the version was pushed on.
    """

    record: ProductionRecord
    data: bytes
    evidence: str

    @property
    def digest(self) -> str:
        """Digest of the record's bytes, which changes exactly when production changes."""
        return bytes_digest(self.data)


def standing(place: Destination) -> Standing | None:
    """What is served at a destination, by its record and the versions beside it; None where nothing was pushed yet.

    The record follows its version, so a push that was killed between the two leaves a version that is served and is not
    yet named: the record that was kept with it counts. A version of which a push to a bucket has not copied everything
    cannot be loaded: the one before counts. Bytes are not looked at.

    Raises:
        UsageError: the record cannot be read; versions, or the one that it names, are gone; or one is newer that no
            Pusher put there. What is weighed then would be weighed against another model than is served.
        InfrastructureError: the store cannot be reached.
    """
    data = place.read(RECORD_FILE)
    named = None if data is None else parse_record(data, place.path(RECORD_FILE))
    recorded = None if data is None or named is None else Standing(named, data, evidence(named.version))
    names = place.folders()
    there = [number for number in numbers_of(names) if str(number) in names]
    _check_plain(place, names, named)
    if named is not None and named.version not in there:
        raise UsageError(
            f"{place.path(RECORD_FILE)} names version {named.version}, "
            f"but there is no {place.path(str(named.version))}",
            "Restore it from a copy; or, to begin anew without a model to compare with, "
            f"move all of {place.address} away.",
        )
    if not there:
        _check_never_pushed(place)
    for version in reversed([number for number in there if named is None or number > named.version]):
        found = kept_with(place, version, names) or _claimed(place, version)
        if found is not None:
            return found
        if place.read(evidence(version, CLAIM_FILE)) is None:
            known = "there is no record of production" if named is None else f"the record names version {named.version}"
            raise UsageError(
                f"No Pusher put version {version} into {place.address}, and {known}: what is served was never weighed",
                f"Move {place.path(str(version))} away, or restore {place.path(RECORD_FILE)} from a copy.",
            )
    return recorded


def _check_plain(place: Destination, names: Iterable[str], named: ProductionRecord | None) -> None:
    """TensorFlow Serving reads 03 as version 3: no such folder may hide or replace what the record speaks of."""
    for name in names:
        for number in numbers_of([name]):
            if str(number) != name and (named is None or number >= named.version):
                raise UsageError(
                    f"{place.path(name)} is no version that a Pusher made, but would be served as version {number}",
                    f"Move {place.path(name)} away.",
                )


def kept_with(place: Destination, version: int, names: Iterable[str]) -> Standing | None:
    """A version by the record that was kept with it: among its evidence, or where a push staged that.

    Args:
        place: the destination.
        version: which.
        names: of the folders at the destination.

    Returns:
        None where there is no such record, or none yet.
    """
    staged = [f"{name}/{STAGED_EVIDENCE}" for name in names if name.startswith(STAGED_PREFIX)]
    for folder in (evidence(version), *staged):
        name = f"{folder}/{KEPT_RECORD_FILE}"
        data = place.read(name)
        record = None if data is None else parse_record(data, place.path(name))
        if data is not None and record is not None and record.version == version:
            return Standing(record, data, folder)
    return None


def _claimed(place: Destination, version: int) -> Standing | None:
    """A version whose model is whole in a bucket, but whose record is in the claim on it alone as yet."""
    claim = read_claim(place, version)
    if claim is None or all(place.read(f"{version}/{name}") is None for name in _LAST):
        return None
    return Standing(claim.record, record_bytes(claim.record), evidence(version))


def recorded(destination: str | Path) -> ProductionRecord | None:
    """The record as it is written, whatever versions are beside it; for a Pusher, which mends what differs.

    Raises:
        UsageError: it cannot be read.
        InfrastructureError: the store that holds it cannot be reached.
    """
    place = open_destination(destination)
    data = place.read(RECORD_FILE)
    return None if data is None else parse_record(data, place.path(RECORD_FILE))


def _check_never_pushed(place: Destination) -> None:
    """Make sure that no version was ever whole here; a claim alone is of a push that never came so far."""
    pushed = [
        number
        for number in numbers_of(place.folders(EVIDENCE_FOLDER))
        if place.read(evidence(number, KEPT_RECORD_FILE)) is not None
    ]
    if pushed:
        raise UsageError(
            f"The record and all versions are gone from {place.address}, where version {pushed[-1]} was pushed once",
            "Restore them from a copy; or, to begin anew without a model to compare with, "
            f"move {place.path(EVIDENCE_FOLDER)} away.",
        )


def read_record(destination: str | Path) -> ProductionRecord | None:
    """What is in production at `destination`; None where nothing has been pushed yet.

    Raises:
        UsageError: there is a record, but it cannot be read or contradicts the versions beside it, see `standing`. That
            never counts as "nothing yet".
        InfrastructureError: the store that holds it cannot be reached.
    """
    found = standing(open_destination(destination))
    return None if found is None else found.record


def record_digest(destination: str | Path) -> str:
    """Digest of the record's bytes, which changes exactly when production changes; empty for nothing yet.

    Raises:
        UsageError, InfrastructureError: as for `read_record`.
    """
    found = standing(open_destination(destination))
    return "" if found is None else found.digest


def version_digest(place: Destination, version: int) -> str:
    """`tree_digest` of a version's bytes; empty if it has none, or in a bucket not those that it was pushed with.

    There the store's checksums are compared with the claim's, which costs few requests. A version of somebody else has
    no claim: it is downloaded, each time; so is one in MLflow's registry, which has no checksums.
    """
    if isinstance(place, GitDestination):
        return version_digest(place.models, version)
    if isinstance(place, RegistryDestination):
        return place.version_digest(version)
    if not isinstance(place, BucketDestination):
        return folder_digest(place.path(str(version)))
    claim = read_claim(place, version)
    if claim is not None and claim.model:
        return claim.record.model_digest if place.checksums(str(version)) == claim.model else ""
    with tempfile.TemporaryDirectory(prefix="weighbridge-") as folder:
        return folder_digest(folder) if place.copy(str(version), Path(folder)) else ""


def verify_production(destination: str | Path) -> None:
    """Make sure that what is in production holds the bytes that its record says; nothing yet is fine.

    Raises:
        UsageError: it does not, or as for `read_record`.
        InfrastructureError: the store cannot be reached.
    """
    place = open_destination(destination)
    found = standing(place)
    if found is not None and (digest := version_digest(place, found.record.version)) != found.record.model_digest:
        raise changed_in_production(place, found.record, digest)


def changed_in_production(place: Destination, record: ProductionRecord, digest: str) -> UsageError:
    """The error that a version's bytes are not the record's; `digest` is what they are, empty for no such files."""
    source = place.path(str(record.version))
    return UsageError(
        f"The model in production was changed: the digest of {source} is {digest or 'none (no files, or others)'}, "
        f"but {place.path(RECORD_FILE)} says {record.model_digest}",
        f"Restore {source} from a copy; or, to begin anew without a model to compare with, "
        f"move all of {place.address} away.",
    )
