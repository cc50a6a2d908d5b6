"""`weighbridge verify`: whether a model may be trusted, and which check says no. Loads neither TensorFlow nor TFX."""

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from weighbridge.cli import completion
from weighbridge.cli.options import WORKDIR, DestinationsOption, JsonOption, StoreOption, WorkdirOption
from weighbridge.cli.output import print_json, print_line
from weighbridge.common.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from weighbridge.runs.verification import Verified
    from weighbridge.verdict import Gate

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
# What each check is called on the card, by the second part of a gate's name.
_CHECKS = {"statement": "statement", "pipeline": "replay", "production": "replay", "record": "record"}

ModelArgument = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="A version's folder, a destination (folder or address, @3 for version 3), a pipeline's name, sha256:…",
        autocompletion=completion.pipelines,
    ),
]
KeyOption = Annotated[
    list[str] | None,
    typer.Option("--key", metavar="FILE", help="Public key or certificate that is trusted; repeatable."),
]
IdentityOption = Annotated[
    str, typer.Option("--identity", metavar="ID", help="Who may have signed by Sigstore: a mail address, a workflow.")
]
IssuerOption = Annotated[str, typer.Option("--issuer", metavar="URL", help="Who vouches for the identity.")]
PolicyOption = Annotated[
    str, typer.Option("--policy", metavar="FILE", help="gates.yaml: the model was weighed at least as strictly.")
]
MaxAgeOption = Annotated[
    str, typer.Option("--max-age", metavar="AGE", help="The model was weighed no longer ago, e.g. 30d, 12h.")
]
PipelineOption = Annotated[str, typer.Option("--pipeline", metavar="NAME", help="The model was weighed for it.")]
ProductionOption = Annotated[
    str,
    typer.Option(
        "--production",
        metavar="ADDRESS|DIGEST|none",
        help="The model was weighed against what is in production there, against this model, or against none.",
    ),
]
EvidenceOption = Annotated[
    str, typer.Option("--evidence", metavar="FOLDER", help="What is attested with the model; else found beside it.")
]
SignatureOption = Annotated[
    str, typer.Option("--signature", metavar="FILE", help="Read this in place of the evidence's model.sig.")
]
UnsignedOption = Annotated[
    bool, typer.Option("--allow-unsigned", help="A model that nobody signed, or by whom nobody can tell, only warns.")
]
StageOption = Annotated[
    str,
    typer.Option("--stage", metavar="STAGE", help="MODEL is a pipeline: its model at this stage, e.g. staging."),
]
OutputOption = Annotated[
    str,
    typer.Option(
        "--output", "-o", metavar="FOLDER", help="Put the verified model there, for a server that starts next."
    ),
]


def verify(
    model: ModelArgument,
    key: KeyOption = None,
    identity: IdentityOption = "",
    issuer: IssuerOption = "",
    policy: PolicyOption = "",
    max_age: MaxAgeOption = "",
    pipeline: PipelineOption = "",
    production: ProductionOption = "",
    evidence: EvidenceOption = "",
    signature: SignatureOption = "",
    allow_unsigned: UnsignedOption = False,
    stage: StageOption = "",
    destinations: DestinationsOption = "",
    store: StoreOption = "",
    output: OutputOption = "",
    workdir: WorkdirOption = WORKDIR,
    as_json: JsonOption = False,
) -> None:
    """Verify MODEL: its bytes, who signed for them, what it was weighed to, by which thresholds, and when.

    Without --key the keys of WEIGHBRIDGE_VERIFY_KEY are trusted. A check that cannot be made refuses: the exit code is
    0 only where all hold.
    """
    from weighbridge.attestation.keys import Trust
    from weighbridge.attestation.verify import Required
    from weighbridge.runs.verification import verify_model
    from weighbridge.thresholds import load_gates

    if stage:
        model, pipeline = _at_stage(model, stage, pipeline, workdir, destinations, store)
    trust = Trust.of([each for each in key or () if each], identity, issuer)
    age = _age(max_age)
    asked = load_gates(policy) if policy else None
    found = verify_model(
        model,
        workdir,
        Required(trust, "allowed" if allow_unsigned else "required", age, pipeline),
        evidence=evidence,
        signature=signature,
        production=production,
        policy=asked,
        output=output,
    )
    if as_json:
        print_json(_document(found))
    else:
        _print(found)
    raise typer.Exit(int(ExitCode.PASSED if found.passed else ExitCode.REFUSED))


def _at_stage(model: str, stage: str, pipeline: str, workdir: str, destinations: str, store: str) -> tuple[str, str]:
    """Address of a stage's destination, and the name of the pipeline that the model there must be of."""
    from weighbridge.definition import load
    from weighbridge.runs.stages import delivery_policy, stage_destinations
    from weighbridge.runs.workspace import Workspace

    definition = load(model)
    delivery, _ = delivery_policy(definition.folder)
    delivery.stage(stage)  # refuses an unknown one
    found = stage_destinations(Workspace(workdir, definition.name), delivery, destinations, store)
    return found[stage], pipeline or definition.name


def _age(text: str) -> timedelta | None:
    if not text:
        return None
    given = re.fullmatch(r"(\d{1,6})([smhdw])", text)
    if given is None:
        raise UsageError(f"--max-age {text!r} is no age", "Give a whole number with s, m, h, d or w: 30d.")
    return timedelta(**{_UNITS[given[2]]: int(given[1])})


def _document(found: "Verified") -> dict[str, Any]:
    attested = found.attested
    return {
        "model": found.located.model,
        "destination": found.located.destination or None,
        "version": found.located.version or None,
        "evidence": found.located.evidence or None,
        "verified": found.passed,
        "exit_code": int(ExitCode.PASSED if found.passed else ExitCode.REFUSED),
        "model_digest": found.manifest.tree_digest if found.manifest else None,
        "pipeline": attested.verdict.pipeline if attested else None,
        "run_id": attested.verdict.run_id if attested else None,
        "weighed_at": attested.weighed_at.isoformat() if attested else None,
        "signed_by": attested.signed_by if attested else None,
        "gates": [gate.model_dump(mode="json") for gate in found.gates],
    }


def _print(found: "Verified") -> None:
    refusals = [gate.name for gate in found.gates if gate.refuses]
    where = found.located.model
    print_line(f"✗ REFUSED  {where}" if refusals else f"✓ VERIFIED  {where}")
    if found.attested is not None:
        verdict = found.attested.verdict
        weighed = f"weighed {found.attested.weighed_at:%Y-%m-%d}"
        print_line(f"  {verdict.pipeline}, run {verdict.run_id}, {weighed}, {_signer(found)}")
    for gate in found.gates:
        print_line(f"{_mark(gate)} {_check(gate):<9}  {gate.message}")
        if gate.refuses and gate.observed is not None and gate.threshold is not None:
            print_line(f"  {'':<9}  {gate.name}: {gate.observed}, allowed: {gate.allowed}")
    if refusals:
        print_line(f"✗ REFUSED by {', '.join(refusals[:3])}{' …' * (len(refusals) > 3)}")


def _signer(found: "Verified") -> str:
    signed = found.attested.signed_by if found.attested else ""
    name = signed[:12] if re.fullmatch("[0-9a-f]{64}", signed) else signed
    if not name:
        return "unsigned"
    valid = any(gate.name == "verify.signature.valid" and gate.passed for gate in found.gates)
    return f"signed by {name}" if valid else f"said to be signed by {name}"


def _mark(gate: "Gate") -> str:
    return "✓" if gate.passed else "✗" if gate.refuses else "!"


def _check(gate: "Gate") -> str:
    name = gate.name.split(".")[1]
    return _CHECKS.get(name, name)
