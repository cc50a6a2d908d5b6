"""Verifies a model wherever it lies: its bytes, its signature, its verdict, its age, and whether it belongs there.

Nothing of TensorFlow or TFX is needed; whoever is handed a model can do it.
"""

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from weighbridge.attestation.attest import MODEL_SIGNATURE_FILE
from weighbridge.attestation.manifest import Manifest, read_manifest
from weighbridge.attestation.read import Attested, attested_files, attested_in
from weighbridge.attestation.strict import read_plain
from weighbridge.attestation.verify import ANY, Required, unreadable, verify
from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.common.files import STAGED_PREFIX, copy_tree, staged_folder
from weighbridge.common.machine import is_machine_failure
from weighbridge.components.production_model.record import STATISTICS_FOLDER
from weighbridge.components.production_model.standing import read_record
from weighbridge.components.production_model.statistics import statistics_digest
from weighbridge.runs.located import Located, brought, locate
from weighbridge.runs.model_records import before, of_destination
from weighbridge.storage.destination import is_remote
from weighbridge.thresholds import Gates
from weighbridge.thresholds.policy import policy_gates
from weighbridge.verdict import Gate, passed_if
from weighbridge.verdict.verdict import VERDICT_FILE

GROUP = "verify"
NONE = "none"


@dataclass(frozen=True)
class Verified:
    """What was found of a model.

    Attributes:
        located: where it lies.
        gates: all checks.
        manifest: of its files; None where they cannot be read.
        attested: what is attested with it; None where nothing is that can be read.
    """

    located: Located
    gates: tuple[Gate, ...]
    manifest: Manifest | None = None
    attested: Attested | None = None

    @property
    def passed(self) -> bool:
        """Whether the model may be used."""
        return bool(self.gates) and not any(gate.refuses for gate in self.gates)


def verify_model(
    text: str,
    workdir: str | Path,
    required: Required,
    *,
    evidence: str = "",
    signature: str = "",
    production: str = "",
    policy: Gates | None = None,
    output: str = "",
) -> Verified:
    """Find a model, and check it.

    Args:
        text: what people call it, see `locate`.
        workdir: where names and digests are looked up.
        required: what it must show.
        evidence: folder with what is attested with it; empty to find it beside the model.
        signature: file to read in place of the `model.sig` there; empty for that.
        production: folder or address of a destination whose model it must have been weighed against, a digest, or
            `none`; empty for any.
        policy: thresholds that it must have been weighed by, or by stricter ones.
        output: folder that a model is put into which passed; empty for none.

    Raises:
        UsageError: there is no such model, evidence or production, or the output is there already.
        InfrastructureError: a store cannot be reached, or the machine fails.
    """
    if output and Path(output).exists() and not (Path(output).is_dir() and not any(Path(output).iterdir())):
        raise UsageError(f"--output {output} is there already", "Give a new folder, or an empty one.")
    located = locate(text, workdir, evidence)
    required = replace(required, pipeline=required.pipeline or located.pipeline)
    try:
        with brought(located) as here:
            found = _look(here, required, signature, production, policy)
            if output and found.passed:
                found = _put(found, Path(output))
    except OSError as error:
        if is_machine_failure(error):
            raise InfrastructureError(f"{located.model} cannot be read: {error}", "Run again.") from error
        return Verified(located, (unreadable(f"{error.filename or located.model}: {error.strerror or error}"),))
    return replace(found, located=replace(located, problem=here.problem))


def _look(here: Located, required: Required, signature: str, production: str, policy: Gates | None) -> Verified:
    if here.problem:
        return Verified(here, (unreadable(here.problem),))
    manifest = _manifest(Path(here.model))
    if isinstance(manifest, Gate):
        return Verified(here, (manifest,))
    try:
        attested, verdict = _attested(here, required, signature)
    except UsageError as error:
        return Verified(here, (unreadable(error.message),), manifest)
    except RecursionError:
        return Verified(here, (unreadable("What is attested is nested too deeply to be read"),), manifest)
    required = replace(required, production=_production(production, manifest.tree_digest))
    gates = verify(manifest, attested, verdict, required, GROUP)
    gates += _statistics_gates(here, attested)
    if here.destination:
        gates += of_destination(here.destination, here.version, manifest, attested, beside=verdict is not None)
    if policy is not None:
        thresholds = None if attested.provenance is None else attested.provenance.thresholds
        gates += policy_gates(policy, thresholds, attested.verdict, f"{GROUP}.policy")
    return Verified(here, tuple(gates), manifest, attested)


def _put(found: Verified, output: Path) -> Verified:
    """Copy a model that passed, and make sure that the copy is what was verified: its place may have changed since."""
    files = found.manifest.files if found.manifest else {}
    if output.is_dir():  # a volume is mounted there, which nothing can replace
        same = _copied(found.located.model, output, files)
        if not same:
            for path in output.iterdir():
                shutil.rmtree(path) if path.is_dir() else path.unlink()
    else:
        with tempfile.TemporaryDirectory(prefix=STAGED_PREFIX, dir=_made(output.parent)) as staged:
            same = _copied(found.located.model, Path(staged), files)
            if same:
                with staged_folder(output) as target:
                    for path in Path(staged).iterdir():
                        path.rename(target / path.name)
    message = (
        f"The files are put into {output}." if same else "The files were changed while they were copied. Run again."
    )
    gate = Gate(name=f"{GROUP}.bytes.copied", status=passed_if(same), message=message)
    return replace(found, gates=(*found.gates, gate))


def _copied(model: str, folder: Path, files: Mapping[str, str]) -> bool:
    copy_tree(model, folder)
    return read_manifest(folder).files == files


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _manifest(folder: Path) -> Manifest | Gate:
    try:
        return read_manifest(folder)
    except UsageError as error:
        message = f"{error.message}. {error.hint}"
        return Gate(name=f"{GROUP}.bytes.equal", status="unmeasured", message=message)


def _statistics_gates(here: Located, attested: Attested) -> list[Gate]:
    """Whether the statistics beside a model are those that are attested; none where none were or are."""
    said = attested.weighing.predicate.get("statistics", "")
    found = statistics_digest(Path(here.evidence, STATISTICS_FOLDER))
    if found == said or (not found and not here.destination):
        return []
    message = "The statistics of its training data, which drift is measured from, are not those that were attested."
    name = f"{GROUP}.statistics.equal"
    return [Gate(name=name, status="refused", observed=found, threshold=said, message=f"{message} Restore them.")]


def _attested(here: Located, required: Required, signature: str) -> tuple[Attested, bytes | None]:
    """What is attested with a model, and the bytes of the verdict beside it.

    Raises:
        UsageError: nothing is, or it cannot be read.
    """
    if not here.evidence:
        raise UsageError("Nothing is attested with the model: no evidence lies beside it, and no --evidence is given")
    files = attested_files(here.evidence)
    if signature and (data := read_plain(signature)) is not None:
        files[MODEL_SIGNATURE_FILE] = data
    found = attested_in(files, here.evidence, required.trust or None)
    if found is None:
        raise UsageError(f"Nothing is attested with the model in {here.evidence}")
    return found, read_plain(Path(here.evidence, VERDICT_FILE))


def _production(text: str, model: str) -> str:
    """Digest of the model that another must have been weighed against; empty for nothing yet."""
    if not text:
        return ANY
    if text == NONE or text.startswith("sha256:"):
        return text.removeprefix(NONE)
    if not is_remote(text) and not Path(text).is_dir():
        raise UsageError(
            f"--production {text} is no folder",
            f"Give the folder or address of a destination, a model's digest sha256:…, or {NONE} for nothing yet.",
        )
    record = read_record(text)
    if record is not None and record.model_digest == model:  # what it replaced there
        return before(text, record.version)
    return "" if record is None else record.model_digest
