"""Whole CycloneDX 1.6 documents. The same environment and the same model give the same document, byte for byte.

A document has no time of its own unless it is given one, and its serial number is derived from its content (RFC 9562,
version 5).
"""

import functools
import json
import re
import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from weighbridge import __version__
from weighbridge.common.errors import UsageError
from weighbridge.common.pinned import lock_of, normalized
from weighbridge.sbom import components, system
from weighbridge.sbom.components import Component
from weighbridge.sbom.distributions import Distribution, installed
from weighbridge.sbom.model import data_components, data_refs, model_component
from weighbridge.verdict import Verdict

if TYPE_CHECKING:
    from weighbridge.evidence.provenance import Provenance

SPEC_VERSION = "1.6"
MEDIA_TYPE = "application/vnd.cyclonedx+json; version=1.6"
PREDICATE_TYPE = "https://cyclonedx.org/bom"
ENVIRONMENT = "environment"
TRAINING = "training"

_LOCKED = re.compile(r"^([A-Za-z0-9][\w.-]*)(?:\[[^]]*\])?==([^\s;\\]+)(.*(?:\n .*)*)", re.MULTILINE)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def environment_bom(*, with_system: bool | None = None, made_at: datetime | None = None) -> dict[str, Any]:
    """The bill of materials of the environment that this process runs in.

    It has the installed distributions with the archives that the lock allows for each, the Python, and where it runs in
    an image that image, the operating system and its Debian packages.

    Args:
        with_system: whether to list the Debian packages; None: where the process runs in a container.
        made_at: time to write into it; None for none, so that the same environment gives the same bytes.
    """
    parts, needs, roots = _environment(system.in_container() if with_system is None else with_system, archives=True)
    image = system.image()
    subject: Component = (
        components.container(image)
        if image
        else {"type": "platform", "bom-ref": ENVIRONMENT, "name": "Python environment"}
    )
    needs[subject["bom-ref"]] = set(roots)
    return _document(subject, parts, needs, made_at)


def bom_of(
    provenance: "Provenance",
    verdict: Verdict,
    *,
    name: str = "",
    version: str = "",
    files: Mapping[str, str] | None = None,
    with_system: bool | None = None,
    made_at: datetime | None = None,
) -> dict[str, Any]:
    """The bill of materials of a model: itself, its data, what trained it, and the environment that writes this.

    The environment is that of this process, as a whole. What the training process told of its own libraries, Python and
    image comes on top where it differs, marked `weighbridge:environment` = `training`; the model depends on those of
    the training. Where the training told nothing, the document says that what the model depends on is incomplete.

    Args:
        provenance: where the model comes from.
        verdict: of the run that weighed it.
        name: of the model; the pipeline's by default.
        version: that it is pushed as; the run's id by default.
        files: digest (`sha256:…`) of each of its files, by relative name, where they are to be listed.
        with_system: whether to list the Debian packages; None: where the process runs in a container.
        made_at: time to write into it; None for none.
    """
    parts, needs, roots = _environment(system.in_container() if with_system is None else with_system, archives=False)
    subject = model_component(provenance, verdict, name=name, version=version, files=files)
    data = data_components(provenance)
    trained_with = _training(provenance, parts)
    needs[ENVIRONMENT] = set(roots)
    needs[subject["bom-ref"]] = {*data_refs(provenance), *trained_with}
    image = system.image()
    if image and not any(part["bom-ref"] == f"image:{image}" for part in parts):
        parts.append(components.container(image))
    parts.append({"type": "platform", "bom-ref": ENVIRONMENT, "name": "Python environment that wrote this"})
    document = _document(subject, [*parts, *data], needs, made_at)
    if provenance.training is None or not provenance.training.software.libraries:
        document["compositions"] = [{"aggregate": "incomplete", "dependencies": [subject["bom-ref"]]}]
    return _numbered(document)


def text_of(document: Mapping[str, Any]) -> str:
    """A document as it is written: the same document, the same text."""
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _training(provenance: "Provenance", parts: list[Component]) -> list[str]:
    """What trained the model; what this environment does not have is added to `parts`."""
    software = provenance.training.software if provenance.training else None
    if software is None:
        return []
    wanted = [
        components.told_library(name, version)
        for name, version in sorted(software.libraries.items())
        if normalized(name) != "python"
    ]
    wanted += [components.python(software.python)] if software.python else []
    wanted += [components.container(software.image)] if software.image else []
    here = {part["bom-ref"] for part in parts}
    for part in wanted:
        if part["bom-ref"] not in here:
            parts.append(part | components.properties({"environment": TRAINING}))
    return [part["bom-ref"] for part in wanted]


def _environment(with_system: bool, *, archives: bool) -> tuple[list[Component], dict[str, set[str]], list[str]]:
    """Components of this environment, what needs what, and what nothing else of it needs; for the caller to add to."""
    parts, needs, roots = _described(installed(), with_system, archives)
    return list(parts), dict(needs), list(roots)


@functools.lru_cache(maxsize=4)
def _described(
    found: tuple[Distribution, ...], with_system: bool, archives: bool
) -> tuple[list[Component], dict[str, set[str]], list[str]]:
    allowed = _archives() if archives else {}
    refs = {each.key: components.ref_of(each) for each in found}
    parts = [components.library(each, allowed.get((each.key, each.version), ()), brief=not archives) for each in found]
    python = components.python()
    needs = {refs[each.key]: {refs[key] for key in each.needs} for each in found}
    roots = [python["bom-ref"], *sorted(set(refs.values()).difference(*needs.values()))]
    parts.append(python)
    if with_system:
        below = system.system()
        packages = [components.debian(each, below) for each in system.packages()]
        parts += packages
        if below is not None:
            base = components.operating_system(below)
            parts.append(base)
            needs[base["bom-ref"]] = {each["bom-ref"] for each in packages}
            roots.append(base["bom-ref"])
        else:
            roots += [each["bom-ref"] for each in packages]
    return parts, needs, roots


@functools.cache
def _archives() -> dict[tuple[str, str], list[str]]:
    """SHA-256 of the archives that the lock of this Python allows, by normalized name and version."""
    try:
        text = lock_of().read_text(encoding="utf-8")
    except (UsageError, OSError):
        return {}
    return {(normalized(name), version): _HASH.findall(rest) for name, version, rest in _LOCKED.findall(text)}


def _document(
    subject: Component, parts: Iterable[Component], needs: Mapping[str, set[str]], made_at: datetime | None
) -> dict[str, Any]:
    listed = sorted({part["bom-ref"]: part for part in parts}.values(), key=lambda part: part["bom-ref"])
    known = {part["bom-ref"] for part in listed} | {subject["bom-ref"]}
    metadata: dict[str, Any] = {
        "tools": {"components": [{"type": "application", "name": "weighbridge", "version": __version__}]},
        "component": subject,
    }
    if made_at is not None:
        metadata["timestamp"] = made_at.isoformat()
    dependencies = [
        {"ref": ref, **({"dependsOn": sorted(wanted)} if (wanted := needs.get(ref, set()) & known) else {})}
        for ref in sorted(known)
    ]
    return _numbered(
        {
            "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
            "bomFormat": "CycloneDX",
            "specVersion": SPEC_VERSION,
            "version": 1,
            "metadata": metadata,
            "components": listed,
            "dependencies": dependencies,
        }
    )


def _numbered(document: dict[str, Any]) -> dict[str, Any]:
    """The document with the serial number of its content."""
    content = {name: value for name, value in document.items() if name != "serialNumber"}
    number = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(content, sort_keys=True, ensure_ascii=False, allow_nan=False))
    head = {name: content[name] for name in ("$schema", "bomFormat", "specVersion")}
    return head | {"serialNumber": f"urn:uuid:{number}"} | content
