"""Where a model to verify lies, and the evidence that belongs to it: at a destination, or somewhere as a copy."""

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from weighbridge.attestation.attest import ATTESTATIONS_FILE
from weighbridge.common import progress
from weighbridge.common.errors import UsageError
from weighbridge.components.production_model.claim import evidence as evidence_of
from weighbridge.components.production_model.record import EVIDENCE_FOLDER, KEPT_RECORD_FILE, RECORD_FILE
from weighbridge.runs.models import NoSuchModelError, destinations_in, find_model
from weighbridge.storage.destination import is_remote, open_destination

_VERSION = re.compile(r"@[^/@]*$")


@dataclass(frozen=True)
class Located:
    """A model, as far as it is known where it lies.

    Attributes:
        model: its folder or address.
        evidence: folder or address with what is attested with it; empty where none was found.
        destination: that it was pushed to; empty for a copy elsewhere.
        version: in that destination; 0 for a copy elsewhere.
        pipeline: that its name stands for; empty where it was not called by the name of one.
        problem: why it cannot be looked at; empty where it can.
    """

    model: str
    evidence: str = ""
    destination: str = ""
    version: int = 0
    pipeline: str = ""
    problem: str = ""


def locate(text: str, workdir: str | Path, evidence: str = "") -> Located:
    """Find a model by what people call it.

    Args:
        text: what `find_model` takes; or any folder with a model's files.
        workdir: where names of pipelines and digests are looked up.
        evidence: folder with what is attested; empty to find it beside the model.

    Raises:
        UsageError: there is no such model, or no such folder with evidence.
        InfrastructureError: the store cannot be reached.
    """
    if evidence and not Path(evidence).is_dir():
        raise UsageError(
            f"--evidence {evidence} is no folder", f"Give the one with {ATTESTATIONS_FILE}, e.g. .weighbridge/3."
        )
    path, known = Path(text), destinations_in(workdir)
    # A pipeline's name first: where it is called from, its package is a folder of that name.
    named = "/" not in text and any(text in PurePosixPath(each).parts[-2:] for each in known)
    if not named and not is_remote(text) and path.is_dir() and not _is_destination(path):
        return _copy_or_version(path, evidence)
    if "://" in text:
        open_destination(_VERSION.sub("", text))  # a store of an unknown kind is no refusal
    try:
        found = find_model(text, known)
    except NoSuchModelError:
        raise
    except UsageError as error:
        return Located(text, problem=error.message)
    located = _version(found.destination, found.version)
    # Called by its pipeline's name, it must be of that pipeline, whatever the record says.
    word = text.partition("@")[0]
    by_name = "/" not in word and PurePosixPath(found.destination).parts[-2:-1] == (word,)
    return replace(located, evidence=evidence or located.evidence, pipeline=word if by_name else "")


@contextmanager
def brought(located: Located) -> Iterator[Located]:
    """The same model in folders: what lies in a bucket is downloaded to where nobody else is, and removed again.

    Raises:
        UsageError: an object's name is that of no file.
        InfrastructureError: the store cannot be reached, or not any more.
    """
    if located.problem or not is_remote(located.destination):
        yield located
        return
    place = open_destination(located.destination)
    with tempfile.TemporaryDirectory(prefix="weighbridge-verify-") as scratch:
        model, evidence = Path(scratch, str(located.version)), Path(scratch, "evidence")
        progress.report(f"downloading {located.model}")
        with progress.waiting(f"the download of {located.model}"):
            place.copy(str(located.version), model)
            if Path(located.evidence).is_dir():  # given, and here already
                evidence = Path(located.evidence)
            else:
                place.copy(evidence_of(located.version), evidence)
        yield replace(located, model=str(model), evidence=str(evidence))


def _is_destination(folder: Path) -> bool:
    return (folder / RECORD_FILE).exists() or (folder / EVIDENCE_FOLDER).is_dir()


def _copy_or_version(folder: Path, evidence: str) -> Located:
    """A folder with files: a version of the destination that it lies in, or a copy with its evidence beside it."""
    if folder.is_symlink():
        return Located(str(folder), problem=f"{folder} is a link to {folder.resolve()}: give the folder itself")
    folder = folder.absolute()
    parent, name = folder.parent, folder.name
    if not evidence and name.isascii() and name.isdecimal() and str(int(name)) == name and _is_destination(parent):
        return _version(str(parent), int(name))
    beside = parent / EVIDENCE_FOLDER / name
    if not evidence and beside.is_dir():
        evidence = str(beside)
    elif not evidence and (parent / ATTESTATIONS_FILE).is_file():
        evidence = str(parent)
    return Located(str(folder), evidence)


def _version(destination: str, version: int) -> Located:
    place = open_destination(destination)
    located = Located(place.path(str(version)), place.path(evidence_of(version)), destination, version)
    if not is_remote(destination):
        evidence = Path(located.evidence)
        looked_at = (Path(located.model), evidence.parent, evidence, evidence / KEPT_RECORD_FILE)
        for path in (*looked_at, Path(destination, RECORD_FILE)):
            if path.is_symlink():
                return replace(located, problem=f"{path} is a link to {path.readlink()}, and no Pusher makes one")
    return located
