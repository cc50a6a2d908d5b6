"""Atomic writes: stage beside the target, sync, rename. A killed process leaves the old state or the new one."""

import contextlib
import json
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

STAGED_PREFIX = ".staged-"


@contextlib.contextmanager
def staged_file(path: str | Path) -> Iterator[Path]:
    """Yield a new name beside `path`, creating parent folders; what is there replaces `path` when the block ends.

    Raises:
        OSError: the disk is full or the folder cannot be written; `path` is then as it was, as after any error.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    staged = _staged_name(path)
    try:
        yield staged
        _fsync(staged)
        staged.replace(path)
    except BaseException:
        staged.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def write_bytes(path: str | Path, data: bytes) -> Path:
    """Replace `path` by `data` in one step, creating parent folders.

    Raises:
        OSError: the disk is full or the folder cannot be written; `path` is then as it was.
    """
    with staged_file(path) as staged:
        staged.write_bytes(data)
    return Path(path)


def write_text(path: str | Path, text: str) -> Path:
    """Replace `path` by UTF-8 `text` in one step."""
    return write_bytes(path, text.encode())


def json_text(value: Any) -> str:
    """`value` as indented JSON with sorted keys: the same value, the same text. NaN is refused (ValueError)."""
    return json.dumps(value, indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False) + "\n"


def write_json(path: str | Path, value: Any) -> Path:
    """Replace `path` by `json_text(value)` in one step."""
    return write_text(path, json_text(value))


@contextlib.contextmanager
def staged_folder(target: str | Path) -> Iterator[Path]:
    """Yield an empty folder beside `target` that becomes `target` when the block ends without an error.

    Raises:
        FileExistsError: `target` is there and not empty; the staged folder is removed, `target` stays.
    """
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    staged = _staged_name(target)
    staged.mkdir()
    try:
        yield staged
        sync_tree(staged)
        try:
            staged.rename(target)
        except OSError as error:  # ENOTEMPTY and EEXIST differ between filesystems
            raise FileExistsError(f"{target} already exists") from error
    except BaseException:
        shutil.rmtree(staged, ignore_errors=True)
        raise
    sync_folder(target.parent)


def copy_tree(source: str | Path, target: str | Path) -> None:
    """Copy the files and folders below `source` into `target`, which is created.

    Owners, times and permissions are not copied: whoever may read what is written to `target` may read the copy.
    The first error ends it, so that a full disk is reported as such.
    """
    source, target = Path(source), Path(target)
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted(source.rglob("*")):
        copied = target / path.relative_to(source)
        if path.is_dir():
            copied.mkdir(exist_ok=True)
        else:
            shutil.copyfile(path, copied)


def odd_one(folder: str | Path) -> str:
    """What is neither a file nor a folder of its own below `folder`, in words; empty where there is no such thing.

    A link's content lies elsewhere and may change there; links to folders are followed by some programs only.
    """
    for parent, folders, names in os.walk(folder):
        for name in sorted(folders + names):
            path = Path(parent, name)
            where = path.relative_to(folder).as_posix()
            if path.is_symlink():
                return f"{where} is a link to {path.readlink()}"
            if not path.is_dir() and not path.is_file():
                return f"{where} is neither a file nor a folder"
    return ""


def sync_tree(folder: Path) -> None:
    """Force every file and folder below `folder` to disk."""
    for parent, _, names in os.walk(folder):
        for name in names:
            _fsync(Path(parent, name))
        sync_folder(Path(parent))


def sync_folder(folder: Path) -> None:
    """Force a folder's entries to disk, so that a rename in it survives a power cut."""
    _fsync(folder)


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _staged_name(target: Path) -> Path:
    return target.with_name(f"{STAGED_PREFIX}{target.name}-{uuid.uuid4().hex[:12]}")
