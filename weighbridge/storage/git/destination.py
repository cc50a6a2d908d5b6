"""A destination in a configuration repository: its records come from there, files and evidence from where models lie.

| name | comes from |
| --- | --- |
| `production.json`, `canary.json`, `weighbridge.yaml`, `model.yaml` | the folder in the repository |
| `<version>/…`, `.weighbridge/<version>/…` | `models`, which `weighbridge.yaml` names |

What is at `models` and was never named by the repository, such as a version that is proposed or that a canary turned
down, is no version of this destination.
"""

import functools
import json
from pathlib import Path
from typing import TYPE_CHECKING

from weighbridge.storage.git.address import parse_git_address
from weighbridge.storage.git.history import contents_over_time
from weighbridge.storage.git.repository import Repository, Snapshot
from weighbridge.storage.git.settings import SETTINGS_FILE, GitSettings, parse_settings
from weighbridge.storage.layout import EVIDENCE_FOLDER, RECORD_FILE

if TYPE_CHECKING:
    from weighbridge.storage.destination import Destination


class GitDestination:
    """A folder on a branch of a repository, as it is when it is first asked for anything.

    Args:
        address: such as `git+https://host/org/config.git//taxi?ref=main`.

    Raises:
        UsageError: it is malformed.
    """

    def __init__(self, address: str) -> None:
        self._address = parse_git_address(address)

    @property
    def address(self) -> str:
        """The address, without what has no meaning in it."""
        return str(self._address)

    @functools.cached_property
    def snapshot(self) -> Snapshot:
        """The folder in the repository.

        Raises:
            UsageError: there is no such repository, branch or folder, or the credentials do not open it.
            InfrastructureError: it cannot be reached.
        """
        return _shared(self.address).look()

    @functools.cached_property
    def settings(self) -> GitSettings:
        """What people say in `weighbridge.yaml`. A UsageError if it is missing or malformed."""
        return parse_settings(self.snapshot.files.get(SETTINGS_FILE), self._address.path(SETTINGS_FILE))

    @functools.cached_property
    def models(self) -> "Destination":
        """Where files and evidence of the versions lie."""
        from weighbridge.storage.destination import open_destination  # it knows this one

        return open_destination(self.settings.models)

    def path(self, name: str) -> str:
        """Where `name` is: in the repository, or where the models lie."""
        return self.models.path(name) if _with_models(name) else self._address.path(name)

    def read(self, name: str) -> bytes | None:
        """The bytes of a record or file; None if it is not there."""
        _ = self.settings  # a folder without is none of ours: nothing in it says that nothing is in production
        return self.models.read(name) if _with_models(name) else self.snapshot.files.get(name)

    def folders(self, folder: str = "") -> list[str]:
        """Names of the folders right below `folder`; a version is one that the repository named."""
        found = self.models.folders(folder)
        if folder not in ("", EVIDENCE_FOLDER) or not found:
            return found
        if not folder:
            live = _version(self.read(RECORD_FILE) or b"")
            return [name for name in found if _number(name) <= live]
        named = self._named()
        return [name for name in found if _number(name) in named]

    def copy(self, folder: str, target: Path) -> bool:
        """Copy the files of a version, or of its evidence; False if there are none."""
        return self.models.copy(folder, target)

    def _named(self) -> set[int]:
        """The versions that were in production, as far back as the repository tells."""
        branch = self._address.branch or _shared(self.address).branch
        return {_version(data) for data in contents_over_time(self._address, branch, RECORD_FILE)} - {0}


@functools.cache
def _shared(address: str) -> Repository:
    """One for all of this process: what does not change is read once, and only the branch's end is asked for again."""
    return Repository(address)


def _with_models(name: str) -> bool:
    first = name.partition("/")[0]
    return "/" in name or first.isdigit() or first == EVIDENCE_FOLDER


def _number(name: str) -> int:
    return int(name) if name.isascii() and name.isdigit() else 0


def _version(record: bytes) -> int:
    """The version that a record names; 0 where it is none."""
    try:
        found = json.loads(record)["version"]
    except (ValueError, KeyError, TypeError):
        return 0
    return found if isinstance(found, int) else 0
