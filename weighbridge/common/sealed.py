"""Folders that a step keeps for a later one, with the digest of each file: what was changed since is not used."""

import json
from pathlib import Path

from weighbridge.common import files
from weighbridge.common.digests import file_digest

SEAL_FILE = "digests.json"


def seal(folder: str | Path) -> None:
    """Write down the digest of each file below a folder; whoever writes one of them later seals anew."""
    files.write_json(Path(folder, SEAL_FILE), _digests(Path(folder)))


def unseal(folder: str | Path) -> None:
    """Say that the files below a folder are about to be written: until it is sealed again it is not whole."""
    Path(folder, SEAL_FILE).unlink(missing_ok=True)


def is_sealed(folder: str | Path) -> bool:
    """Whether a folder was sealed; one that a killed process left half written was not."""
    return Path(folder, SEAL_FILE).is_file()


def changed_since(folder: str | Path) -> str:
    """The first file that is not as it was sealed, by its name below the folder; empty where all are.

    Raises:
        OSError: a file cannot be read.
    """
    try:
        known = json.loads(Path(folder, SEAL_FILE).read_bytes())
    except (FileNotFoundError, ValueError, RecursionError):
        return SEAL_FILE
    if not isinstance(known, dict):
        return SEAL_FILE
    found = _digests(Path(folder))
    return next((name for name in sorted(found | known) if found.get(name) != known.get(name)), "")


def _digests(folder: Path) -> dict[str, str]:
    paths = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(files.STAGED_PREFIX))
    return {path.relative_to(folder).as_posix(): file_digest(path) for path in paths if path.name != SEAL_FILE}
