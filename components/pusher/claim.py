"""The claim of a push on a version's number in a bucket: whoever comes next can finish what it says. Imports no tfx."""

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from weighbridge.common import files
from weighbridge.components.production_model.record import (
    CLAIM_FILE,
    EVIDENCE_FOLDER,
    KEPT_RECORD_FILE,
    ProductionRecord,
    numbers_of,
)
from weighbridge.components.pusher.target import MODEL_FOLDER, record_bytes
from weighbridge.storage.bucket import BucketDestination
from weighbridge.storage.store import ABSENT

_MODEL = f"{MODEL_FOLDER}/"
_LAST = f"{_MODEL}saved_model."  # .pb, or .pbtxt


class Claim(BaseModel):
    """What `claim.json` says.

    Attributes:
        staged: folder that everything was uploaded to.
        objects: the store's checksum of each object below it, by names such as `model/saved_model.pb`.
        record: the record to keep with the version.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    staged: str = Field(pattern=rf"^\{files.STAGED_PREFIX}[0-9a-f]+$")
    objects: dict[str, str]
    record: ProductionRecord

    @property
    def model(self) -> dict[str, str]:
        """Checksum of each object of the version, by its name; empty if the version was there before."""
        return {
            name.removeprefix(_MODEL): checksum for name, checksum in self.objects.items() if name.startswith(_MODEL)
        }


def evidence(version: int, name: str = "") -> str:
    """Name of the folder that keeps what `version` was pushed on, or of `name` in it."""
    return f"{EVIDENCE_FOLDER}/{version}/{name}".rstrip("/")


def write_claim(place: BucketDestination, claim: Claim) -> bool:
    """Claim the number of the claim's record; False if another push did."""
    data = files.json_text(claim.model_dump(mode="json")).encode()
    return place.write(evidence(claim.record.version, CLAIM_FILE), data)


def read_claim(place: BucketDestination, version: int) -> Claim | None:
    """The claim on a version; None if there is none that can be read."""
    try:
        return Claim.model_validate_json(place.read(evidence(version, CLAIM_FILE)) or b"")
    except ValidationError:
        return None


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


def finish_newest(place: BucketDestination) -> None:
    """Finish the version that a killed push began to copy, if its staged objects are still there.

    One of which nothing was copied yet is left alone: nobody can see it, and to publish it now, perhaps long after it
    was weighed, is not for a push of another model to decide.
    """
    numbers = numbers_of(place.folders(EVIDENCE_FOLDER))
    if not numbers:
        return
    newest = numbers[-1]
    if place.version(evidence(newest, KEPT_RECORD_FILE)) != ABSENT or not place.objects(str(newest)):
        return
    claim = read_claim(place, newest)
    if claim is not None and finish(place, claim):
        place.remove(claim.staged)
