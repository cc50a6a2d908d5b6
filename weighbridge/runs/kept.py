"""What steps made, kept by the content it was made of: on Kubeflow in a volume, here in the store that builds share.

The key is made of contents: code, libraries, parameters, what lies outside, and the digests of what the inputs hold. No
model is trained twice because a step before it ran again, or because another machine runs it.

```
<step>/<key>/entry.json          written once, and last: which folder, and the digest of each output in it
<step>/<key>/<random>/<output>/  what the step left
```
"""

import logging
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from weighbridge.common.digests import folder_digest, value_digest
from weighbridge.common.errors import WeighbridgeError
from weighbridge.storage.place import FolderPlace, Place, is_plain

KEPT = 2  # results per step: the last, and the one before
_ENTRY = "entry.json"
_MOST_BYTES = 4 << 20  # of an entry
_ABANDONED = timedelta(days=1)

_log = logging.getLogger("weighbridge")


class Entry(BaseModel):
    """A result of a step.

    Attributes:
        artifacts: what is known of each output besides its files, as whoever keeps it writes it.
        artifacts_digest: `value_digest` of these.
        digests: `folder_digest` of each output's folder.
        folder: name of the folder that they lie in.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    artifacts: dict[str, Any]
    artifacts_digest: str
    digests: dict[str, str]
    folder: str = Field(pattern=r"^[0-9a-f]{12}$")


class KeptResults:
    """The results of one step. Nothing here fails a step: what cannot be had or kept is told in the log.

    Args:
        place: of the pipeline's results, which outlives the run.
        step: name of the step.
        writes: whether results may be kept there; else they are only looked up.
    """

    def __init__(self, place: Place, step: str, writes: bool = True) -> None:
        self._place = place.within(step)
        self._writes = writes

    def restore(self, key: str, folders: Mapping[str, Path]) -> dict[str, Any] | None:
        """Put the result of this key where the step's outputs belong.

        Args:
            key: see `key_of`.
            folders: of the outputs.

        Returns:
            The entry's `artifacts`; None where there is no such result, or not any more as it was.
        """
        name = _name(key)
        try:
            data = _read(self._place, f"{name}/{_ENTRY}")
            if data is None:
                return None
            entry = self._checked(data, folders)
            for output, folder in folders.items():
                if entry.digests[output]:
                    shutil.rmtree(folder, ignore_errors=True)
                    self._place.copy(f"{name}/{entry.folder}/{output}", folder)
                    if folder_digest(folder) != entry.digests[output]:
                        raise ValueError(f"{output} is not what was kept")
            self._note_use(f"{name}/{_ENTRY}", data)
        except (OSError, ValueError, WeighbridgeError) as error:
            _log.warning("What was kept in %s is not used: %s", self._place.path(name), error)
            for folder in folders.values():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir(parents=True, exist_ok=True)
            if isinstance(error, ValueError) and self._writes:  # else the copy failed, and what is kept may be whole
                self._remove(name)
            return None
        return entry.artifacts

    def keep(self, key: str, folders: Mapping[str, Path], artifacts: Mapping[str, Any]) -> None:
        """Keep a result, if there is none of this key; one that finds no room is left out."""
        if not self._writes or any(path.is_file() for path in folders.values()):
            return  # single values are made as quickly as they are looked up
        name, inside = _name(key), uuid.uuid4().hex[:12]
        try:
            if self._place.size(f"{name}/{_ENTRY}") is not None or not self._has_room(folders):
                return
            digests = {output: folder_digest(folder) for output, folder in folders.items()}
            for output in filter(digests.__getitem__, folders):
                for path in sorted(folders[output].rglob("*")):
                    if path.is_file():
                        below = path.relative_to(folders[output]).as_posix()
                        self._place.upload(path, f"{name}/{inside}/{output}/{below}")
            entry = Entry(
                artifacts=dict(artifacts),
                artifacts_digest=value_digest(dict(artifacts)),
                digests=digests,
                folder=inside,
            )
            if not self._place.write(f"{name}/{_ENTRY}", entry.model_dump_json().encode()):
                self._place.remove(f"{name}/{inside}")  # another machine made the same just now
            self._forget_older()
        except (OSError, WeighbridgeError) as error:
            _log.warning("What this step made is not kept for later runs: %s", error)

    def entries(self) -> Iterator[tuple[str, Entry]]:
        """What is kept of the step, by the name that `copy_output` takes, the last used first; no unreadable ones."""
        listed = self._place.listed("")
        names = sorted(_keys(listed), key=lambda name: listed[f"{name}/{_ENTRY}"].created, reverse=True)
        for name in names:
            with suppress(ValueError):
                yield name, Entry.model_validate_json(_read(self._place, f"{name}/{_ENTRY}") or b"")

    def copy_output(self, name: str, entry: Entry, output: str, folder: Path) -> bool:
        """Copy an output of an entry into an empty folder; False if it is not what was kept."""
        self._place.copy(f"{name}/{entry.folder}/{output}", folder)
        return folder_digest(folder) == entry.digests.get(output)

    def lookup(self, key: str) -> Entry | None:
        """What is kept under a key, without its files; None for nothing."""
        try:
            data = _read(self._place, f"{_name(key)}/{_ENTRY}")
            return None if data is None else Entry.model_validate_json(data)
        except (ValueError, WeighbridgeError):
            return None

    def _checked(self, data: bytes, folders: Mapping[str, Path]) -> Entry:
        entry = Entry.model_validate_json(data)
        if entry.digests.keys() != folders.keys() or value_digest(entry.artifacts) != entry.artifacts_digest:
            raise ValueError(f"{_ENTRY} is not what was kept")
        return entry

    def _note_use(self, name: str, data: bytes) -> None:
        """Write the same again: what was used last is kept longest."""
        if self._writes:
            with suppress(WeighbridgeError):
                if version := self._place.version(name):
                    self._place.write(name, data, version)

    def _has_room(self, folders: Mapping[str, Path]) -> bool:
        if not isinstance(self._place, FolderPlace):
            return True
        above = next(path for path in (self._place.root, *self._place.root.parents) if path.exists())
        if 2 * sum(map(_size, folders.values())) <= shutil.disk_usage(above).free:
            return True
        _log.warning("No room in %s: what this step made is not kept for later runs.", self._place.address)
        return False

    def _forget_older(self) -> None:
        listed = self._place.listed("")
        keys = sorted(_keys(listed), key=lambda name: listed[f"{name}/{_ENTRY}"].created, reverse=True)
        for name in keys[KEPT:]:
            self._remove(name)
        oldest = datetime.now(UTC) - _ABANDONED
        for folder in {"/".join(name.split("/")[:2]) for name in listed if name.count("/") > 1}:
            young = any(found.created > oldest for name, found in listed.items() if name.startswith(f"{folder}/"))
            key = folder.partition("/")[0]
            if not young and (key not in keys or not self._names(key, folder)):
                self._place.remove(folder)  # left by a killed one

    def _names(self, key: str, folder: str) -> bool:
        try:
            data = _read(self._place, f"{key}/{_ENTRY}")
            return data is None or f"{key}/{Entry.model_validate_json(data).folder}" == folder
        except ValueError:
            return False

    def _remove(self, name: str) -> None:
        """Remove a result; without its entry nobody looks for the rest."""
        with suppress(WeighbridgeError):
            self._place.remove(f"{name}/{_ENTRY}")
            self._place.remove(name)


def key_of(
    executor_class: str, image: str, properties: Mapping[str, Any], inputs: Mapping[str, list[str]], outside: str
) -> str:
    """What a result depends on.

    Args:
        executor_class: path of the executor; the code behind it is among the properties, as a digest.
        image: that the step runs in, by digest: the libraries.
        properties: execution properties, as the executor gets them.
        inputs: content digests of the inputs' artifacts, by key.
        outside: the state of what no input names, as the component's driver tells it; empty for none.
    """
    return value_digest([executor_class, image, dict(properties), dict(inputs), outside])


def _keys(listed: Mapping[str, Any]) -> list[str]:
    found = (name.removesuffix(f"/{_ENTRY}") for name in listed if name.endswith(f"/{_ENTRY}"))
    return [name for name in found if is_plain(name)]


def _read(place: Place, name: str) -> bytes | None:
    size = place.size(name)
    if size is not None and size > _MOST_BYTES:
        raise ValueError(f"{place.path(name)} is larger than {_MOST_BYTES} bytes")
    return None if size is None else place.read(name)


def _name(key: str) -> str:
    return key.removeprefix("sha256:")[:32]


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
