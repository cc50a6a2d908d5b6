"""Whether what is attested with a model lets it be served: who signed for it, and that it is about these bytes."""

from pathlib import Path

from weighbridge.attestation.keys import Trust, same_signer
from weighbridge.attestation.manifest import read_manifest
from weighbridge.attestation.read import attested
from weighbridge.attestation.verify import Required, verify
from weighbridge.common.errors import ExitCode, WeighbridgeError
from weighbridge.components.production_model.record import ProductionRecord
from weighbridge.verdict.verdict import VERDICT_FILE


class NotTrustedError(WeighbridgeError):
    """A model that may not be served, whoever asks: a gate refused it."""

    exit_code = ExitCode.REFUSED


def check_trusted(model: Path, evidence: Path, record: ProductionRecord | None, pipeline: str, where: str) -> None:
    """Refuse a model that is not what its signed verdict speaks of.

    A signature is asked for where `WEIGHBRIDGE_VERIFY_KEY` or `WEIGHBRIDGE_VERIFY_IDENTITY` says whose counts.

    Args:
        model: copy of its folder.
        evidence: copy of what is kept with it; may be missing.
        record: what production says of it; None for nothing.
        pipeline: that it must have been weighed for; empty for any.
        where: it lies, for the message.

    Raises:
        NotTrustedError: it may not be served.
        UsageError: a key cannot be used, or what is attested cannot be read.
    """
    trust = Trust.of()
    found = attested(evidence, trust or None) if evidence.is_dir() else None
    if found is None:
        if trust or (record is not None and record.signed_by):
            raise NotTrustedError(
                f"{where} may not be served: nothing that is signed is kept with it, and a signature is asked for",
                f"Look at it: weighbridge verify {where}",
            )
        return
    path = evidence / VERDICT_FILE
    beside = path.read_bytes() if path.is_file() else None
    required = Required(trust, "required" if trust else "ignored", pipeline=pipeline)
    refused = [gate for gate in verify(read_manifest(model), found, beside, required, "serving") if gate.refuses]
    if record is not None and not same_signer(record.signed_by, found.signed_by):
        was, now = record.signed_by[:12] or "nobody", found.signed_by[:12] or "nobody"
        raise NotTrustedError(
            f"{where} may not be served: the record says that {was} signed it, and it is signed by {now}",
            f"Look at it: weighbridge verify {where}",
        )
    if refused:
        raise NotTrustedError(
            f"{where} may not be served: {refused[0].message}", f"Look at it: weighbridge verify {where}"
        )
