"""A pushed model by whatever people call it: a version's folder, a destination, a pipeline, or a digest."""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from weighbridge.attestation.attest import ATTESTED_FILES
from weighbridge.attestation.keys import Trust
from weighbridge.attestation.read import Attested, attested_in
from weighbridge.common.errors import UsageError
from weighbridge.components.production_model.fetch import version_record
from weighbridge.components.production_model.record import (
    EVIDENCE_FOLDER,
    RECORD_FILE,
    ProductionRecord,
    production_history,
)
from weighbridge.components.production_model.standing import read_record
from weighbridge.storage.destination import open_destination
from weighbridge.storage.git.address import is_git
from weighbridge.storage.schemes import is_address
from weighbridge.thresholds.delivery import PRODUCTION

_DIGEST = re.compile(r"(sha256:)?[0-9a-f]{8,64}")
_VERSION = re.compile(r"(?P<where>.+)@(?P<version>\d+)")
_HINT = (
    "Give a pipeline's name, the folder or address of a destination, or of a version in it, such as "
    "work/taxi/production/3, or a model's digest."
)


class NoSuchModelError(UsageError):
    """Nothing of that name was ever pushed: there is nothing to look at."""


@dataclass(frozen=True)
class FoundModel:
    """A version at a destination.

    Attributes:
        destination: its folder or address.
        record: of the version.
    """

    destination: str
    record: ProductionRecord

    @property
    def version(self) -> int:
        """Number of the version."""
        return self.record.version

    @property
    def path(self) -> str:
        """Folder or address of the model."""
        return open_destination(self.destination).path(str(self.version))

    @property
    def evidence(self) -> str:
        """Name of the folder with what the version was pushed on, below the destination."""
        return f"{EVIDENCE_FOLDER}/{self.version}"

    def attested(self, trust: Trust | None = None) -> Attested | None:
        """What is attested with it, read where it lies; None where nothing is.

        Args:
            trust: whose signatures count; None to read whoever says it.

        Raises:
            UsageError: it is cut off, or is not what it should be.
            InfrastructureError: the store cannot be reached.
        """
        place = open_destination(self.destination)
        read = ((name, place.read(f"{self.evidence}/{name}")) for name in ATTESTED_FILES)
        files = {name: data for name, data in read if data is not None}
        return attested_in(files, place.path(self.evidence), trust)


def find_model(text: str, destinations: Iterable[str] = ()) -> FoundModel:
    """Find a pushed model.

    Args:
        text: folder or address of a version (`…/production/3`, `models:/taxi/3`) or of a destination (`…/production`,
            the version in production; `…/production@3`), a pipeline's name (the same as its destination), or the digest
            of a model's files, or its beginning.
        destinations: where to look for names and digests: of the work directory, for example.

    Raises:
        NoSuchModelError: there is no such model.
        UsageError: a record cannot be read, or contradicts the versions beside it.
        InfrastructureError: the store cannot be reached.
    """
    named = _VERSION.fullmatch(text)
    where, version = (named["where"], int(named["version"])) if named else (text, None)
    known = list(destinations)
    # A pipeline's name first: where it is called from, its package is a folder of that name.
    for destination in known if "/" not in where else ():
        if where in PurePosixPath(destination).parts[-2:] or destination.startswith(f"models:/{where}@"):
            return _at(destination, version)
    if is_address(where) or Path(where).is_dir() or "/" in where:
        return _at(where, version)
    if _DIGEST.fullmatch(text):
        return _by_digest(text.removeprefix("sha256:"), known)
    names = sorted({name for destination in known for name in PurePosixPath(destination).parts[-2:]})
    close = difflib.get_close_matches(where, names, n=1)
    guess = f" Did you mean {close[0]!r}?" if close else ""
    looked = f" Looked in {', '.join(known)}." if known else ""
    raise NoSuchModelError(f"There is no pushed model {text!r}.{guess}{looked}".removesuffix("."), _HINT)


def destinations_in(workdir: str | Path) -> list[str]:
    """The folders in a work directory that models were pushed to, production of each pipeline first."""
    found = [path.parent for name in (RECORD_FILE, EVIDENCE_FOLDER) for path in Path(workdir).glob(f"*/*/{name}")]
    return sorted(map(str, set(found)), key=lambda path: (PurePosixPath(path).name != PRODUCTION, path))


def _at(where: str, version: int | None) -> FoundModel:
    parent, _, last = where.rstrip("/").rpartition("/")
    if is_git(where):
        pass  # a branch may be called release/7
    elif version is None and last.isdecimal() and (parent or where.startswith("/")):
        where, version = parent or "/", int(last)
    elif version is None and last.isdecimal() and Path(where).is_dir():
        where, version = str(Path(where).absolute().parent), int(last)
    try:
        record = read_record(where) if version is None else version_record(where, version)
    except UsageError as error:
        if version is not None and not _ever(where, version):
            raise NoSuchModelError(error.message, error.hint) from error
        raise
    if record is None:
        raise NoSuchModelError(f"Nothing was ever pushed to {where}", _HINT)
    return FoundModel(where, record)


def _ever(destination: str, version: int) -> bool:
    """Whether a version is there, or was: its evidence outlives its model."""
    place = open_destination(destination)
    return str(version) in place.folders() or str(version) in place.folders(EVIDENCE_FOLDER)


def _by_digest(digits: str, destinations: Iterable[str]) -> FoundModel:
    for destination in destinations:
        for record in reversed(production_history(destination)):
            if record.model_digest.removeprefix("sha256:").startswith(digits):
                return FoundModel(destination, record)
    raise NoSuchModelError(
        f"No model with the digest {digits} was ever pushed to {', '.join(destinations) or 'here'}", _HINT
    )
