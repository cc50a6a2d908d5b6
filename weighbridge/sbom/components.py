"""CycloneDX components for what is installed: distributions, Python, Debian packages, the image."""

import platform
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from weighbridge.common.text import clean, mask
from weighbridge.sbom.distributions import Distribution
from weighbridge.sbom.licences import Licence
from weighbridge.sbom.system import Package, System

Component = dict[str, Any]
OWN = "weighbridge:"
"""What the names of our own properties begin with."""

_DIGEST = re.compile(r"sha256:([0-9a-f]{64})$")


def library(distribution: Distribution, archives: Iterable[str] = (), *, brief: bool = False) -> Component:
    """A distribution.

    Args:
        distribution: that is installed. One from a folder has no package URL: PyPI's of that name is another.
        archives: SHA-256 in hex of the archives of this version that the lock allows.
        brief: leave out what it says of itself.
    """
    made: Component = {
        "type": "library",
        "bom-ref": ref_of(distribution),
        "name": distribution.name,
        "version": distribution.version,
        **({} if distribution.local else {"purl": pypi(distribution.name, distribution.version)}),
        **licences(distribution.licence),
        **properties(
            {
                "files_sha256": distribution.files_sha256,
                "licence": "" if distribution.licence.source else distribution.licence.told,
                "licence_source": distribution.licence.source,
            }
        ),
    }
    if distribution.summary and not brief:
        made["description"] = clean(distribution.summary)
    if distribution.archive_sha256:
        made["hashes"] = [sha256(distribution.archive_sha256)]
    listed = sorted(archives)
    if listed:
        made["externalReferences"] = [
            {
                "type": "distribution",
                "url": f"https://pypi.org/project/{distribution.key}/{quote(distribution.version)}/",
                "comment": "the archives of this version that the lock file allows",
                "hashes": [sha256(each) for each in listed],
            }
        ]
    elif distribution.at:
        url = quote(mask(distribution.at), safe="%/:=&?~#+!$,;'@()*")
        made["externalReferences"] = [{"type": "distribution", "url": url}]
    return made


def told_library(name: str, version: str) -> Component:
    """A distribution that is known by name and version alone: another process had it."""
    purl = pypi(name, version)
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}


def python(version: str = "") -> Component:
    """The Python of this version; by default the one that runs."""
    version = version or platform.python_version()
    return {
        "type": "platform",
        "bom-ref": f"pkg:generic/python@{version}",
        "name": "Python",
        "version": version,
        "purl": f"pkg:generic/python@{version}",
        "cpe": f"cpe:2.3:a:python:python:{version}:*:*:*:*:*:*:*",
        "licenses": [{"license": {"id": "PSF-2.0", "acknowledgement": "declared"}}],
    }


def debian(package: Package, system: System | None) -> Component:
    """A Debian package; advisories are looked up by `distro` and by the source package (`upstream`)."""
    vendor = system.id if system else "debian"
    wanted = {
        "arch": package.architecture,
        "distro": f"{system.id}-{system.version}" if system and system.version else "",
        "upstream": "" if package.source == package.name else package.source,
    }
    qualifiers = "&".join(f"{name}={quote(value, safe='')}" for name, value in sorted(wanted.items()) if value)
    purl = f"pkg:deb/{vendor}/{quote(package.name, safe='')}@{quote(package.version, safe='')}?{qualifiers}"
    made: Component = {
        "type": "library",
        "bom-ref": f"deb:{package.name}:{package.architecture}@{package.version}",
        "name": package.name,
        "version": package.version,
        "purl": purl,
    }
    if package.licences:
        # One entry: an image has thousands of such names, and none of them is SPDX's.
        made["licenses"] = [{"license": {"name": "; ".join(package.licences), "acknowledgement": "declared"}}]
    return made


def operating_system(system: System) -> Component:
    """The operating system."""
    made: Component = {
        "type": "operating-system",
        "bom-ref": f"os:{system.id}-{system.version}",
        "name": system.id,
        "description": system.name,
    }
    return made | ({"version": system.version} if system.version else {})


def container(image: str) -> Component:
    """An image by its name, with or without a digest."""
    name, _, digest = image.partition("@")
    found = _DIGEST.fullmatch(digest)
    short = name.rpartition("/")[2].partition(":")[0]
    made: Component = {"type": "container", "bom-ref": f"image:{image}", "name": name}
    if found:
        made["version"] = digest
        made["hashes"] = [sha256(found[1])]
        where = quote(name.rpartition(":")[0] if ":" in name.rpartition("/")[2] else name, safe="")
        made["purl"] = f"pkg:oci/{quote(short.lower(), safe='')}@{quote(digest, safe='')}?repository_url={where}"
    return made


def licences(licence: Licence) -> dict[str, Any]:
    """`licenses` of a component; none where nothing is told, which the property `weighbridge:licence` then says."""
    from cyclonedx.spdx import is_supported_id

    how = "concluded" if licence.source in ("licence file", "reviewed") else "declared"
    if licence.expression and is_supported_id(licence.expression):
        return {"licenses": [{"license": {"id": licence.expression, "acknowledgement": how}}]}
    if licence.expression:
        return {"licenses": [{"expression": licence.expression, "acknowledgement": how}]}
    if licence.names:
        return {"licenses": [{"license": {"name": clean(name), "acknowledgement": how}} for name in licence.names]}
    return {}


def pypi(name: str, version: str) -> str:
    """The package URL of a distribution of PyPI; other than PEP 503 it leaves dots as they are."""
    return f"pkg:pypi/{quote(name.lower().replace('_', '-'), safe='')}@{quote(version, safe='')}"


def ref_of(distribution: Distribution) -> str:
    """What a document calls a distribution."""
    purl = pypi(distribution.name, distribution.version)
    return purl.removeprefix("pkg:pypi/") if distribution.local else purl


def sha256(content: str) -> dict[str, str]:
    """A hash as CycloneDX writes it."""
    return {"alg": "SHA-256", "content": content}


def hashes(digest: str) -> dict[str, Any]:
    """`hashes` of a component from a digest of ours, `sha256:…`; none for anything else."""
    found = _DIGEST.fullmatch(digest)
    return {"hashes": [sha256(found[1])]} if found else {}


def properties(values: Mapping[str, object]) -> dict[str, Any]:
    """`properties` of our own, in the order of their names; empty ones are left out."""
    listed = [
        {"name": f"{OWN}{name}", "value": clean(mask(str(value)))}
        for name, value in sorted(values.items())
        if value not in ("", None)
    ]
    return {"properties": listed} if listed else {}
