"""Writes what is attested with a version: `attestations.intoto.jsonl`, and `model.sig` where it is signed."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from weighbridge.attestation.manifest import Manifest
from weighbridge.attestation.signer import Signer, bundle_json, unsigned
from weighbridge.attestation.statements import model_signature, statements
from weighbridge.evidence.provenance import Provenance
from weighbridge.verdict import Verdict

ATTESTATIONS_FILE = "attestations.intoto.jsonl"  # one bundle a line, as in-toto and GitHub call and write it
MODEL_SIGNATURE_FILE = "model.sig"  # as model-signing calls it
ATTESTED_FILES = (ATTESTATIONS_FILE, MODEL_SIGNATURE_FILE)


def attest(
    manifest: Manifest,
    verdict: Verdict,
    provenance: Provenance | None,
    *,
    bom: Mapping[str, Any] | None = None,
    statistics: str = "",
    signer: Signer | None = None,
) -> dict[str, bytes]:
    """State what is known of a model, and sign it.

    Args:
        manifest: of the model.
        verdict: that it was weighed to.
        provenance: where it comes from; None where the step that weighed left nothing.
        bom: what it is made of, a CycloneDX document.
        statistics: digest of those that are kept with it, of the data that it was trained on; empty for none.
        signer: None to say it without a signature; then there is no `model.sig`.

    Returns:
        The files to be kept with the version, by name.

    Raises:
        InfrastructureError: the signer cannot be reached.
    """
    payloads = statements(manifest, verdict, provenance, bom, datetime.now(UTC), statistics)
    sign = unsigned if signer is None else signer.sign
    files = {ATTESTATIONS_FILE: b"".join(bundle_json(sign(payload)) for payload in payloads.values())}
    if signer is not None:
        files[MODEL_SIGNATURE_FILE] = bundle_json(signer.sign(model_signature(manifest)))
    return files
