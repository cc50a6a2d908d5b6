"""Globs on disk that pass over no folder in silence, as the standard library's do. Imports no tfx."""

import fnmatch
import glob as globbing
import os
from collections.abc import Iterator
from pathlib import Path

from weighbridge.common.errors import UsageError


def local_glob(pattern: str) -> set[str]:
    """Files that match a glob; `**` crosses folders, hidden ones are left out.

    A link that leads nowhere is among them: whoever reads it can tell.

    Raises:
        UsageError: a folder may not be read, or a link leads back to a folder that it lies in.
    """
    signs = [pattern.index(sign) for sign in "*?[" if sign in pattern]
    start = pattern.rfind("/", 0, min(signs)) + 1 if signs else len(pattern)
    parts = tuple(pattern[start:].split("/")) if signs else ()
    try:
        there = _below(pattern[:start], parts, ())
        return {path for path in there if Path(path).is_file() or not Path(path).exists()}
    except OSError as error:
        raise UsageError(
            f"{error.filename} cannot be read: {error.strerror}", "Its rows would be missing: mend its rights."
        ) from error


def _below(folder: str, parts: tuple[str, ...], above: tuple[tuple[int, int], ...]) -> Iterator[str]:
    """Paths below a folder that match the parts of a glob. Unlike the standard library's, no folder is passed over.

    Args:
        folder: where to look; empty for the working directory.
        parts: of the glob, none for the folder itself.
        above: device and number of the folders that `**` came through.
    """
    if not parts:
        if os.path.lexists(folder):
            yield folder
        return
    first, *others = parts
    rest = tuple(others)
    if first != "**" and not globbing.has_magic(first):
        yield from _below(os.path.join(folder, first), rest, ())  # noqa: PTH118, a Path would drop a leading `./`
        return
    entries = _entries(folder)
    if first != "**":
        for entry in entries:
            if fnmatch.fnmatchcase(entry.name, first) and (not rest or Path(entry.path).is_dir()):
                yield from _below(entry.path, rest, ())
        return
    if not Path(folder or ".").is_dir():
        return
    stat = Path(folder or ".").stat()
    if (stat.st_dev, stat.st_ino) in above:
        raise UsageError(
            f"{folder} leads back to a folder that it lies in: its rows would count again and again",
            "Remove this link.",
        )
    above = (*above, (stat.st_dev, stat.st_ino))
    yield from _below(folder, rest or ("*",), ())
    for entry in entries:
        if Path(entry.path).is_dir():
            yield from _below(entry.path, parts, above)


def _entries(folder: str) -> list[os.DirEntry[str]]:
    """What is in a folder and not hidden; nothing if it is none."""
    try:
        with os.scandir(folder or ".") as found:
            return [entry for entry in found if not entry.name.startswith(".")]
    except (NotADirectoryError, FileNotFoundError):
        return []
