"""The distributions that the running Python has installed: versions, licences, what needs what, digests of files."""

import functools
import hashlib
import json
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.message import Message
from email.parser import HeaderParser
from importlib import metadata
from pathlib import Path
from typing import Any

from weighbridge.common.pinned import normalized
from weighbridge.sbom.licences import Licence, licence_of

_BY_INSTALLER = re.compile(
    r"\.dist-info/(?:INSTALLER|REQUESTED|RECORD|direct_url\.json|uv_cache\.json|uv_build\.json),"
)
_NAME = re.compile(r"\s*([A-Za-z0-9][\w.-]*)\s*(?:\[([^\]]*)\])?")


@dataclass(frozen=True)
class Distribution:
    """One installed distribution.

    Attributes:
        name: as it calls itself.
        key: the name as PEP 503 compares it.
        version: that is installed.
        summary: one line about it; may be empty.
        licence: as far as it can be told.
        needs: keys of the installed distributions that it needs, for the extras that others ask of it; sorted.
        files_sha256: SHA-256 in hex of the names and digests of its files by its RECORD, without those that an
            installer writes: the same archive gives the same. Empty where it has no RECORD, as an editable install.
        archive_sha256: SHA-256 in hex of the one archive that it was installed from; empty where that is not known.
        at: address of the archive or repository that it was installed from (PEP 610); empty for an index or a folder.
        local: whether it was installed from a folder, as a checkout is.
    """

    name: str
    key: str
    version: str
    summary: str
    licence: Licence
    needs: tuple[str, ...]
    files_sha256: str = ""
    archive_sha256: str = ""
    at: str = ""
    local: bool = False


def installed() -> tuple[Distribution, ...]:
    """The distributions on the path of this process, by key; the first of a name counts. Read once per path."""
    return _installed(tuple(sys.path))


@functools.lru_cache(maxsize=4)
def _installed(path: tuple[str, ...]) -> tuple[Distribution, ...]:
    found: dict[str, tuple[metadata.Distribution, Message]] = {}
    for each in metadata.distributions(path=list(path)):
        head = _head(each)
        name = head.get("Name")
        if name:
            found.setdefault(normalized(name), (each, head))
    needs = needed({key: head.get_all("Requires-Dist") or [] for key, (_, head) in found.items()})
    return tuple(_distribution(key, *found[key], needs[key]) for key in sorted(found))


def _distribution(key: str, each: metadata.Distribution, head: Message, needs: Iterable[str]) -> Distribution:
    direct = _direct_url(each)
    editable = bool(direct.get("dir_info", {}).get("editable"))
    return Distribution(
        name=head["Name"],
        key=key,
        version=head.get("Version", ""),
        summary=_one_line(head.get("Summary", "")),
        licence=licence_of(key, head, each),
        needs=tuple(sorted(needs)),
        files_sha256="" if editable else files_sha256(_text(each, "RECORD")),
        archive_sha256=direct.get("archive_info", {}).get("hashes", {}).get("sha256", ""),
        at="" if "dir_info" in direct else direct.get("url", ""),
        local="dir_info" in direct,
    )


def _head(distribution: metadata.Distribution) -> Message:
    """The fields of METADATA. What follows the first empty line is the project's description, often the larger part.

    Where it cannot be read, its folder tells name and version: what is broken is installed all the same.
    """
    text = (_text(distribution, "METADATA") or _text(distribution, "PKG-INFO")).replace("\r\n", "\n")
    head = HeaderParser().parsestr(text.partition("\n\n")[0])
    if not head.get("Name"):
        folder = Path(str(getattr(distribution, "_path", ""))).name
        name, _, version = folder.removesuffix(".dist-info").removesuffix(".egg-info").partition("-")
        head = HeaderParser().parsestr(f"Name: {name}\nVersion: {version}\n") if name else head
    return head


def _text(distribution: metadata.Distribution, file: str) -> str:
    try:
        return distribution.read_text(file) or ""
    except (OSError, ValueError):  # no UTF-8, for one
        return ""


def files_sha256(record: str) -> str:
    """SHA-256 in hex of the lines of a RECORD that its archive brought, in sorted order; empty where there are none.

    An installer adds its own lines: programs outside the library's folder, compiled bytecode, who installed and why.
    """
    lines = [
        line
        for line in record.splitlines()
        if not line.startswith(("../", "/"))
        and ",sha256=" in line
        and ".pyc," not in line
        and not (".dist-info/" in line and _BY_INSTALLER.search(line))
    ]
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest() if lines else ""


def needed(requirements: Mapping[str, Iterable[str]]) -> dict[str, set[str]]:
    """What each installed distribution needs of the others, in this Python.

    Args:
        requirements: texts of `Requires-Dist`, by key. Those of an extra count where another distribution asks for it.

    Returns:
        The keys of installed distributions, by key.
    """
    needs: dict[str, set[str]] = {key: set() for key in requirements}
    extras: dict[str, set[str]] = {key: set() for key in requirements}
    waiting = set(requirements)
    while waiting:
        key = waiting.pop()
        for text in requirements[key]:
            if not _holds(text, extras[key]):
                continue
            name, asked = _named(text)
            if name not in requirements or name == key:
                continue
            needs[key].add(name)
            if not asked <= extras[name]:
                extras[name] |= asked
                waiting.add(name)
    return needs


def _named(text: str) -> tuple[str, set[str]]:
    found = _NAME.match(text)
    if found is None:
        return "", set()
    return normalized(found[1]), {normalized(extra) for extra in (found[2] or "").split(",") if extra.strip()}


def _holds(text: str, extras: set[str]) -> bool:
    """Whether a requirement applies in this Python to a distribution that is asked for with `extras`."""
    marker = text.partition(";")[2]
    if not marker.strip():
        return True
    if "extra" in marker and not extras:  # most of all requirements: not worth taking apart
        return False
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        parsed = Requirement(text).marker
    except InvalidRequirement:
        return False
    return parsed is None or any(parsed.evaluate({"extra": extra}) for extra in sorted(extras) or [""])


def _direct_url(distribution: metadata.Distribution) -> dict[str, Any]:
    try:
        found = json.loads(_text(distribution, "direct_url.json") or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _one_line(text: str) -> str:
    return " ".join(text.split())
