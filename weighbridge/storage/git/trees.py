"""The files of one folder in a commit: read all at once, and replaced in a new commit, without any checkout."""

import difflib
from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

from weighbridge.common.errors import UsageError
from weighbridge.storage.git.address import GitAddress
from weighbridge.storage.git.partial import bring_files
from weighbridge.storage.git.program import Git, GitFailure

# Larger than any that people or we write there.
_LARGEST = 1024 * 1024
_LINK, _FILE, _MODULE = "120000", "100644", "160000"

Files = Mapping[str, bytes]


def files_in(git: Git, commit: str, address: GitAddress) -> dict[str, bytes]:
    """The files right in the folder of an address, by name; larger ones than any of ours are left out.

    Raises:
        UsageError: there is no such folder, or it is no folder.
        GitFailure: the copy is broken.
    """
    if address.folder:
        _check_folder(git, commit, address)
    tree = f"{commit}:{address.folder}"
    there = [oid for mode, kind, oid, _, _ in _listed(git, tree) if kind == "blob" and mode != _LINK]
    bring_files(git, ["--no-walk", commit], address.folder, there)
    listed = _listed(git, tree, "-l")  # sizes are known of what is here alone
    small = {name: oid for mode, kind, oid, size, name in listed if oid in there and int(size) <= _LARGEST}
    read = contents(git, list(dict.fromkeys(small.values())))
    # A link leads to what nobody reviewed here; as an empty file it is refused by whoever reads it.
    links = {name: b"" for mode, _, _, _, name in listed if mode == _LINK}
    return links | {name: read[oid] for name, oid in small.items()}


def tree_with(git: Git, commit: str, address: GitAddress, changes: Mapping[str, bytes | None]) -> str:
    """Name of the tree of a commit, with files of the folder replaced, added, or (None) removed.

    Raises:
        GitFailure: the copy is broken, or the disk is full.
    """
    index = git.folder / f"index-{uuid4().hex[:12]}"
    environment = {"GIT_INDEX_FILE": str(index)}
    lines = []
    for name, data in sorted(changes.items()):
        path = "/".join(part for part in (address.folder, name) if part)
        if data is None:
            lines.append(f"0 {'0' * 40}\t{path}")
        else:
            lines.append(f"{_FILE} {git.text('hash-object', '-w', '--stdin', data=data)}\t{path}")
    try:
        git("read-tree", commit, environment=environment)
        git("update-index", "-z", "--index-info", data="\0".join([*lines, ""]).encode(), environment=environment)
        return git("write-tree", "--missing-ok", environment=environment).decode().strip()
    finally:
        for left in (index, Path(f"{index}.lock")):
            left.unlink(missing_ok=True)


def _check_folder(git: Git, commit: str, address: GitAddress) -> None:
    found = _listed(git, commit, address.folder)
    if not found:
        raise UsageError(
            f"There is no folder {address}{_near(git, commit, address.folder)}", "Name the folder behind //."
        )
    [(mode, kind, *_)] = found
    if kind != "tree":
        what = {_LINK: "a link", _MODULE: "a submodule"}.get(mode, "a file")
        raise UsageError(f"{address} is {what}, not a folder", "Name the folder that weighbridge.yaml is in.")


def _near(git: Git, commit: str, folder: str) -> str:
    parent = folder.rpartition("/")[0]
    names = [
        name for _, kind, _, _, name in _listed(git, commit, *([f"{parent}/"] if parent else [])) if kind == "tree"
    ]
    close = difflib.get_close_matches(folder, names, n=1)
    if close:
        return f"; did you mean {close[0]}?"
    return f"; folders there: {', '.join(names[:10])}" if names else ""


def _listed(git: Git, tree: str, *rest: str) -> list[tuple[str, str, str, str, str]]:
    """Mode, kind, object, size and name of what is in a tree; names as they are, without quotes."""
    options = [each for each in rest if each == "-l"]
    paths = [each for each in rest if each != "-l"]
    entries = git("ls-tree", "-z", *options, tree, *(["--", *paths] if paths else [])).decode(errors="surrogateescape")
    found = []
    for entry in entries.split("\0")[:-1]:
        told, _, name = entry.partition("\t")
        mode, kind, oid, *size = told.split()
        found.append((mode, kind, oid, size[0] if size else "-", name))
    return found


def contents(git: Git, oids: list[str]) -> dict[str, bytes]:
    """The bytes of objects, by their names.

    Raises:
        GitFailure: one is missing, or the copy is broken.
    """
    if not oids:
        return {}
    answer = git("cat-file", "--batch", data="\n".join([*oids, ""]).encode())
    found, place = {}, 0
    for oid in oids:
        end = answer.index(b"\n", place)
        told = answer[place:end].split()
        if len(told) != 3:
            raise GitFailure(128, "", f"error: {answer[place:end].decode(errors='replace')}")
        size = int(told[2])
        found[oid] = answer[end + 1 : end + 1 + size]
        place = end + size + 2
    return found
