"""Pushes a model that was weighed and passed, and nothing else. Imports no tfx."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from weighbridge.attestation.manifest import Manifest, read_manifest
from weighbridge.common import files, interruption, progress
from weighbridge.common.errors import InfrastructureError, UsageError, WeighbridgeError
from weighbridge.common.machine import is_machine_failure
from weighbridge.components.production_model.fetch import production_state
from weighbridge.components.production_model.record import ProductionRecord
from weighbridge.components.production_model.standing import record_digest
from weighbridge.components.production_model.withdrawn import after
from weighbridge.components.pusher.bucket_target import BucketTarget
from weighbridge.components.pusher.git_target import GitTarget, proposed
from weighbridge.components.pusher.registry_target import RegistryTarget
from weighbridge.components.pusher.replacement import replacement_gates, withdrawn_gate
from weighbridge.components.pusher.sized import sized
from weighbridge.components.pusher.statement import Statement, replaceable_gate, state
from weighbridge.components.pusher.target import FilesystemTarget, Target
from weighbridge.evidence.provenance import Origin
from weighbridge.storage.bucket import BucketDestination
from weighbridge.storage.destination import open_destination
from weighbridge.storage.git.destination import GitDestination
from weighbridge.storage.registry.destination import RegistryDestination
from weighbridge.verdict import Gate, Status, Verdict, passed_if
from weighbridge.verdict.verdict import VERDICT_FILE


@dataclass(frozen=True)
class Pushed:
    """What a push did.

    Attributes:
        gates: what it checked; one that refuses means that nothing was pushed.
        record: the production record after the push; None if the push was refused.
        path: where the version is; empty if the push was refused.
        already: the model was in production before, so nothing was done.
        proposed: page of the pull request that must be merged first; empty where the version is in production.
    """

    gates: tuple[Gate, ...]
    record: ProductionRecord | None = None
    path: str = ""
    already: bool = False
    proposed: str = ""


def push(
    model: str | Path,
    evaluation: str | Path,
    destination: str | Path,
    *,
    statistics: str | Path | None = None,
    blessings: Mapping[str, bool] | None = None,
    promoted_from: str = "",
    approved_by: str = "",
    approved_in: str = "",
    expected_state: str = "",
    origin: Origin | None = None,
    at_least: int = 1,
    canary_run: str = "",
) -> Pushed:
    """Put a model into production if its verdict passed and its bytes are the ones that were weighed.

    The model that is in production already is not pushed again; the record then keeps naming the verdict it was
    pushed on. A version that a killed push left without a record is completed. Where the verdict says that the model
    was weighed against what this destination held, that must be what it holds still; what a person approved is only
    replaced by a promotion, whose policy asks again; and what was rolled back from comes back by a rollback alone.

    Args:
        model: folder of the SavedModel.
        evaluation: folder with the model's `verdict.json`.
        destination: base path of a model of TensorFlow Serving: a folder, created if need be, or
            `gs://bucket/prefix` or `s3://bucket/prefix` in a bucket that is there; `models:/name` in MLflow's
            registry; or a folder in a Git repository, `git+https://host/org/config.git//folder`.
        statistics: folder with `Split-<name>/` statistics of the data, kept with the version.
        blessings: further conditions by name, such as `{"infra_blessing": False}`; all must hold.
        promoted_from: the destination that the model comes from, kept in the record.
        approved_by: who approved that, kept in the record.
        approved_in: address of the build that says so, kept in the record.
        expected_state: `production_state` of the destination as the caller judged it; empty for any.
        origin: what the run was asked for, to be attested with the model; None where that is not known.
        at_least: number that a new version gets at least, such as the one that it had as a canary.
        canary_run: the run whose canary of this model has passed its steps there, and is promoted by this push.

    Returns:
        What was done. A refusal is a value and not an error.

    Raises:
        UsageError: the destination cannot be written, its production record cannot be read, or a key cannot be used.
        InfrastructureError: the disk is full, the network fails, the destination is not in the expected state any
            more, or another push to the same bucket came first; production is then unchanged by this one.
        KeyboardInterrupt: the process was asked to end before anything could be seen.
    """
    target = open_target(destination)
    verdict, verdict_gate = _weigh_verdict(Path(evaluation))
    gates = [verdict_gate, *(_blessing_gate(name, blessed) for name, blessed in (blessings or {}).items())]
    weighed = None if verdict is None else verdict.subject.get("model")
    if odd := files.odd_one(model):
        return Pushed((*gates, _whole_gate(odd)))
    manifest = _manifest(Path(model))
    same = digest_gate(manifest.tree_digest if manifest else None, weighed)
    if verdict is None or manifest is None or any(gate.refuses for gate in (*gates, same)):
        return Pushed((*gates, same))
    kept = Path(statistics) if statistics else None
    statement = state(manifest, verdict, Path(evaluation), origin, statistics=kept, promoted=bool(promoted_from))
    statement = sized(statement, verdict, Path(evaluation))
    gates += statement.gates
    if any(gate.refuses for gate in gates):
        return Pushed((*gates, same))
    description = {"promoted_from": promoted_from, "approved_by": approved_by, "approved_in": approved_in}
    with target.exclusive():
        if expected_state and production_state(destination) != expected_state:
            raise InfrastructureError(f"Another push changed {destination} just now", "Run again.")
        return _push_weighed(
            target, destination, Path(model), verdict, statement, gates, kept, description, at_least, canary_run
        )


def open_target(destination: str | Path) -> Target:
    """What pushes to `destination`.

    Raises:
        UsageError: it is neither a folder's path nor the address of a store, such as `gs://bucket/prefix`.
    """
    place = open_destination(destination)
    if isinstance(place, GitDestination):
        return GitTarget(place.address, open_target)
    if isinstance(place, RegistryDestination):
        return RegistryTarget(place.address)
    return BucketTarget(place.address) if isinstance(place, BucketDestination) else FilesystemTarget(place.address)


def look_up(destination: str | Path, model_digest: str) -> ProductionRecord | None:
    """The record of a destination, if the version it names is the newest and really holds the bytes of that digest.

    Raises:
        UsageError: the record cannot be read, or the destination is none.
        InfrastructureError: the store cannot be reached.
    """
    return _look_up(open_target(destination), model_digest)[1]


def push_state(evaluation: str | Path, destination: str | Path) -> str:
    """What a cache of pushes must be keyed by besides the inputs.

    As long as the weighed model is in production a push does nothing, so an earlier one may stand for it: the state
    is the record's digest. Otherwise a push must happen, whatever happened before: the state is a new one each time.
    """
    try:
        verdict = Verdict.read(Path(evaluation, VERDICT_FILE))
        if look_up(destination, verdict.subject.get("model", "")) is not None:
            return record_digest(destination)
    except WeighbridgeError:
        pass  # the push itself will say so
    return uuid.uuid4().hex


def _push_weighed(
    target: Target,
    destination: str | Path,
    model: Path,
    verdict: Verdict,
    statement: Statement,
    gates: list[Gate],
    statistics: Path | None,
    description: Mapping[str, str],
    at_least: int,
    canary_run: str,
) -> Pushed:
    weighed = verdict.subject["model"]
    version, record = _look_up(target, weighed)
    if version is not None and record is not None:
        progress.report(f"already in production as version {version}")
        return Pushed((*gates, digest_gate(weighed, weighed)), record, target.path(version), already=True)
    gates = [
        *gates,
        *replacement_gates(destination, verdict, promoted=bool(description["promoted_from"]), canary_run=canary_run),
    ]
    replaced = target.record()
    if unsigned := replaceable_gate(replaced, statement):
        gates.append(unsigned)
    if withdrawn := withdrawn_gate(destination, replaced, weighed):
        gates.append(withdrawn)
    if any(gate.refuses for gate in gates):
        return Pushed((*gates, digest_gate(weighed, weighed)))
    evidence = {VERDICT_FILE: verdict.canonical(), **statement.files}
    with target.stage(None if version else model, evidence, statistics) as staged:
        same = digest_gate(staged.model_digest or weighed, weighed)
        if same.refuses:  # the model was changed while it was copied
            return Pushed((*gates, same))
        record = ProductionRecord(
            version=version or max(target.next_version(), at_least),
            model_digest=weighed,
            verdict_digest=verdict.digest,
            run_id=verdict.run_id,
            pipeline=verdict.pipeline,
            pushed_at=datetime.now(UTC),
            subject=verdict.subject,
            signed_by=statement.signed_by,
            withdrawn=after(replaced),
            promoted_from=description["promoted_from"],
            approved_by=description["approved_by"],
            approved_in=description["approved_in"],
        )
        # Who asks the process to end before the target's last look finds nothing pushed; who asks later, all of it.
        with interruption.deferred():
            record = target.commit(staged, record)
            path = target.path(record.version)
            page, asked = proposed(target, record)
            if not page:
                progress.lasts(f"version {record.version} is in production at {path}")
    return Pushed((*gates, same, *asked), record, path, proposed=page)


def _look_up(target: Target, digest: str) -> tuple[int | None, ProductionRecord | None]:
    """The newest version if it holds the bytes of `digest`, and the production record if it names just that.

    Only the newest counts, because it is the one that is served. Its bytes count and not its name: a damaged version
    is not a reason not to push.
    """
    record = target.record()
    newest = target.newest_version()
    if newest is None or not target.holds(newest, digest):
        return None, None
    named = record is not None and (record.version, record.model_digest) == (newest, digest)
    return newest, record if named else None


def _weigh_verdict(evaluation: Path) -> tuple[Verdict | None, Gate]:
    verdict, observed = None, None
    status: Status = "unmeasured"
    try:
        verdict = Verdict.read(evaluation / VERDICT_FILE)
        observed, status = verdict.passed, verdict.outcome
        refusals = ", ".join(gate.name for gate in verdict.refusals[:3])
        message = (
            "The model's verdict passed." if observed else f"The model was refused by {refusals or 'its verdict'}."
        )
    except UsageError as error:
        message = f"{error.message}. Only a model that was weighed is pushed."
    return verdict, Gate(name="push.verdict.passed", status=status, observed=observed, threshold=True, message=message)


def _blessing_gate(name: str, blessed: bool) -> Gate:
    message = f"The {name} is given." if blessed else f"The {name} is not given; see the step that gives it."
    return Gate(
        name=f"push.{name}.blessed",
        status=passed_if(blessed),
        observed=blessed,
        threshold=True,
        message=message.replace("_", " "),
    )


def _whole_gate(odd: str) -> Gate:
    message = f"{odd} in the model's folder: production would get other bytes than were weighed. Export the files."
    return Gate(name="push.model.whole", status="refused", observed=odd, threshold="files and folders", message=message)


def digest_gate(found: str | None, weighed: str | None) -> Gate:
    """Whether the bytes that were found are those that were weighed."""
    if found is None:
        message = "The model has no readable files. Look at the step that exports it."
    elif weighed is None:
        message = "The verdict does not say which model was weighed, so none can be pushed on it."
    elif found != weighed:
        message = "The model's bytes are not those that were weighed. Weigh it again: run the Evaluator anew."
    else:
        message = "The model's bytes are those that were weighed."
    return Gate(
        name="push.model_digest.equal",
        status="unmeasured" if found is None or weighed is None else passed_if(found == weighed),
        observed=found,
        threshold=weighed,
        message=message,
    )


def _manifest(model: Path) -> Manifest | None:
    try:
        return read_manifest(model)
    except (UsageError, OSError) as error:
        if is_machine_failure(error):
            raise InfrastructureError(f"The model at {model} cannot be read: {error}", "Run again.") from error
        return None
