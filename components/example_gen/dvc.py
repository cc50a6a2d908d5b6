"""What DVC knows of input files: pointers (`trips.csv.dvc`) are read as the data that they name. No dvc, no tfx.

A pointer is YAML with the MD5 of a file, or of a folder's list of files (`….dir`). The data lie beside it, or in DVC's
cache: `.dvc/cache/files/md5/ab/cdef…`, before DVC 3 `.dvc/cache/ab/cdef…`, or where `cache.dir` of `.dvc/config` says.
Whichever has the bytes of that MD5 is read, and nothing else ever is.
"""

import configparser
import contextlib
import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from weighbridge.common.errors import UsageError
from weighbridge.storage import inputs
from weighbridge.storage.inputs import Identity
from weighbridge.storage.schemes import is_address

POINTER = ".dvc"
_LOCK = "dvc.lock"
_DIR = ".dir"
_MD5 = re.compile(r"[0-9a-f]{32}(\.dir)?")
_CHUNK = 1 << 20  # DVC 1 and 2 turn line ends chunk by chunk, of this size
_MOST_BYTES = 64 << 20  # of a pointer, a lock or a list of files

_known: dict[tuple[Identity, bool], str] = {}


@dataclass(frozen=True)
class Pointed:
    """A file that a pointer names.

    Attributes:
        name: its path in the working tree, whether it is there or not.
        path: where its bytes are.
        md5: of its bytes.
    """

    name: str
    path: str
    md5: str


@dataclass(frozen=True)
class _Out:
    """One entry of a pointer or of `dvc.lock`; DVC before 3 counts Windows' line ends of texts as Unix' (`loose`)."""

    path: Path
    md5: str
    loose: bool


def is_pointer(path: str) -> bool:
    """Whether a path is that of a pointer."""
    return not is_address(path) and path.endswith(POINTER) and Path(path).name != POINTER


def pointed(pointer: str) -> list[Pointed]:
    """The files that a pointer names, where their bytes are, in the order of their names.

    Raises:
        UsageError: it cannot be read, or names no MD5; or its data are neither beside it nor in DVC's cache.
    """
    found = [each for out in _outs_of(Path(pointer)) for each in _found(out, pointer)]
    if not found:
        raise UsageError(f"{pointer} names no data", f"Make it again: dvc add {pointer.removesuffix(POINTER)}")
    return sorted(found, key=lambda each: each.name)


def tracked(paths: Iterable[str]) -> dict[str, str]:
    """The MD5 of those files that DVC tracks, by path: what a pointer or a `dvc.lock` says of them, and they are.

    A file with other bytes than DVC has recorded is none of them. Nothing is read where there is no DVC repository.

    Args:
        paths: files of an input.
    """
    found: dict[str, str] = {}
    recorded: dict[Path, dict[Path, _Out]] = {}
    for path in paths:
        if is_address(path) or (root := _root(Path(path))) is None:
            continue
        here = Path(path).absolute()
        for folder in _up_to(here.parent, root):
            if folder not in recorded:
                recorded[folder] = {out.path: out for out in _recorded_in(folder)}
        known = [recorded[folder] for folder in _up_to(here.parent, root)]
        with contextlib.suppress(UsageError):
            if md5 := _recorded(here, known, root):
                found[path] = md5
    return found


def _found(out: _Out, pointer: str) -> Iterator[Pointed]:
    if not out.md5.endswith(_DIR):
        yield Pointed(str(out.path), _place_of(out, pointer), out.md5)
        return
    listed = _listed(out, _root(out.path))
    if listed is None:
        raise _missing(out, pointer)
    for name, md5 in listed.items():
        file = _Out(out.path / name, md5, out.loose)
        yield Pointed(str(file.path), _place_of(file, pointer), md5)


def _place_of(out: _Out, pointer: str) -> str:
    """The file that has the bytes of an entry: the working tree's own before the cache's."""
    for path in (out.path, *_cached(out.md5, _root(out.path))):
        if path.is_file() and _has(path, out):
            return str(path)
    raise _missing(out, pointer)


def _missing(out: _Out, pointer: str) -> UsageError:
    where = f"{out.path} holds other bytes" if out.path.exists() else f"there is no {out.path}"
    caches = _caches(_root(out.path))
    cache = f"DVC's cache {caches[0]} has none of them" if caches else f"no DVC repository holds {out.path.parent}"
    return UsageError(
        f"{pointer} names data with the MD5 {out.md5}, but {where}, and {cache}",
        f"Bring them: dvc pull {pointer}"
        + (f". Or record what is there: dvc add {out.path}" if out.path.exists() else ""),
    )


def _listed(out: _Out, root: Path | None) -> dict[str, str] | None:
    """MD5 by name of the files in a folder that DVC tracks as one; None where nothing has a list of that MD5."""
    for path in _cached(out.md5, root):
        if path.is_file() and f"{_md5(path)}{_DIR}" == out.md5:
            with contextlib.suppress(ValueError, KeyError, TypeError):
                listed = {str(each["relpath"]): str(each["md5"]) for each in json.loads(_bytes(path))}
                if all(_is_inside(name) and _MD5.fullmatch(md5) for name, md5 in listed.items()):
                    return listed
    if not out.path.is_dir():
        return None
    files = sorted(path for path in out.path.rglob("*") if path.is_file())
    here = {path.relative_to(out.path).as_posix(): _md5(path, loose=out.loose) for path in files}
    text = json.dumps([{"md5": md5, "relpath": name} for name, md5 in sorted(here.items())], sort_keys=True)
    digest = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
    return here if f"{digest}{_DIR}" == out.md5 else None


def _is_inside(name: str) -> bool:
    return not name.startswith("/") and ".." not in name.split("/")


def _recorded(path: Path, known: list[dict[Path, _Out]], root: Path) -> str:
    """The MD5 that DVC has recorded of a file, if it has those bytes; else empty."""
    for outs in known:
        if (out := outs.get(path)) is not None:
            return out.md5 if _has(path, out) else ""
        for folder in path.parents:
            if (out := outs.get(folder)) is not None and out.md5.endswith(_DIR):
                listed = _listed(out, root) or {}
                md5 = listed.get(path.relative_to(folder).as_posix(), "")
                return md5 if md5 and _has(path, _Out(path, md5, out.loose)) else ""
    return ""


def _recorded_in(folder: Path) -> Iterator[_Out]:
    """What pointers and the lock in a folder say; one that cannot be read says nothing."""
    for path in sorted(folder.glob(f"*{POINTER}")):
        if path.is_file() and path.name != POINTER:
            with contextlib.suppress(UsageError):
                yield from _outs_of(path)
    with contextlib.suppress(UsageError):
        stages = _yaml(folder / _LOCK).get("stages") if (folder / _LOCK).is_file() else None
        for stage in (stages or {}).values() if isinstance(stages, dict) else ():
            for kind in ("deps", "outs"):
                yield from _entries(stage.get(kind) if isinstance(stage, dict) else None, folder)


def _outs_of(pointer: Path) -> list[_Out]:
    try:
        content = _yaml(pointer)
    except FileNotFoundError as error:
        raise UsageError(f"There is no input at {pointer}") from error
    folder = pointer.absolute().parent / str(content.get("wdir") or "")
    found = list(_entries(content.get("outs"), folder))
    if not found:
        raise UsageError(
            f"{pointer} is no pointer of DVC's: it names no path with an MD5 in outs",
            f"Make it again: dvc add {str(pointer).removesuffix(POINTER)}",
        )
    return found


def _entries(entries: Any, folder: Path) -> Iterator[_Out]:
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and _MD5.fullmatch(str(entry.get("md5", ""))) and entry.get("path"):
            path = Path(os.path.normpath(folder / str(entry["path"])))
            yield _Out(path, str(entry["md5"]), loose=entry.get("hash") != "md5")


def _yaml(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(_bytes(path))
    except (yaml.YAMLError, RecursionError) as error:
        raise UsageError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    return content if isinstance(content, dict) else {}


def _bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise UsageError(f"{path} is too large to be one of DVC's files")
        return path.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error


def _root(path: Path) -> Path | None:
    """The DVC repository that a path lies in; None for none."""
    return next((folder for folder in path.absolute().parents if (folder / POINTER).is_dir()), None)


def _up_to(folder: Path, root: Path) -> list[Path]:
    """A folder and those above it, up to the repository's own."""
    return [each for each in (folder, *folder.parents) if each == root or root in each.parents]


def _cached(md5: str, root: Path | None) -> list[Path]:
    """Where the cache has the bytes of an MD5, if it has them: as DVC 3 keeps them, and as earlier ones did."""
    caches = _caches(root)
    return [cache / way / md5[:2] / md5[2:] for cache in caches for way in ("files/md5", "")]


def _caches(root: Path | None) -> list[Path]:
    if root is None:
        return []
    home, given = root / POINTER, ""
    for name in ("config", "config.local"):  # the latter is a machine's own, and wins
        config = configparser.ConfigParser(strict=False, interpolation=None)
        with contextlib.suppress(configparser.Error, OSError, UnicodeDecodeError):
            config.read(home / name, encoding="utf-8")
            given = config.get("cache", "dir", fallback=given)
    return [Path(os.path.normpath(home / given)) if given else home / "cache"]


def _has(path: Path, out: _Out) -> bool:
    wanted = out.md5
    return _md5(path) == wanted or (out.loose and _md5(path, loose=True) == wanted)


def _md5(path: Path, *, loose: bool = False) -> str:
    """MD5 of a file, of a text with Unix' line ends where `loose`; one that is as it was is not read a second time."""
    before = inputs.identity(str(path))
    if (before, loose) in _known:
        return _known[before, loose]
    digest = hashlib.md5(usedforsecurity=False)
    with inputs.open_read(str(path)) as file:
        text = loose and b"\0" not in file.peek(512)[:512]  # type: ignore[attr-defined]
        while chunk := file.read(_CHUNK):
            digest.update(chunk.replace(b"\r\n", b"\n") if text else chunk)
    if before.settled and inputs.identity(str(path)) == before:
        _known[before, loose] = digest.hexdigest()
    return digest.hexdigest()
