"""A model in MLflow's registry, read as a destination is: a folder's layout, made of versions, tags and files. No tfx.

| name | is |
| --- | --- |
| `production.json` | the record of the version in production |
| `<version>/…` | the exported model of a version that was in production, up to the one that is |
| `.weighbridge/<version>/record.json` | its record |
| `.weighbridge/<version>/…` | what it was pushed on: `verdict.json`, `statistics/`, … |
"""

import json
import tempfile
from pathlib import Path

from weighbridge.common import files
from weighbridge.common.digests import folder_digest
from weighbridge.storage.layout import EVIDENCE_FOLDER, KEPT_RECORD_FILE, RECORD_FILE
from weighbridge.storage.registry.address import parse_address
from weighbridge.storage.registry.files import ArtifactFiles
from weighbridge.storage.registry.log import Entry, Log
from weighbridge.storage.registry.registry import DATA_FOLDER, Registry


class RegistryDestination:
    """A registered model and one of its aliases; see `log` for what is in production there.

    Args:
        address: such as `models:/taxi`, which means `models:/taxi@champion`.

    Raises:
        UsageError: it is none of a registered model.
    """

    def __init__(self, address: str) -> None:
        self.registry = Registry(parse_address(address))

    @property
    def address(self) -> str:
        """`models:/name@alias`."""
        return str(self.registry.address)

    def path(self, name: str) -> str:
        """Where `name` is, in MLflow's form: `models:/taxi/3` for a version and what belongs to it."""
        folder, _, rest = name.removeprefix(f"{EVIDENCE_FOLDER}/").partition("/")
        if not folder.isdigit():
            return self.address if name == RECORD_FILE else f"{self.address} {name}"
        version = self.registry.address.version(folder)
        return f"{version} {rest}" if rest else version

    def read(self, name: str) -> bytes | None:
        """The bytes of a record or file; None if it is not there."""
        log = self.registry.log()
        if name == RECORD_FILE:
            found = log.production
            return None if found is None else _record(found)
        folder, entry, rest = self._place(log, name)
        if entry is None or not rest:
            return None
        if folder == EVIDENCE_FOLDER and rest == KEPT_RECORD_FILE:
            return _record(entry)
        return self._evidence(entry).read(rest) if folder else self._model(entry).read(f"{DATA_FOLDER}/{rest}")

    def folders(self, folder: str = "") -> list[str]:
        """Names of the folders right below `folder`; a version is one from when it was in production."""
        log = self.registry.log()
        known = _known(log)
        if not folder:
            live = log.production
            return [str(number) for number in known if live and number <= live.number] + [EVIDENCE_FOLDER] * bool(known)
        if folder == EVIDENCE_FOLDER:
            return [str(number) for number in known]
        parent, entry, rest = self._place(log, folder)
        if entry is None:
            return []
        found = self._evidence(entry).sizes(rest) if parent else self._model(entry).sizes(f"{DATA_FOLDER}/{rest}")
        return sorted({name.partition("/")[0] for name in found if "/" in name})

    def copy(self, folder: str, target: Path) -> bool:
        """Download the files below `folder`; False if there are none."""
        parent, entry, rest = self._place(self.registry.log(), folder)
        if entry is None:
            return False
        if not parent:
            return self._model(entry).download(f"{DATA_FOLDER}/{rest}".rstrip("/"), target)
        if not rest:
            files.write_bytes(target / KEPT_RECORD_FILE, _record(entry))
        return self._evidence(entry).download(rest, target)

    def digest(self, entry: Entry) -> str:
        """`tree_digest` of the bytes of a version, which are downloaded for it; empty where there are none."""
        with tempfile.TemporaryDirectory(prefix="weighbridge-") as folder:
            return folder_digest(folder) if self._model(entry).download(DATA_FOLDER, Path(folder)) else ""

    def version_digest(self, version: int) -> str:
        """`digest` of a version by its number; empty for one that no Pusher made."""
        entry = self.registry.log().entries.get(version)
        return "" if entry is None else self.digest(entry)

    def _place(self, log: Log, name: str) -> tuple[str, Entry | None, str]:
        """What a name is in: `EVIDENCE_FOLDER` or nothing, the version, and the rest of the name."""
        parent = EVIDENCE_FOLDER if name.startswith(f"{EVIDENCE_FOLDER}/") else ""
        version, _, rest = name.removeprefix(f"{parent}/").partition("/")
        found = log.entries.get(int(version)) if version.isdigit() else None
        return parent, None if found is None or log.lost(found) else found, rest

    def _model(self, entry: Entry) -> ArtifactFiles:
        return ArtifactFiles(entry.source, self.registry.address.version(entry.number))

    def _evidence(self, entry: Entry) -> ArtifactFiles:
        return ArtifactFiles(entry.evidence, self.registry.address.version(entry.number))


def _known(log: Log) -> dict[int, Entry]:
    """The versions that were in production here, by number, with the one that is: a person may have chosen any."""
    live = log.production
    found = {entry.number: entry for entry in log.history} | ({live.number: live} if live else {})
    return dict(sorted(found.items()))


def _record(entry: Entry) -> bytes:
    return files.json_text(json.loads(entry.record) | {"version": entry.number}).encode()
