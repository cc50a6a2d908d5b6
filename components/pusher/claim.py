"""Claims a version's number in a bucket, and finishes what a claim says, whoever wrote it. Imports no tfx."""

from weighbridge.common import files
from weighbridge.components.production_model.claim import MODEL_FOLDER, Claim, evidence, read_claim
from weighbridge.components.production_model.record import (
    CLAIM_FILE,
    EVIDENCE_FOLDER,
    KEPT_RECORD_FILE,
    RECORD_FILE,
    numbers_of,
    record_bytes,
)
from weighbridge.components.production_model.standing import kept_with, recorded
from weighbridge.storage.bucket import BucketDestination
from weighbridge.storage.store import ABSENT

_MODEL = f"{MODEL_FOLDER}/"
_LAST = f"{_MODEL}saved_model."  # .pb, or .pbtxt


def write_claim(place: BucketDestination, claim: Claim) -> bool:
    """Claim the number of the claim's record; False if another push did."""
    data = files.json_text(claim.model_dump(mode="json")).encode()
    return place.write(evidence(claim.record.version, CLAIM_FILE), data)


def finish(place: BucketDestination, claim: Claim) -> bool:
    """Copy everything that was claimed to its place; False if other objects are there, or the staged ones are gone.

    Several may do it at once: all copy the same bytes, none overwrites, and each copies `saved_model.pb` only when
    everything else is there. So whoever finds it, finds a whole version.
    """
    version = claim.record.version
    there = {folder: place.checksums(folder) for folder in (str(version), evidence(version))}
    if claim.model and not there[str(version)].items() <= claim.model.items():
        return False
    for name in sorted(claim.objects, key=lambda name: (name.startswith(_MODEL), name.startswith(_LAST))):
        folder = str(version) if name.startswith(_MODEL) else evidence(version)
        target = name.partition("/")[2]
        found = there[folder].get(target) or place.copy_object(f"{claim.staged}/{name}", f"{folder}/{target}")
        if found != claim.objects[name]:
            return False
    return place.write(evidence(version, KEPT_RECORD_FILE), record_bytes(claim.record))


def outrun(place: BucketDestination, version: int, after: int) -> bool:
    """Whether a push that has claimed `version` must give way, before it copies anything that can be seen.

    It must where a lower number, above that in production when it began, is whole: that push comes to its record, and
    this one's number would be served in its place although the record names the other.
    """
    between = (number for number in numbers_of(place.folders(EVIDENCE_FOLDER)) if after < number < version)
    return any(place.version(evidence(number, KEPT_RECORD_FILE)) != ABSENT for number in between)


def overtaken(place: BucketDestination, version: int) -> bool:
    """Whether a push whose `version` is whole must leave the record to another, which has claimed a higher number.

    Of two pushes at once, one sees the other: the higher claim was written before this look, or its push looks after
    it, and then finds this version whole (`outrun`).
    """
    return max(numbers_of(place.folders(EVIDENCE_FOLDER)), default=version) > version


def finish_newest(place: BucketDestination) -> None:
    """Finish the version that a killed push began to copy, if its staged objects are still there, and its record.

    One of which nothing was copied yet is left alone: nobody can see it, and to publish it now, perhaps long after it
    was weighed, is not for a push of another model to decide.
    """
    _finish_copies(place)
    expected, record, names = place.version(RECORD_FILE), recorded(place.address), place.folders()
    unnamed = (number for number in reversed(numbers_of(names)) if record is None or number > record.version)
    found = next((kept for number in unnamed if (kept := kept_with(place, number, names)) is not None), None)
    if found is not None:
        place.write(RECORD_FILE, found.data, expected)  # if that is another by now, somebody else has finished it


def _finish_copies(place: BucketDestination) -> None:
    numbers = numbers_of(place.folders(EVIDENCE_FOLDER))
    if not numbers:
        return
    newest = numbers[-1]
    if place.version(evidence(newest, KEPT_RECORD_FILE)) != ABSENT or not place.objects(str(newest)):
        return
    claim = read_claim(place, newest)
    if claim is not None and finish(place, claim):
        place.remove(claim.staged)
