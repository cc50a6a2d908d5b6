"""What a promotion asks of the evidence at the source: who signed it, how old it is, how strict its thresholds were."""

from datetime import timedelta
from pathlib import Path

from weighbridge.attestation.keys import Trust, same_signer
from weighbridge.attestation.manifest import read_manifest
from weighbridge.attestation.read import Attested, attested
from weighbridge.attestation.verify import Required, unreadable, verify
from weighbridge.common.errors import UsageError
from weighbridge.components.production_model.record import ProductionRecord
from weighbridge.delivery.promotion import Promotion
from weighbridge.thresholds.policy import policy_gates
from weighbridge.verdict import Gate
from weighbridge.verdict.verdict import VERDICT_FILE

GROUP = "delivery"


def attested_gates(promotion: Promotion, record: ProductionRecord, model: Path, evidence: Path) -> list[Gate]:
    """Check what is attested with a model before it moves on.

    What nobody signed can be changed by whoever can write there; it is held against the policy all the same, which
    finds what nobody meant.

    Args:
        promotion: which model goes from which stage to which.
        record: of the model at the source.
        model: copy of its folder.
        evidence: copy of what is kept with it.

    Raises:
        UsageError: a key cannot be used.
    """
    trust = Trust.of()
    required = bool(trust) or promotion.stage.signature == "required"
    try:
        found = attested(evidence, trust or None)
        if found is None:
            asked = required or promotion.stage.max_age_days is not None or record.signed_by
            return [unreadable(f"Nothing is attested with version {record.version}", GROUP)] if asked else []
        manifest = read_manifest(model)
    except UsageError as error:
        return [unreadable(error.message, GROUP)]
    days = promotion.stage.max_age_days
    asked_of_it = Required(
        trust,
        "required" if required else "ignored",
        None if days is None else timedelta(days=days),
        promotion.workspace.pipeline,
    )
    gates = verify(manifest, found, (evidence / VERDICT_FILE).read_bytes(), asked_of_it, GROUP)
    told = {f"{GROUP}.signature.valid"} | ({f"{GROUP}.age.max"} if days is not None else set())
    # What passes always here is told by `delivery.verdict.equal`, and whether the bytes are right by the push.
    gates = [gate for gate in gates if gate.name != f"{GROUP}.bytes.equal" and (gate.refuses or gate.name in told)]
    return [*gates, *_signer_gates(record, found), *_policy_gates(promotion, found)]


def _signer_gates(record: ProductionRecord, found: Attested) -> list[Gate]:
    if same_signer(record.signed_by, found.signed_by):
        return []
    was, now = record.signed_by[:12] or "nobody", found.signed_by[:12] or "nobody"
    message = f"The record says that {was} signed the model, and what is attested with it is signed by {now}."
    name = f"{GROUP}.signature.equal"
    message += " Deliver the model again."
    return [Gate(name=name, status="refused", observed=now, threshold=was, message=message)]


def _policy_gates(promotion: Promotion, found: Attested) -> list[Gate]:
    """A model that was weighed by looser thresholds than today's must be weighed again."""
    thresholds = None if found.provenance is None else found.provenance.thresholds
    if promotion.policy is None or (not thresholds and not found.signed_by):
        return []
    first = promotion.delivery.names[0]
    again = f"Weigh it anew: weighbridge run {promotion.workspace.pipeline} --deliver-to {first}"
    gates = policy_gates(promotion.policy, thresholds, found.verdict, f"{GROUP}.policy", again)
    if thresholds and "steps" in thresholds:
        return gates
    # Steps of the pipeline's own need not tell their thresholds; that they passed, the verdict says.
    untold = f"{GROUP}.policy.steps"
    return [gate.model_copy(update={"severity": "warning"}) if gate.name.startswith(untold) else gate for gate in gates]
