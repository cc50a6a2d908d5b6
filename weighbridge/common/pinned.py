"""The libraries as they are tested: the lock files that are installed with the package, and what they pin."""

import re
import sys
from collections.abc import Mapping
from pathlib import Path

from weighbridge.common.errors import UsageError

# A link in a checkout, a folder in the wheel: `requirements/` is the only place that locks are kept in.
FOLDER = Path(__file__).parents[1] / "requirements"

_PIN = re.compile(r"^([A-Za-z0-9][\w.-]*)(?:\[[^]]*\])?==([^\s;\\]+)\s*(;[^\\]*)?", re.MULTILINE)


def shipped_locks() -> list[Path]:
    """The locks of the libraries that pipelines run with, by line of TFX and version of Python."""
    return sorted(FOLDER.glob("tfx-*-py*.lock"))


def lock_of(python: tuple[int, int] = sys.version_info[:2]) -> Path:
    """The newest lock for a version of Python; by default for the one that runs.

    Raises:
        UsageError: there is none.
    """
    version = f"{python[0]}.{python[1]}"
    locks = [path for path in shipped_locks() if path.stem.endswith(f"-py{version.replace('.', '')}")]
    if not locks:
        known = ", ".join(path.name for path in shipped_locks()) or "none"
        raise UsageError(
            f"There is no lock for Python {version}", f"Locks: {known}. Make an environment of one of these versions."
        )
    return locks[-1]


def pins(text: str) -> dict[str, str]:
    """The version of each library that a lock pins, by its normalized name."""
    return {normalized(name): version for name, version, _ in _PIN.findall(text)}


def constraints(text: str) -> str:
    """A lock without hashes and comments, as installers take constraints: other libraries may stand beside it."""
    found = _PIN.findall(text)
    return "".join(f"{name}=={version}{f' {marker.strip()}' if marker else ''}\n" for name, version, marker in found)


def normalized(name: str) -> str:
    """A distribution's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def installed() -> dict[str, str]:
    """The version of each distribution of this environment, by its normalized name; the first on the path counts."""
    from importlib.metadata import distributions

    found: dict[str, str] = {}
    for each in distributions():
        name = each.metadata["Name"]
        if name:
            found.setdefault(normalized(name), each.version)
    return found


def departures(pinned: Mapping[str, str], found: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """What of an environment is not as pinned: the pinned and the installed version, by name; empty for missing."""
    return {
        name: (version, found.get(name, ""))
        for name, version in pinned.items()
        if found.get(name, "").partition("+")[0] != version.partition("+")[0]
    }
