"""The licences in a document, a row for each library, Python and package: what people and machines read of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from weighbridge.sbom.components import OWN
from weighbridge.sbom.kinds import kind_of
from weighbridge.sbom.licences import NOT_TOLD, Licence

BASE_SYSTEM = "base system"
"""What stands for a kind at packages of the operating system: their distributor ships them, with their sources."""

_LISTED = ("library", "platform")
_ALLOWED = ("permissive", "weak copyleft", BASE_SYSTEM)


@dataclass(frozen=True)
class Listed:
    """One row.

    Attributes:
        name: of the distribution or package.
        version: of it.
        licence: SPDX expression, else its own words, else `not told`.
        kind: what the licence asks, see `weighbridge.sbom.kinds`; `base system` for a package of the system.
        source: what the licence was told by; empty where nothing tells it.
        purl: package URL; empty for what was installed from a folder.
    """

    name: str
    version: str
    licence: str
    kind: str
    source: str
    purl: str

    @property
    def settled(self) -> bool:
        """Whether the licence is told, and of a kind that this project ships without looking again."""
        return self.licence != NOT_TOLD and self.kind in _ALLOWED

    @property
    def order(self) -> tuple[int, bool, str]:
        """What is not told comes first, then what somebody must look at, then all others by name."""
        rank = 0 if self.licence == NOT_TOLD else 2 if self.settled else 1
        return rank, self.kind == BASE_SYSTEM, self.name.lower()


def listed(document: Mapping[str, Any]) -> list[Listed]:
    """The licences of all libraries, packages and Pythons in a CycloneDX document; none is left out."""
    parts = [part for part in document.get("components", []) if part.get("type") in _LISTED and part.get("version")]
    return sorted(map(_row, parts), key=lambda row: row.order)


def _row(part: Mapping[str, Any]) -> Listed:
    own = {each["name"].removeprefix(OWN): each["value"] for each in part.get("properties", [])}
    licence = _licence(part.get("licenses", []))
    purl = part.get("purl", "")
    system = purl.startswith("pkg:deb/")
    return Listed(
        name=part["name"],
        version=part["version"],
        licence=licence.told,
        kind=BASE_SYSTEM if system else kind_of(licence),
        source=own.get("licence_source", "copyright file" if system and licence.names else ""),
        purl=purl,
    )


def _licence(entries: list[Mapping[str, Any]]) -> Licence:
    if len(entries) == 1:
        [entry] = entries
        expression = entry.get("expression") or entry.get("license", {}).get("id", "")
        if expression:
            return Licence(expression)
    words = [entry.get("license", {}) for entry in entries]
    return Licence(names=tuple(found for word in words if (found := word.get("name") or word.get("id"))))
