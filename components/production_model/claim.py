"""The claim of a push on a version's number in a bucket: which bytes it consists of, under which record. No tfx."""

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from weighbridge.common import files
from weighbridge.components.production_model.record import CLAIM_FILE, EVIDENCE_FOLDER, ProductionRecord
from weighbridge.storage.destination import Destination

MODEL_FOLDER = "model"  # in a folder that is staged

_MODEL = f"{MODEL_FOLDER}/"


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


def read_claim(place: Destination, version: int) -> Claim | None:
    """The claim on a version; None if there is none that can be read."""
    try:
        return Claim.model_validate_json(place.read(evidence(version, CLAIM_FILE)) or b"")
    except ValidationError:
        return None
