"""What lies below Python: the image that a process runs in, and the Debian packages in it."""

import functools
import os
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from weighbridge.common.environment import IMAGE_VARIABLE

_SHORT_NAME = re.compile(r"^License:[ \t]*(\S[^\n]*)$", re.MULTILINE)
_FORMAT = "Format:"
_VARIABLES = ("KUBERNETES_SERVICE_HOST", "container")

LEFT_IN_IMAGE = "sbom.cdx.json"
"""What the image brings in its environment's folder, see infra/docker/Dockerfile."""


@dataclass(frozen=True)
class Package:
    """A Debian package that is installed.

    Attributes:
        name: of the package.
        version: with epoch and revision, as dpkg compares it.
        architecture: such as `amd64` or `all`.
        source: name of the source package, which advisories speak of.
        licences: short names in its machine-readable copyright file, sorted; empty where there is none such.
    """

    name: str
    version: str
    architecture: str
    source: str
    licences: tuple[str, ...] = ()


@dataclass(frozen=True)
class System:
    """The operating system by its `os-release`.

    Attributes:
        id: such as `debian`.
        version: such as `12`; may be empty.
        name: for people.
    """

    id: str
    version: str
    name: str


def in_container() -> bool:
    """Whether this process runs in a container, as podman, docker and Kubernetes say themselves, or our image does.

    Podman's mark is a file that a read-only root hides, and its variable may be taken away.
    """
    marks = (Path("/run/.containerenv"), Path("/.dockerenv"), Path(sys.prefix, LEFT_IN_IMAGE))
    return any(name in os.environ for name in _VARIABLES) or any(mark.exists() for mark in marks)


def image() -> str:
    """The image that this process runs in, with its digest, as it was told; empty outside a container."""
    return os.environ.get(IMAGE_VARIABLE, "") if in_container() else ""


def system(root: Path = Path("/")) -> System | None:
    """The operating system below `root`; None where it does not say what it is."""
    try:
        text = (root / "etc/os-release").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = {
        name: value.strip().strip("\"'") for name, _, value in (line.partition("=") for line in text.splitlines())
    }
    if not fields.get("ID"):
        return None
    return System(fields["ID"], fields.get("VERSION_ID", ""), fields.get("PRETTY_NAME") or fields["ID"])


@functools.lru_cache(maxsize=4)
def packages(root: Path = Path("/")) -> tuple[Package, ...]:
    """The packages below `root` that dpkg knows as installed, by name; none where there is no dpkg. Read once."""
    found = {
        (fields["Package"], fields.get("Architecture", "")): fields
        for fields in _stanzas(_status_files(root / "var/lib/dpkg"))
        if "Package" in fields and "Version" in fields and fields.get("Status", "ok installed").endswith(" installed")
    }
    return tuple(
        Package(name, fields["Version"], architecture, _source(fields), _licences(root, name))
        for (name, architecture), fields in sorted(found.items())
    )


def _status_files(folder: Path) -> Iterator[Path]:
    """The status of all packages; images without a package manager keep a file for each."""
    yield folder / "status"
    if (folder / "status.d").is_dir():
        yield from sorted(path for path in (folder / "status.d").iterdir() if path.suffix != ".md5sums")


def _stanzas(paths: Iterable[Path]) -> Iterator[dict[str, str]]:
    for path in paths:
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        for stanza in text.split("\n\n"):
            lines = [line.partition(":") for line in stanza.splitlines() if line[:1] not in ("", " ", "\t")]
            yield {name: value.strip() for name, colon, value in lines if colon}


def _source(fields: dict[str, str]) -> str:
    return fields.get("Source", "").partition(" ")[0] or fields["Package"]


def _licences(root: Path, package: str) -> tuple[str, ...]:
    try:
        text = (root / "usr/share/doc" / package / "copyright").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ()
    if not text.lstrip().startswith(_FORMAT):
        return ()
    return tuple(sorted({" ".join(name.split()) for name in _SHORT_NAME.findall(text)}))
