"""What must hold of an earlier version before it goes back: weighed, passed, whole, signed if that counts. No tfx."""

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from weighbridge.attestation.keys import Trust, same_signer
from weighbridge.attestation.manifest import read_manifest
from weighbridge.attestation.read import Attested, attested
from weighbridge.attestation.verify import Required, unreadable, verify
from weighbridge.common.digests import bytes_digest, folder_digest
from weighbridge.common.errors import UsageError
from weighbridge.components.production_model.record import STATISTICS_FOLDER, ProductionRecord
from weighbridge.components.production_model.statistics import statistics_digest
from weighbridge.delivery.approval import approved_gate
from weighbridge.storage.destination import open_destination
from weighbridge.storage.layout import CANARY_FILE
from weighbridge.thresholds.policy import policy_gates
from weighbridge.verdict import Gate, Status, Verdict, passed_if
from weighbridge.verdict.verdict import VERDICT_FILE

if TYPE_CHECKING:
    from weighbridge.delivery.rollback import Rollback

GROUP = "rollback"
_AGAIN = "It goes back all the same, for it is what was in production; run the pipeline anew when there is time."


def rollback_gates(rollback: "Rollback", target: ProductionRecord, model: Path, evidence: Path) -> list[Gate]:
    """Check an earlier version.

    Args:
        rollback: what is to be rolled back.
        target: the record that was kept with the version.
        model: copy of its folder.
        evidence: copy of what is kept with it.

    Raises:
        UsageError: a key cannot be used.
        InfrastructureError: the store cannot be reached.
    """
    gates = [
        _whole_gate(rollback, target, model),
        *_verdict_gates(rollback, target, evidence),
        _of_gate(rollback, target),
    ]
    if not any(gate.refuses for gate in gates):
        gates += _attested_gates(rollback, target, model, evidence)
    if rollback.needs_approval:
        gates.append(approved_gate(rollback.approval, rollback.stage, f"{GROUP}.{rollback.stage.stage}.approved"))
    if open_destination(rollback.destination).read(CANARY_FILE) is not None:
        gates.append(_canary_gate(rollback))
    if rollback.choice.problem:
        message = f"{rollback.choice.problem}. The rollback makes a version that nothing contradicts."
        name = f"{GROUP}.production.whole"
        gates.append(Gate(name=name, status="refused", severity="warning", message=message))
    return gates


def _whole_gate(rollback: "Rollback", target: ProductionRecord, model: Path) -> Gate:
    found = folder_digest(model) if model.is_dir() else ""
    place = open_destination(rollback.destination).path(str(target.version))
    if found == target.model_digest:
        message = f"The bytes of version {target.version} are those that were weighed."
    else:
        what = "was changed: its bytes are not those that were weighed" if found else "is not there any more"
        message = f"{place} {what}. Restore it from a copy{_or_another(rollback)}."
    return Gate(
        name=f"{GROUP}.version.whole",
        status=passed_if(found == target.model_digest) if found else "unmeasured",
        observed=found or None,
        threshold=target.model_digest,
        message=message,
    )


def _or_another(rollback: "Rollback") -> str:
    if not rollback.choice.others:
        return ""
    return f"; or go to another version: weighbridge rollback {rollback.pipeline} --to {rollback.choice.others[0]}"


def _verdict_gates(rollback: "Rollback", target: ProductionRecord, evidence: Path) -> list[Gate]:
    """Whether the verdict that is kept with a version is its record's, speaks of these bytes, and passed."""
    name, path = f"{GROUP}.verdict.equal", evidence / VERDICT_FILE
    restore = f"Restore it from a copy{_or_another(rollback)}."
    try:
        data, verdict = path.read_bytes(), Verdict.read(path)
    except (UsageError, OSError) as error:
        reason = error.message if isinstance(error, UsageError) else "There is none"
        message = f"The verdict that version {target.version} was pushed on cannot be read: {reason}. {restore}"
        return [Gate(name=name, status="unmeasured", threshold=target.verdict_digest, message=message)]
    found = bytes_digest(data)
    same = found == target.verdict_digest and verdict.subject.get("model") == target.model_digest
    message = "The verdict beside it is the one that it was pushed on."
    if not same:
        message = f"The verdict beside version {target.version} is not the one that it was pushed on. {restore}"
    passed = "It passed." if verdict.passed else "It was refused then: no Pusher put it there."
    return [
        Gate(name=name, status=passed_if(same), observed=found, threshold=target.verdict_digest, message=message),
        Gate(
            name=f"{GROUP}.verdict.passed",
            status=passed_if(verdict.passed),
            observed=verdict.passed,
            threshold=True,
            message=passed,
        ),
    ]


def _of_gate(rollback: "Rollback", target: ProductionRecord) -> Gate:
    same = target.pipeline == rollback.pipeline
    message = "It is a model of this pipeline."
    if not same:
        message = (
            f"Version {target.version} at {rollback.destination} was made by pipeline {target.pipeline}, and not by "
            f"{rollback.pipeline}. Is it the right destination? Name the pipeline whose models lie there."
        )
    return Gate(
        name=f"{GROUP}.pipeline.equal",
        status=passed_if(same),
        observed=target.pipeline,
        threshold=rollback.pipeline,
        message=message,
    )


def _canary_gate(rollback: "Rollback") -> Gate:
    message = (
        "A canary is on its way, which is measured beside what is in production: end it first, so that nothing of it "
        f"is promoted over the rollback: weighbridge canary {rollback.pipeline} --abort"
    )
    return Gate(name=f"{GROUP}.canary.none", status="refused", observed=True, threshold=False, message=message)


def _attested_gates(rollback: "Rollback", target: ProductionRecord, model: Path, evidence: Path) -> list[Gate]:
    """What is attested with it; nobody's word is taken where keys are trusted or the stage asks for a signature."""
    trust = Trust.of()
    asked = bool(trust) or rollback.stage.signature == "required"
    live = rollback.choice.live
    try:
        found = attested(evidence, trust or None)
        if found is None:
            needed = asked or target.signed_by or live.signed_by
            return [unreadable(f"Nothing is attested with version {target.version}", GROUP)] if needed else []
        manifest = read_manifest(model)
    except UsageError as error:
        return [unreadable(error.message, GROUP)]
    required = Required(trust, "required" if asked else "ignored", None, rollback.pipeline)
    gates = verify(manifest, found, (evidence / VERDICT_FILE).read_bytes(), required, GROUP)
    told = {f"{GROUP}.signature.valid"}
    names = {f"{GROUP}.bytes.equal", f"{GROUP}.verdict.equal", f"{GROUP}.verdict.passed", f"{GROUP}.pipeline.equal"}
    gates = [gate for gate in gates if gate.refuses or (gate.name in told and gate.name not in names)]
    if not same_signer(target.signed_by, found.signed_by) or (live.signed_by and not found.signed_by):
        gates.append(_signer_gate(rollback, target, found))
    return [*gates, *_statistics_gates(found, evidence), *_warnings(rollback, found)]


def _signer_gate(rollback: "Rollback", target: ProductionRecord, found: Attested) -> Gate:
    was, now = (target.signed_by or rollback.choice.live.signed_by)[:12] or "nobody", found.signed_by[:12] or "nobody"
    what = "its record says" if not same_signer(target.signed_by, found.signed_by) else "what is in production"
    message = (
        f"What is attested with version {target.version} is signed by {now}, and {what} by {was}. Restore its evidence "
        f"from a copy{_or_another(rollback)}."
    )
    return Gate(name=f"{GROUP}.signature.equal", status="refused", observed=now, threshold=was, message=message)


def _statistics_gates(found: Attested, evidence: Path) -> list[Gate]:
    """Whether the statistics of its training data are those that were attested; nobody is served by them."""
    said, kept = found.weighing.predicate.get("statistics", ""), statistics_digest(evidence / STATISTICS_FOLDER)
    if said == kept:
        return []
    message = (
        "The statistics of its training data, which drift is measured from, are not those that were attested: the next "
        "runs refuse until they are restored from a copy, or another model is pushed."
    )
    name = f"{GROUP}.statistics.equal"
    return [
        Gate(name=name, status="refused", severity="warning", observed=kept or None, threshold=said, message=message)
    ]


def _warnings(rollback: "Rollback", found: Attested) -> list[Gate]:
    """What would keep it from being delivered today, and does not keep it from going back."""
    gates = list[Gate]()
    thresholds = None if found.provenance is None else found.provenance.thresholds
    if rollback.policy is not None and thresholds:
        gates += policy_gates(rollback.policy, thresholds, found.verdict, f"{GROUP}.policy", _AGAIN)
    if rollback.stage.max_age_days is not None:
        gates.append(_age_gate(found, timedelta(days=rollback.stage.max_age_days)))
    return [gate.model_copy(update={"severity": "warning"}) for gate in gates if not gate.passed]


def _age_gate(found: Attested, limit: timedelta) -> Gate:
    now = Required().now
    age = now - found.weighed_at
    status: Status = passed_if(age <= limit)
    message = f"It was weighed on {found.weighed_at:%Y-%m-%d %H:%M} UTC, longer ago than may be delivered. {_AGAIN}"
    day = timedelta(days=1)
    return Gate(
        name=f"{GROUP}.age.max",
        status=status,
        observed=round(age / day, 2),
        threshold=limit / day,
        unit="days",
        message=message,
    )
