"""Promotes a model from one stage to the next: verified against its record and verdict, pushed whole, then checked."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from weighbridge.common.errors import UsageError
from weighbridge.components.production_model.fetch import fetch_production, production_state
from weighbridge.components.production_model.record import (
    EVIDENCE_FOLDER,
    RECORD_FILE,
    STATISTICS_FOLDER,
    ProductionRecord,
)
from weighbridge.components.production_model.standing import read_record
from weighbridge.components.pusher.push import Pushed, look_up, push
from weighbridge.delivery import judge
from weighbridge.delivery.attested import attested_gates
from weighbridge.delivery.kept_examples import kept_examples
from weighbridge.delivery.promotion import Promotion
from weighbridge.delivery.steps import Steps
from weighbridge.evidence.delivered import Delivered
from weighbridge.runs.display import Display
from weighbridge.runs.finish import run_to_end
from weighbridge.runs.outcome import RunOutcome
from weighbridge.runs.record import Run
from weighbridge.storage.destination import open_destination
from weighbridge.thresholds.delivery import PRODUCTION
from weighbridge.verdict import Gate, Verdict
from weighbridge.verdict.verdict import VERDICT_FILE

_MODEL = "model"
_STEPS = ("verify", "push", "check")


def source_record(promotion: Promotion) -> ProductionRecord:
    """The record of the model at the source.

    Raises:
        UsageError: nothing is there, or its record cannot be read.
    """
    address = promotion.destinations[promotion.source]
    record = read_record(address)
    if record is None:
        names, name = promotion.delivery.names, promotion.workspace.pipeline
        before = names[: names.index(promotion.source)]
        way = f"promote {name} --from {before[-1]} --to" if before else f"run {name} --deliver-to"
        raise UsageError(
            f"There is no model at {promotion.source}: {address} has no {RECORD_FILE}",
            f"Deliver one there: weighbridge {way} {promotion.source}",
        )
    return record


def delivered_record(promotion: Promotion, record: ProductionRecord) -> ProductionRecord | None:
    """The target's record if it holds this very model, and has shown all that the stage asks for."""
    there = look_up(promotion.destination, record.model_digest)
    if there is None or (promotion.stage.calls and not judge.passed_at(promotion.workspace, promotion.target, there)):
        return None
    return there


def promote(promotion: Promotion, record: ProductionRecord, run: Run, display: Display) -> RunOutcome:
    """Promote a model; the run folder holds the verdict of the delivery and its reports.

    Args:
        promotion: which model goes from which stage to which.
        record: of the model at the source, see `source_record`.
        run: a new run of kind `promotion`.
        display: shows the steps.

    Returns:
        How it ended. A refusing gate is a value; the target is then as it was, unless the delivered copy itself
        was refused: then it is there, but no stage behind takes it.
    """
    display.started(run, list(_STEPS))

    def deliver() -> Verdict:
        if promotion.store is not None:
            promotion.store.announce(run)
        with _scratch(promotion.workspace.folder) as folder:
            gates = _deliver(promotion, record, run, display, folder)
        subject = judge.subject(record, promotion.target)
        return Verdict.of(gates, pipeline=record.pipeline, run_id=run.record.run_id, subject=subject)

    return run_to_end(run, display, deliver, {})


@contextmanager
def _scratch(home: Path) -> Iterator[Path]:
    """A folder for copies of models. The caller holds the workspace: what is there was left by a killed promotion."""
    folder = home / "promoting"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _deliver(promotion: Promotion, record: ProductionRecord, run: Run, display: Display, folder: Path) -> list[Gate]:
    steps = Steps(run, display)
    address, evidence = promotion.destinations[promotion.source], folder / "evidence"
    with steps.step("verify") as gates:
        source = open_destination(address)
        source.copy(str(record.version), folder / _MODEL)
        source.copy(f"{EVIDENCE_FOLDER}/{record.version}", evidence)
        state = production_state(promotion.destination)
        gates += judge.judge(promotion, record, evidence / VERDICT_FILE)
        if not any(gate.refuses for gate in gates):
            gates += attested_gates(promotion, record, folder / _MODEL, evidence)
    if steps.refused:
        return steps.left_out("push", "check")
    with steps.step("push") as gates:
        statistics = evidence / STATISTICS_FOLDER
        pushed = push(
            folder / _MODEL,
            evidence,
            promotion.destination,
            statistics=statistics if statistics.is_dir() else None,
            promoted_from=address,
            approved_by=promotion.approval.by,
            approved_in=promotion.approval.build,
            expected_state=state,
        )
        gates += pushed.gates
        if pushed.record is not None:
            run.record.delivered = Delivered.at(
                pushed.path,
                pushed.record.version,
                promotion.target,
                already=pushed.already,
                proposed=pushed.proposed,
            )
    if steps.refused or pushed.record is None or not promotion.stage.calls:
        return steps.left_out("check")
    with steps.step("check") as gates:
        gates += _check(promotion, record, pushed, folder)
        run.record.fingerprint = judge.checked_version(pushed.record)
    return steps.gates


def _check(promotion: Promotion, record: ProductionRecord, pushed: Pushed, folder: Path) -> list[Gate]:
    """Bring the delivered copy and production here, and call them."""
    from weighbridge.delivery.check import Copies, check_copy

    assert promotion.thresholds is not None  # noqa: S101, the promotion was refused otherwise
    assert pushed.record is not None  # noqa: S101
    open_destination(promotion.destination).copy(str(pushed.record.version), folder / "delivered")
    production = fetch_production(promotion.destinations[PRODUCTION], folder / PRODUCTION, folder / "statistics")
    copies = Copies(
        folder / "delivered", folder / _MODEL, folder / PRODUCTION if production.record is not None else None
    )
    examples = judge.examples_of(promotion.workspace, record)
    if examples is None and promotion.store is not None:
        examples = kept_examples(promotion.store.kept, record, folder)
    return check_copy(promotion.target, promotion.stage, copies, examples, promotion.thresholds)
