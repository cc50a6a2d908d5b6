"""What is attested with a push: made and signed where the model was weighed, carried on where it is promoted."""

from dataclasses import dataclass, field
from pathlib import Path

from weighbridge.attestation.attest import ATTESTATIONS_FILE, attest
from weighbridge.attestation.keys import Trust
from weighbridge.attestation.manifest import Manifest
from weighbridge.attestation.read import Attested, attested_files, attested_in
from weighbridge.attestation.signer import Signer, signer_here
from weighbridge.attestation.verify import Required, unreadable, verify
from weighbridge.common.errors import UsageError
from weighbridge.components.production_model.record import ProductionRecord
from weighbridge.components.production_model.statistics import statistics_digest
from weighbridge.evidence.provenance import Origin, Provenance
from weighbridge.sbom import bom_of
from weighbridge.verdict import Gate, Verdict

GROUP = "push"


@dataclass(frozen=True)
class Statement:
    """What goes with a version.

    Attributes:
        files: of the attestation, by name.
        gates: whether it may be believed.
        signed_by: fingerprint of the key, or the identity, that signed it; empty for nobody.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    gates: tuple[Gate, ...] = ()
    signed_by: str = ""


def state(
    manifest: Manifest,
    verdict: Verdict,
    evaluation: Path,
    origin: Origin | None,
    *,
    statistics: Path | None = None,
    promoted: bool = False,
) -> Statement:
    """Attest a weighed model, or take what was attested where it was weighed; and verify that.

    The key that signs is named by `WEIGHBRIDGE_SIGNING_KEY`, those that are trusted by `WEIGHBRIDGE_VERIFY_KEY`. Where
    keys are trusted, a model that none of them signed is refused.

    Args:
        manifest: of the model.
        verdict: that it was weighed to.
        evaluation: folder with its `verdict.json`: the Evaluator's output, or the evidence of another destination.
        origin: of the run; None where that is not known.
        statistics: folder with those of the training data, which are kept with the version; None for none.
        promoted: whether the model comes from another destination: who promotes it did not weigh it, and signs nothing.

    Raises:
        UsageError: a key cannot be used.
        InfrastructureError: the signer cannot be reached.
    """
    trust = Trust.of()
    try:
        files = attested_files(evaluation)
        if ATTESTATIONS_FILE not in files:
            signer = None if promoted else signer_here()
            files = _attest(manifest, verdict, evaluation, origin, statistics, signer)
        found = attested_in(files, str(evaluation), trust or None)
    except UsageError as error:
        if not trust and not _carried(evaluation):
            raise
        return Statement(gates=(unreadable(error.message, GROUP),))
    assert found is not None  # noqa: S101, it was just made
    return Statement(files, tuple(_gates(manifest, found, verdict, trust)), found.signed_by)


def replaceable_gate(record: ProductionRecord | None, statement: Statement) -> Gate | None:
    """Refuses a model that nobody signed where what it would replace is signed; None where it need not be asked."""
    if record is None or not record.signed_by or statement.signed_by:
        return None
    return Gate(
        name=f"{GROUP}.signature.present",
        status="refused",
        observed="nobody",
        threshold=record.signed_by[:12],
        message=f"What is in production is signed by {record.signed_by[:12]}, and nobody signed this model. "
        "Push it where WEIGHBRIDGE_SIGNING_KEY names a key.",
    )


def _carried(evaluation: Path) -> bool:
    return (evaluation / ATTESTATIONS_FILE).is_file()


def _attest(
    manifest: Manifest,
    verdict: Verdict,
    evaluation: Path,
    origin: Origin | None,
    statistics: Path | None,
    signer: Signer | None,
) -> dict[str, bytes]:
    provenance = Provenance.read(evaluation)
    bom = None
    if provenance is not None:
        provenance = provenance.model_copy(update={"origin": origin})
        files = {name: f"sha256:{digest}" for name, digest in manifest.files.items()}
        bom = bom_of(provenance, verdict, files=files)
    kept = statistics_digest(statistics) if statistics else ""
    return attest(manifest, verdict, provenance, bom=bom, statistics=kept, signer=signer)


def _gates(manifest: Manifest, found: Attested, verdict: Verdict, trust: Trust) -> list[Gate]:
    """Of all checks those that the push itself has not made, and only what refuses of those that pass always here."""
    required = Required(trust, signature="required" if trust else "ignored")
    gates = verify(manifest, found, verdict.canonical(), required, GROUP)
    own = f"{GROUP}.verdict.passed"  # the push itself has looked at that
    return [gate for gate in gates if gate.name != own and (gate.refuses or gate.name == f"{GROUP}.signature.valid")]
