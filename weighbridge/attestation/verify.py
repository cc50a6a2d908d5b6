"""Whether a model may be trusted: its bytes, who signed for them, what they were weighed to, and when.

Each check is a gate, so one that refuses says what is wrong and what to do; what cannot be checked refuses too.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from weighbridge.attestation.keys import Trust
from weighbridge.attestation.manifest import Manifest
from weighbridge.attestation.read import Attested
from weighbridge.common.digests import bytes_digest
from weighbridge.verdict import Gate, Status, Verdict, passed_if

# Clocks of two machines differ; by more than that a statement is from the future, and tells nothing of its age.
CLOCK_TOLERANCE = timedelta(minutes=5)
ANY: Final = "any"
NOTHING_YET = "nothing yet"

_RESTORE = "Restore the model and its evidence from a copy, or push the model again"


@dataclass(frozen=True)
class Required:
    """What a model must show besides its bytes and a passed verdict.

    Attributes:
        trust: whose signatures count.
        signature: `required`; `allowed`: a model that nobody signed is a warning; or `ignored`: not looked at.
        max_age: since it was weighed; None for any.
        pipeline: that it must have been weighed for; empty for any.
        production: digest of the model that it must have been weighed against; empty for nothing yet, `any` for any.
        now: UTC.
    """

    trust: Trust = field(default_factory=Trust)
    signature: Literal["required", "allowed", "ignored"] = "required"
    max_age: timedelta | None = None
    pipeline: str = ""
    production: str = ANY
    now: datetime = field(default_factory=lambda: datetime.now(UTC))


def verify(
    manifest: Manifest, attested: Attested, verdict: bytes | None, required: Required, group: str = "verify"
) -> list[Gate]:
    """Check a model against what is attested with it.

    Args:
        manifest: of the model's files.
        attested: what is attested with it, opened with `required.trust`.
        verdict: bytes of the `verdict.json` beside it; None where there is none.
        required: what it must show.
        group: first part of the gates' names.

    Returns:
        All checks, in the order in which they build on each other.
    """
    gates = [_bytes_gate(group, manifest, attested), _whole_gate(group, attested)]
    if required.signature != "ignored":
        gates.append(_signature_gate(group, attested, required))
    gates += [*_verdict_gates(group, attested, verdict), _age_gate(group, attested, required)]
    if required.pipeline:
        what = "pipeline that the statement speaks of"
        gates.append(_replay_gate(f"{group}.pipeline.equal", what, attested.verdict.pipeline, required.pipeline))
    if required.production != ANY:
        then, now = attested.verdict.subject.get("production", ""), required.production
        what = "production that the model was weighed against"
        gates.append(_replay_gate(f"{group}.production.equal", what, then or NOTHING_YET, now or NOTHING_YET))
    return gates


def unreadable(problem: str, group: str = "verify") -> Gate:
    """The gate of a model with which nothing is attested that can be read; `problem` ends in no full stop."""
    message = f"{problem}. Nobody vouches for the model. {_RESTORE}."
    return Gate(name=f"{group}.statement.readable", status="unmeasured", message=message)


def _bytes_gate(group: str, manifest: Manifest, attested: Attested) -> Gate:
    """Whether the files are those that all statements speak of."""
    found, weighed = manifest.tree_digest, attested.verdict.subject.get("model")
    differences = _differences(manifest, attested)
    same = (
        weighed == found
        and not differences
        and all(opened.subject == [manifest.root_digest] for opened in attested.opened)
    )
    message = "The files are those that were weighed."
    if not same:
        message = f"The files are not those that were weighed. {differences}{_RESTORE}."
    name = f"{group}.bytes.equal"
    return Gate(name=name, status=passed_if(same), observed=found, threshold=weighed, message=message)


def _whole_gate(group: str, attested: Attested) -> Gate:
    """Whether all statements are of one weighing: none missing, none of another run, and all in it says the same."""
    problem = _mixed(attested)
    message = f"{problem}. {_RESTORE}." if problem else "All statements are of one weighing."
    return Gate(name=f"{group}.statement.whole", status=passed_if(not problem), message=message)


def _mixed(attested: Attested) -> str:
    """What does not belong together in what is attested, in words; empty for nothing."""
    said, verdict, provenance = attested.weighing.predicate, attested.verdict, attested.provenance
    if said.get("statements") != {kind: bytes_digest(opened.payload) for kind, opened in attested.others.items()}:
        return "Statements are missing, or are of another weighing"
    names = {(verdict.pipeline, verdict.run_id), (said.get("pipeline"), said.get("runId"))}
    names |= set() if provenance is None else {(provenance.pipeline, provenance.run_id)}
    if len(names) > 1:
        told = " and ".join(sorted(f"{pipeline} {run}" for pipeline, run in names))
        return f"The statement speaks of several runs: {told}"
    if len({opened.signed_by for opened in attested.opened}) > 1:
        return "The statements are signed by different keys, or some of them by nobody"
    then = "" if provenance is None else provenance.parents.get("production", "")
    if provenance is not None and then != verdict.subject.get("production", ""):
        return "The statement speaks of two productions that the model was weighed against"
    return ""


def _differences(manifest: Manifest, attested: Attested) -> str:
    """Which files are not as the statement on them has them, in sentences; empty where all are, or there is none."""
    if attested.model_signature is None:
        return ""
    try:
        resources = attested.model_signature.predicate["resources"]
        weighed = {str(each["name"]): str(each["digest"]) for each in resources}
    except (KeyError, TypeError):
        return "model.sig does not list them. "
    told = {
        "Changed": [name for name in weighed if manifest.files.get(name, weighed[name]) != weighed[name]],
        "Added": manifest.files.keys() - weighed.keys(),
        "Gone": weighed.keys() - manifest.files.keys(),
    }
    named = ((word, sorted(names)) for word, names in told.items() if names)
    return "".join(f"{word}: {', '.join(names[:3])}{', …' * (len(names) > 3)}. " for word, names in named)


def _signature_gate(group: str, attested: Attested, required: Required) -> Gate:
    """Whether whom we trust signed every statement, that on the files included."""
    signers = sorted({opened.signed_by[:12] for opened in attested.opened if opened.signed_by})
    observed = ", ".join(signers) or "nobody"
    status: Status = "refused"
    severity: Literal["blocking", "warning"] = "blocking"
    if not signers:
        message = "Nobody signed what is said of the model. Push it where WEIGHBRIDGE_SIGNING_KEY names a key."
        severity = "blocking" if required.signature == "required" else "warning"
    elif not required.trust:
        status = "unmeasured"
        message = (
            "No key was given to verify the signature with: give --key signing.pub, or set WEIGHBRIDGE_VERIFY_KEY."
        )
        severity = "blocking" if required.signature == "required" else "warning"
    elif problem := _problem(attested):
        message = f"The signature does not count: {problem}. {_RESTORE}."
    else:
        status, message = "passed", f"All that is said of the model is signed by {observed}."
    return Gate(name=f"{group}.signature.valid", status=status, severity=severity, observed=observed, message=message)


def _problem(attested: Attested) -> str:
    """The first thing that is wrong with the signatures, in words; empty for nothing."""
    for opened in attested.opened:
        if opened.problem:
            return opened.problem
        if opened.key is not None and not opened.key.valid_at(attested.attested_at):
            key = opened.key
            return (
                f"the certificate {key.path} is valid from {key.not_before:%Y-%m-%d} to {key.not_after:%Y-%m-%d}, "
                f"and it was signed on {attested.attested_at:%Y-%m-%d}"
            )
    if attested.model_signature is None:
        return "model.sig, the statement on the files, is missing"
    return ""


def _verdict_gates(group: str, attested: Attested, beside: bytes | None) -> Iterator[Gate]:
    """Whether the file beside the model is the verdict that was attested, and whether that passed."""
    verdict = attested.verdict
    if beside is not None:
        said, found = str(attested.weighing.predicate.get("verdictDigest")), bytes_digest(beside)
        same = found == said and _is(verdict, beside)
        message = "The verdict.json beside the model is the one that was attested."
        if not same:
            message = f"The verdict.json beside the model is not the one that was attested. {_RESTORE}."
        name = f"{group}.verdict.equal"
        yield Gate(name=name, status=passed_if(same), observed=found, threshold=said, message=message)
    weighed = len(verdict.weighed)
    message = f"The model passed {weighed} gate{'s' * (weighed != 1)} in run {verdict.run_id}."
    if not verdict.passed:
        message = f"The model was refused by {', '.join(gate.name for gate in verdict.refusals[:3]) or 'its verdict'}."
    yield Gate(
        name=f"{group}.verdict.passed",
        status=passed_if(verdict.passed),
        observed=verdict.passed,
        threshold=True,
        message=message,
    )


def _is(verdict: Verdict, data: bytes) -> bool:
    try:
        return Verdict.model_validate_json(data) == verdict
    except ValueError:
        return False


def _age_gate(group: str, attested: Attested, required: Required) -> Gate:
    """How long ago the model was weighed; never in the future."""
    weighed = attested.weighed_at
    age = required.now - weighed
    name, days = f"{group}.age.max", age / timedelta(days=1)
    limit = None if required.max_age is None else required.max_age / timedelta(days=1)
    observed = round(days, 2)
    status: Status = "passed"
    message = f"The model was weighed on {weighed:%Y-%m-%d %H:%M} UTC."
    if max(weighed, attested.attested_at) - required.now > CLOCK_TOLERANCE:
        latest = max(weighed, attested.attested_at)
        status = "refused"
        message = (
            f"The statement is from the future: {latest:%Y-%m-%d %H:%M} UTC, and now it is "
            f"{required.now:%Y-%m-%d %H:%M}. Set this machine's clock, or that of the machine that weighed."
        )
    elif limit is not None and days > limit:
        status = "refused"
        message = f"{message[:-1]}, longer ago than is allowed. Run the pipeline anew."
    return Gate(name=name, status=status, observed=observed, threshold=limit, unit="days", message=message)


def _replay_gate(name: str, what: str, observed: str, wanted: str) -> Gate:
    """Whether a statement speaks of what it is shown for: one of elsewhere, or of yesterday, says nothing here."""
    same = observed == wanted
    message = f"The {what} is the one that is asked for."
    if not same:
        message = f"The {what} is {observed}, and not {wanted}: it says nothing here. Weigh the model again."
    return Gate(name=name, status=passed_if(same), observed=observed, threshold=wanted, message=message)
