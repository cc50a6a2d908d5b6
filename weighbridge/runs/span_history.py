"""Statistics of spans between a work directory and the store that builds share.

```
span-N/current.json     which folder, and its digest: replaced by who knows what it was
span-N/<random>/        Split-<name>/FeatureStats.pb
```

Here they lie as DataValidator keeps them (`history/span-N/Split-<name>/…`, and `files-<digest>.json` beside these: the
bytes that were used), and `.shared.json` beside them says which of them the store has, as of which moment.
"""

import re
import shutil
import uuid
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, RootModel, ValidationError

from weighbridge.common import files
from weighbridge.common.digests import folder_digest
from weighbridge.common.errors import InfrastructureError
from weighbridge.components.data_validator.used_spans import USED_FILES
from weighbridge.storage.place import Place
from weighbridge.storage.store import ABSENT

_SPAN = re.compile(r"span-\d{1,18}")
_CURRENT = "current.json"
_SHARED = ".shared.json"
_MOST_BYTES = 64 << 10
_TRIES = 5


class _Current(BaseModel):
    """`current.json`: the folder with a span's statistics, and its `folder_digest`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: str = Field(pattern=r"^[0-9a-f]{12}$")
    digest: str


class _Shared(RootModel[dict[str, dict[str, str]]]):
    """`.shared.json`: by span, the `digest` that the store has, and when that was `written` there."""


class SpanHistory:
    """The statistics of a pipeline's spans.

    Args:
        place: where the store has them.
        folder: where they are on this machine.
    """

    def __init__(self, place: Place, folder: Path) -> None:
        self._place = place
        self._folder = folder

    def bring(self) -> None:
        """Bring what changed in the store since it was last looked at.

        Raises:
            WeighbridgeError: the store cannot be read.
            OSError: this machine's disk fails.
        """
        shared, before = self._shared(), self._shared()
        for name, found in self._place.listed("").items():
            span, _, rest = name.partition("/")
            if rest != _CURRENT or not _SPAN.fullmatch(span):
                continue
            written = found.created.isoformat()
            here = (self._folder / span).is_dir() and shared.get(span, {}).get("written") == written
            if not here and (digest := self._bring(span)):
                shared[span] = {"digest": digest, "written": written}
        if shared != before:
            self._note(shared)

    def send(self) -> None:
        """Send what is not in the store as it is here.

        Raises:
            WeighbridgeError: it cannot be written.
            OSError: this machine's disk fails.
        """
        shared = self._shared()
        for folder in sorted(self._folder.glob("span-*")):
            digest = folder_digest(folder) if _SPAN.fullmatch(folder.name) else ""
            if digest and shared.get(folder.name, {}).get("digest") != digest:
                self._send(folder, digest)
                shared[folder.name] = {"digest": digest}
                self._note(shared)

    def _bring(self, span: str) -> str:
        """Replace a span by the store's; its digest, empty where that is not what it should be."""
        for _ in range(_TRIES):
            current = self._current(span)[0]
            if current is None:
                return ""
            if folder_digest(self._folder / span) == current.digest:
                return current.digest
            copy = self._folder / f"{files.STAGED_PREFIX}{uuid.uuid4().hex[:12]}"
            try:
                self._place.copy(f"{span}/{current.folder}", copy)
                if folder_digest(copy) == current.digest:
                    for path in (self._folder / span).glob(USED_FILES):
                        if not (copy / path.name).exists():  # used here, and not told the store yet
                            shutil.copyfile(path, copy / path.name)
                    shutil.rmtree(self._folder / span, ignore_errors=True)
                    copy.rename(self._folder / span)
                    return current.digest
            finally:
                shutil.rmtree(copy, ignore_errors=True)
        return ""  # one that is damaged there is none

    def _send(self, folder: Path, digest: str) -> None:
        inside = uuid.uuid4().hex[:12]
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                self._place.upload(path, f"{folder.name}/{inside}/{path.relative_to(folder).as_posix()}")
        said = _Current(folder=inside, digest=digest).model_dump_json().encode()
        for _ in range(_TRIES):
            current, version = self._current(folder.name)
            if current is not None and current.digest == digest:
                self._place.remove(f"{folder.name}/{inside}")
                return
            if self._place.write(f"{folder.name}/{_CURRENT}", said, version):
                if current is not None:
                    self._place.remove(f"{folder.name}/{current.folder}")
                return
        raise InfrastructureError(f"Others keep changing {self._place.path(folder.name)}/{_CURRENT}", "Run again.")

    def _current(self, span: str) -> tuple[_Current | None, str]:
        """What the store has of a span, None for nothing that can be read; and the version of the file that says so."""
        name = f"{span}/{_CURRENT}"
        version = self._place.version(name)
        if version == ABSENT or (self._place.size(name) or 0) > _MOST_BYTES:
            return None, version
        try:
            return _Current.model_validate_json(self._place.read(name) or b""), version
        except ValidationError:
            return None, version

    def _shared(self) -> dict[str, Any]:
        try:
            return _Shared.model_validate_json((self._folder / _SHARED).read_bytes()).root
        except (OSError, ValidationError):
            return {}

    def _note(self, shared: dict[str, Any]) -> None:
        files.write_json(self._folder / _SHARED, shared)
