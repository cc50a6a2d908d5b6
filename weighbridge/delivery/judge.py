"""What must hold before a model moves on: approval, an up-to-date verdict, the stages before. Imports no tfx."""

from itertools import chain
from pathlib import Path
from typing import Any

from weighbridge.common.errors import UsageError
from weighbridge.components.production_model.record import ProductionRecord
from weighbridge.components.production_model.standing import read_record
from weighbridge.components.pusher.replacement import unchanged_gate
from weighbridge.delivery.approval import approved_gate
from weighbridge.delivery.promotion import Promotion
from weighbridge.runs.own_verdict import read_verdict, standing_verdict
from weighbridge.runs.record import Run
from weighbridge.runs.workspace import Workspace
from weighbridge.thresholds.delivery import PRODUCTION
from weighbridge.verdict import Gate, Verdict, passed_if
from weighbridge.verdict.verdict import VERDICT_FILE

_GROUP = "delivery"


def judge(promotion: Promotion, record: ProductionRecord, verdict_file: Path) -> list[Gate]:
    """The gates that are judged before anything is pushed.

    Args:
        promotion: which model goes from which stage to which.
        record: of the model at the source.
        verdict_file: the verdict that is kept with it.
    """
    gates = [_verdict_gate(record, verdict_file), *_run_gates(promotion, record)]
    gates += [
        _passed_gate(promotion, name, record) for name in (*promotion.between,) if promotion.delivery.stage(name).calls
    ]
    if promotion.delivery.stage(promotion.source).calls:
        gates.append(_passed_gate(promotion, promotion.source, record))
    if promotion.stage.approval == "required":
        gates.append(approved_gate(promotion.approval, promotion.stage, f"{_GROUP}.{promotion.target}.approved"))
    if promotion.target == PRODUCTION:
        gates.append(_unchanged_gate(promotion, record))
    return gates


def subject(record: ProductionRecord, target: str) -> dict[str, str]:
    """What the verdict of a delivery is bound to: what the model's own was, that verdict, and the stage."""
    return record.subject | {"weighed": record.verdict_digest, "stage": target}


def checked_version(record: ProductionRecord) -> dict[str, Any]:
    """What a promotion's run record keeps of the version that it checked."""
    return {"version": record.version, "model_digest": record.model_digest}


def passed_at(workspace: Workspace, stage: str, record: ProductionRecord) -> bool:
    """Whether a promotion in this workspace checked the version of `record` at a stage, and passed."""
    return any(
        run.record.kind == "promotion"
        and (run.record.delivered_to, run.record.state, run.record.fingerprint)
        == (stage, "passed", checked_version(record))
        and _says(standing_verdict(run), stage, record)
        for run in workspace.runs()
    )


def _says(verdict: Verdict | None, stage: str, record: ProductionRecord) -> bool:
    """Whether a promotion's verdict passed the model of `record` at a stage."""
    said = None if verdict is None or not verdict.passed else verdict.subject
    return said is not None and (said.get("stage"), said.get("model")) == (stage, record.model_digest)


def examples_of(workspace: Workspace, record: ProductionRecord) -> Path | None:
    """Folder of the examples that a model was weighed on; None where they are not here.

    They are those of its run, else those of any run that worked on the very same rows: a model that was made elsewhere,
    as on Kubeflow, left none here.
    """
    runs = [run for run in workspace.runs() if not run.brought]
    own = (run for run in runs if run.record.run_id == record.run_id)
    for run in chain(own, (run for run in reversed(runs) if _same_rows(run, record))):
        folders = (Path(each.uri) for each in run.record.artifacts if each.type == "Examples")
        if found := next((folder for folder in folders if folder.is_dir()), None):
            return found
    return None


def _same_rows(run: Run, record: ProductionRecord) -> bool:
    """Whether the verdict of a run is bound to the same rows as the verdict of a record."""
    try:
        rows = Verdict.read(run.folder / VERDICT_FILE).subject.get("data")
    except UsageError:
        return False
    return rows is not None and rows == record.subject.get("data")


def _verdict_gate(record: ProductionRecord, path: Path) -> Gate:
    """Whether the verdict beside a model is the one that its record names, and speaks of these bytes."""
    name = f"{_GROUP}.verdict.equal"
    try:
        verdict = Verdict.read(path)
    except UsageError as error:
        message = f"{error.message}. Deliver the model again."
        return Gate(name=name, status="unmeasured", threshold=record.verdict_digest, message=message)
    observed = verdict.digest
    same = observed == record.verdict_digest and verdict.subject.get("model") == record.model_digest
    message = (
        "The verdict is the one that the model was delivered on."
        if same
        else "The verdict beside the model is not the one that it was delivered on. Deliver the model again."
    )
    return Gate(name=name, status=passed_if(same), observed=observed, threshold=record.verdict_digest, message=message)


def _run_gates(promotion: Promotion, record: ProductionRecord) -> list[Gate]:
    """Whether the run that a record names passed, and with this model; no gate where its end is not known here."""
    run = next((run for run in promotion.workspace.runs() if run.record.run_id == record.run_id), None)
    if run is None or run.record.state not in ("passed", "refused"):
        return []
    try:
        model = read_verdict(run).subject.get("model")
    except UsageError:
        model = None
    passed = run.record.state == "passed" and model == record.model_digest
    message = (
        f"Run {record.run_id} weighed this model, and passed."
        if passed
        else f"Run {record.run_id}, which the record names, did not pass with this model, so the record was changed. "
        f"Move all of {promotion.destinations[promotion.source]} away, and deliver a model anew."
    )
    name = f"{_GROUP}.run.passed"
    return [Gate(name=name, status=passed_if(passed), observed=model, threshold=record.model_digest, message=message)]


def _passed_gate(promotion: Promotion, stage: str, record: ProductionRecord) -> Gate:
    there = read_record(promotion.destinations[stage])
    same = there is not None and there.model_digest == record.model_digest
    passed = there is not None and same and passed_at(promotion.workspace, stage, there)
    command = f"weighbridge promote {promotion.workspace.pipeline} --from {promotion.source} --to {stage}"
    if promotion.source == stage:
        first = promotion.delivery.names[0]
        command = f"weighbridge promote {promotion.workspace.pipeline} --from {first} --to {stage}"
    message = f"This model passed {stage}." if passed else f"This model has not passed {stage} yet. Run: {command}"
    return Gate(
        name=f"{_GROUP}.{stage}.passed", status=passed_if(passed), observed=passed, threshold=True, message=message
    )


def _unchanged_gate(promotion: Promotion, record: ProductionRecord) -> Gate:
    """A model that was weighed against another production than today's was weighed against nothing."""
    again = f"weighbridge run {promotion.workspace.pipeline} --deliver-to {promotion.delivery.names[0]}"
    return unchanged_gate(_GROUP, read_record(promotion.destination), record.subject, again)
