"""Where a canary's version lies before it is production, so that servers find it, and how it becomes production.

In a folder or a bucket, TensorFlow Serving serves the highest number at once. So the version lies in `.canary/` there,
which is a destination of its own in the same layout, under the number that it will have: whoever serves the canary is
given `<destination>/.canary`. A configuration repository names another destination for the bytes, and what is
production it says itself: there the version lies at once where it stays.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.components.production_model.canary import CanaryState
from weighbridge.components.production_model.fetch import fetch_version
from weighbridge.components.production_model.record import (
    EVIDENCE_FOLDER,
    STATISTICS_FOLDER,
    ProductionRecord,
    numbers_of,
)
from weighbridge.components.production_model.standing import read_record, version_digest
from weighbridge.components.pusher.push import Pushed, open_target, push
from weighbridge.rollout.store import StateStore
from weighbridge.storage.destination import open_destination

CANARY_FOLDER = ".canary"


@dataclass(frozen=True)
class Model:
    """A model that is to be a canary, brought here.

    Attributes:
        folder: copy of its files.
        evidence: copy of what is kept with it.
        described: `promoted_from`, `approved_by` and `approved_in` of its record.
    """

    folder: Path
    evidence: Path
    described: Mapping[str, str]

    @property
    def statistics(self) -> Path | None:
        """Those of its data; None where there are none."""
        folder = self.evidence / STATISTICS_FOLDER
        return folder if folder.is_dir() else None


class Placed(Protocol):
    """Where the versions of canaries lie."""

    @property
    def address(self) -> str:
        """A destination in the suite's layout: what the canary's servers read."""

    def place(self, model: Model) -> Pushed:
        """Put a version there; what refuses is in the gates."""

    def remove_before(self, version: int) -> None:
        """Remove what earlier canaries left, once this one's state is there."""

    def promote(self, model: Model, state: CanaryState, token: str, store: StateStore) -> Pushed:
        """Make the canary production, and remove its state; what refuses is in the gates."""


@dataclass(frozen=True)
class Beside:
    """`.canary/` in a folder or a bucket.

    Attributes:
        destination: of production.
    """

    destination: str

    @property
    def address(self) -> str:
        """The destination of canaries."""
        return open_destination(self.destination).path(CANARY_FOLDER)

    def place(self, model: Model) -> Pushed:
        """Push it there under the number that it will have in production."""
        return push(
            model.folder,
            model.evidence,
            self.address,
            statistics=model.statistics,
            at_least=self._next_version(),
            **model.described,  # type: ignore[arg-type]
        )

    def promote(self, model: Model, state: CanaryState, token: str, store: StateStore) -> Pushed:
        """Push it to production, which writes its record; whoever finds the state beside that knows that it is over."""
        pushed = push(
            model.folder,
            model.evidence,
            self.destination,
            statistics=model.statistics,
            at_least=state.canary.version,
            canary_run=state.run_id,
            **model.described,  # type: ignore[arg-type]
        )
        if pushed.record is not None:
            store.write(None, token, pushed.record, f"Version {pushed.record.version} is in production")
        return pushed

    def _next_version(self) -> int:
        """A number that no version had, in production or as a canary: their counters must not be taken for its."""
        place = open_destination(self.address)
        before = [*numbers_of(place.folders()), *numbers_of(place.folders(EVIDENCE_FOLDER))]
        return max(open_target(self.destination).next_version(), max(before, default=0) + 1)

    def remove_before(self, version: int) -> None:
        """Remove the bytes of canaries that were before this one, which is the only one by now."""
        from weighbridge.storage.place import open_place

        place = open_place(self.address)
        for number in numbers_of(place.folders()):
            if number < version:
                place.remove(str(number))


def canary_at(address: str, digest: str) -> ProductionRecord | None:
    """The record of the newest canary that was placed at `address`, if its bytes are still those of a digest."""
    record = read_record(address)
    if record is None or record.model_digest != digest:
        return None
    return record if version_digest(open_destination(address), record.version) == digest else None


def fetch(address: str, record: ProductionRecord, folder: Path) -> Model:
    """Bring a version and its evidence here, verified.

    Raises:
        UsageError: it is not there any more, or its bytes are others.
        InfrastructureError: the destination cannot be reached.
    """
    place, evidence = open_destination(address), folder / "evidence"
    found = fetch_version(address, record.version, folder / "model")
    if found is None or found.model_digest != record.model_digest:
        raise UsageError(
            f"{place.path(str(record.version))} is not the canary's version any more", "Roll it back, and begin anew."
        )
    if not place.copy(f"{EVIDENCE_FOLDER}/{record.version}", evidence):
        raise InfrastructureError(f"What is kept with {place.path(str(record.version))} is not there", "Run again.")
    described = {name: getattr(record, name) for name in ("promoted_from", "approved_by", "approved_in")}
    return Model(folder / "model", evidence, described)
