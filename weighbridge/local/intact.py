"""Whether an artifact that is to be used again holds what the step left there.

A step's outputs are sealed when it ends: names, sizes and times of the files, and the digest of their bytes. Looking at
the first costs next to nothing; only where they differ, or everything is asked for, are the bytes read.
"""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tfx.orchestration.portable import cache_utils

from weighbridge.common.digests import file_digest, folder_digest, value_digest
from weighbridge.runs.content import SEAL

_log = logging.getLogger(__name__)


def seal(artifact: Any, files: str, bytes_digest: str = "") -> None:
    """Note on an artifact what its files are, as the step left them.

    Args:
        artifact: with files that nobody writes any more.
        files: `looks` of its files, taken before their bytes were read.
        bytes_digest: of their bytes; empty where they were not read yet.
    """
    noted = {"files": files, "bytes": bytes_digest or _bytes(Path(artifact.uri))}
    artifact.set_string_custom_property(SEAL, json.dumps(noted))


def is_intact(artifact: Any, thorough: bool = False) -> bool:
    """Whether the files of an artifact are those that were sealed; one that was never sealed is taken as it is.

    Args:
        artifact: of an earlier execution.
        thorough: read the bytes even where names, sizes and times are the same.
    """
    noted = artifact.get_string_custom_property(SEAL)
    if not noted:
        return True
    path = Path(artifact.uri)
    try:
        known = json.loads(noted)
        if not thorough and looks(path) == known["files"]:
            return True
        intact = _bytes(path) == known["bytes"]
    except (OSError, ValueError, KeyError, TypeError):
        intact = False
    if not intact:
        _log.warning("%s was changed since its step left it there: the step runs again.", path)
    return intact


@contextmanager
def verified_cache(thorough: bool) -> Iterator[None]:
    """Let TFX's launcher take from its cache only what is intact, inside the block.

    The launcher asks a function of a module, which has no other place to look in between.
    """
    look_up = cache_utils.get_cached_outputs

    def verified(**given: Any) -> Any:
        outputs = look_up(**given)
        if outputs is None or all(is_intact(each, thorough) for found in outputs.values() for each in found):
            return outputs
        return None

    cache_utils.get_cached_outputs = verified  # type: ignore[assignment]
    try:
        yield
    finally:
        cache_utils.get_cached_outputs = look_up


def looks(path: Path) -> str:
    """Digest of the names, sizes and times of the files. Of the times that of the last change, which nobody sets."""
    files = sorted(each for each in ([path] if path.is_file() else path.rglob("*")) if each.is_file())
    stats = [(each.relative_to(path).as_posix(), each.stat()) for each in files]
    return value_digest([[name, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns] for name, stat in stats])


def _bytes(path: Path) -> str:
    return file_digest(path) if path.is_file() else folder_digest(path)
