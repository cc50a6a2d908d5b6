"""Where a served model comes from: one version's folder, or whatever a destination says is in production.

What is served is a private copy that was verified after it was made: nobody who writes to the destination afterwards
changes, or takes away, what a server has.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from weighbridge.common.digests import folder_digest
from weighbridge.common.errors import UsageError
from weighbridge.common.files import copy_tree
from weighbridge.components.production_model.claim import evidence as evidence_name
from weighbridge.components.production_model.fetch import version_record
from weighbridge.components.production_model.record import (
    EVIDENCE_FOLDER,
    KEPT_RECORD_FILE,
    RECORD_FILE,
    ProductionRecord,
    numbers_in,
    read_record_file,
)
from weighbridge.components.production_model.standing import standing
from weighbridge.serving.private_copy import private_folder
from weighbridge.serving.settings import Settings
from weighbridge.serving.trusted import check_trusted
from weighbridge.storage.destination import is_remote, open_destination

MODEL = "model"
EVIDENCE = "evidence"  # in a copy


@dataclass(frozen=True)
class Release:
    """A model that may be served.

    Attributes:
        version: its number.
        digest: `tree_digest` of its files.
        signed_by: who signed for it; empty for nobody.
        source: where it lies, for people.
        record: what production says of it; None for a folder without a record.
    """

    version: int
    digest: str
    signed_by: str
    source: str
    record: ProductionRecord | None = None


class Source(Protocol):
    """Where releases come from."""

    def newest(self) -> Release:
        """What is to be served now. Cheap: nothing is copied.

        Raises:
            UsageError: nothing is, or what is said of it contradicts itself.
            InfrastructureError: it cannot be reached.
        """

    def fetched(self, release: Release) -> AbstractContextManager[Path]:
        """A context with a verified private copy: `model/` and, where some is kept, `evidence/`.

        Raises:
            UsageError: its bytes are others, or it is not to be trusted.
            InfrastructureError: it cannot be reached.
        """


class Destination:
    """What a destination, a folder or an address, says is in production, or one version there.

    Args:
        address: of the destination.
        version: which; 0 for the one in production.
        pipeline: that it must have been weighed for; empty for any.
    """

    def __init__(self, address: str, version: int = 0, pipeline: str = "") -> None:
        self._address = address
        self._place = open_destination(address)
        self._version = version
        self._pipeline = pipeline

    def newest(self) -> Release:
        """See `Source`."""
        record: ProductionRecord | None
        self._place = open_destination(self._address)  # a repository is seen as it was when it was opened
        if self._version:
            record = version_record(self._address, self._version)
        else:
            found = standing(self._place)
            record = None if found is None else found.record
        if record is None:
            raise UsageError(
                f"Nothing is in production at {self._place.address}",
                "Push a model there first: weighbridge run PIPELINE.",
            )
        source = self._place.path(str(record.version))
        return Release(record.version, record.model_digest, record.signed_by, source, record)

    @contextmanager
    def fetched(self, release: Release) -> Iterator[Path]:
        """See `Source`."""
        with private_folder() as scratch:
            if not self._place.copy(str(release.version), scratch / MODEL):
                raise UsageError(f"There is no {release.source} any more", "Restore it from a copy, or push again.")
            self._place.copy(evidence_name(release.version), scratch / EVIDENCE)
            _check(scratch, release, self._pipeline)
            yield scratch


class VersionFolder:
    """One version's folder, with its evidence beside it where it was pushed by this suite.

    Args:
        folder: of the version.
        version: its number; 0 for the folder's name, or 1.
        pipeline: that it must have been weighed for; empty for any.
    """

    def __init__(self, folder: Path, version: int = 0, pipeline: str = "") -> None:
        self._folder = folder
        self._pipeline = pipeline
        name = folder.absolute().name
        self._number = version or (int(name) if name.isascii() and name.isdigit() else 1)
        # The number of the folder tells where its evidence is, whatever number it is served by.
        self._evidence = folder.absolute().parent / EVIDENCE_FOLDER / name

    def newest(self) -> Release:
        """See `Source`."""
        record, path = None, self._evidence / KEPT_RECORD_FILE
        if path.is_file():
            record = read_record_file(path)
        digest = record.model_digest if record else folder_digest(self._folder)
        return Release(self._number, digest, record.signed_by if record else "", str(self._folder), record)

    @contextmanager
    def fetched(self, release: Release) -> Iterator[Path]:
        """See `Source`."""
        with private_folder() as scratch:
            copy_tree(self._folder, scratch / MODEL)
            if self._evidence.is_dir():
                copy_tree(self._evidence, scratch / EVIDENCE)
            _check(scratch, release, self._pipeline)
            yield scratch


def source_of(settings: Settings) -> Source:
    """The source that `--model` and `--version` name.

    Raises:
        UsageError: there is no such folder or store.
    """
    address = settings.model
    if is_remote(address) or _is_destination(Path(address)):
        return Destination(address, settings.version, settings.pipeline)
    folder = Path(address)
    if not folder.is_dir():
        raise UsageError(f"--model {address} is no folder", "Give a version's folder, or a destination.")
    numbers = [each for each in numbers_in(folder) if (folder / str(each)).is_dir()]
    if numbers:  # TensorFlow Serving's layout without a record of ours
        chosen = settings.version or numbers[-1]
        if chosen not in numbers:
            raise UsageError(f"There is no version {chosen} in {address}", f"Numbers: {', '.join(map(str, numbers))}.")
        return VersionFolder(folder / str(chosen), chosen, settings.pipeline)
    return VersionFolder(folder, settings.version, settings.pipeline)


def _is_destination(folder: Path) -> bool:
    return (folder / RECORD_FILE).exists() or (folder / EVIDENCE_FOLDER).is_dir()


def _check(scratch: Path, release: Release, pipeline: str) -> None:
    """Hold a copy against what is said of it, and against what is attested with it."""
    found = folder_digest(scratch / MODEL)
    if found != release.digest:
        raise UsageError(
            f"{release.source} was changed: its digest is {found}, but its record says {release.digest}",
            "It is not served. Restore it from a copy, or push the model again.",
        )
    check_trusted(scratch / MODEL, scratch / EVIDENCE, release.record, pipeline, release.source)
