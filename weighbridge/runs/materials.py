"""The bill of materials that is attested with a pushed model."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from weighbridge.attestation.statements import BOM
from weighbridge.common.errors import UsageError
from weighbridge.runs.models import destinations_in, find_model


def attested_materials(text: str, workdir: str | Path) -> Mapping[str, Any]:
    """What a pushed model is made of, as it was stated when it was weighed: a CycloneDX document.

    It is read, not verified.

    Args:
        text: a model, as `find_model` takes it.
        workdir: where names of pipelines and digests are looked up.

    Raises:
        UsageError: there is no such model, nothing is attested with it, or nothing of what it is made of.
        InfrastructureError: the store cannot be reached.
    """
    found = find_model(text, destinations_in(workdir))
    attested = found.attested()
    stated = attested.others.get(BOM) if attested else None
    if stated is None:
        raise UsageError(
            f"Nothing tells what {found.path} is made of",
            "It was pushed by an earlier version, or weighed by another Evaluator. Run its pipeline again; "
            "`weighbridge sbom` without a model lists this environment.",
        )
    return stated.predicate
