"""Puts an earlier version back: chosen, verified as what was weighed once, and made production in one step.

What would keep a model out today and says nothing of its bytes (its age, thresholds that were tightened since) is told
as a warning: a rollback is for the middle of the night. That somebody weighed these very bytes, and that they passed,
is asked for as always.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from weighbridge.components.production_model.record import (
    CLAIM_FILE,
    EVIDENCE_FOLDER,
    KEPT_RECORD_FILE,
    STATISTICS_FOLDER,
    ProductionRecord,
)
from weighbridge.components.pusher.restore import restore
from weighbridge.delivery.approval import Approval
from weighbridge.delivery.earlier_version import Choice
from weighbridge.delivery.judge import checked_version
from weighbridge.delivery.rollback_gates import rollback_gates
from weighbridge.delivery.steps import Steps
from weighbridge.evidence.delivered import Delivered
from weighbridge.runs.display import Display
from weighbridge.runs.finish import run_to_end
from weighbridge.runs.outcome import RunOutcome
from weighbridge.runs.record import Run
from weighbridge.runs.store import RunStore
from weighbridge.storage.destination import open_destination
from weighbridge.thresholds import Gates
from weighbridge.thresholds.delivery import Stage
from weighbridge.verdict import Gate, Verdict

_OWN = (KEPT_RECORD_FILE, CLAIM_FILE)  # every version has these of its own


@dataclass(frozen=True)
class Rollback:
    """What is to be rolled back, and how.

    Attributes:
        pipeline: name of the pipeline whose models lie there.
        destination: folder or address.
        stage: what the policy says of it.
        choice: the version in production, and the one to put in its place.
        approval: who approved it.
        reason: why, in a person's words.
        policy: the pipeline's thresholds as they are now; None where there is no such file.
        store: what builds on all machines share; None where they share nothing.
    """

    pipeline: str
    destination: str
    stage: Stage
    choice: Choice
    approval: Approval = field(default_factory=Approval)
    reason: str = ""
    policy: Gates | None = None
    store: RunStore | None = None

    @property
    def needs_approval(self) -> bool:
        """Whether somebody must put their name to it: where the policy asks, and what is in production was approved.

        What a run alone put there, as in one's own work directory, may be taken back alone, too.
        """
        return self.stage.approval == "required" and bool(self.choice.live.approved_by)


def roll_back(rollback: Rollback, target: ProductionRecord, run: Run, display: Display) -> RunOutcome:
    """Put an earlier version back; the run folder holds the verdict of the rollback and its reports.

    Args:
        rollback: what is to be rolled back.
        target: the version to put back, see `choose`.
        run: a new run of kind `rollback`.
        display: shows the steps.

    Returns:
        How it ended. A refusing gate is a value; production is then as it was.
    """
    display.started(run, ["verify", "restore"])

    def work() -> Verdict:
        if rollback.store is not None:
            rollback.store.announce(run)
        with _copies(run) as folder:
            gates = _go_back(rollback, target, run, display, folder)
        subject = target.subject | {
            "weighed": target.verdict_digest,
            "stage": rollback.stage.stage,
            "rolled_back_from": rollback.choice.live.model_digest,
        }
        return Verdict.of(gates, pipeline=rollback.pipeline, run_id=run.record.run_id, subject=subject)

    return run_to_end(run, display, work, {})


@contextmanager
def _copies(run: Run) -> Iterator[Path]:
    """A folder for the copies of the model; of a killed rollback it stays until `gc` removes its run."""
    folder = run.folder / "copies"
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _go_back(rollback: Rollback, target: ProductionRecord, run: Run, display: Display, folder: Path) -> list[Gate]:
    steps, model, evidence = Steps(run, display), folder / "model", folder / "evidence"
    with steps.step("verify") as gates:
        place = open_destination(rollback.destination)
        place.copy(str(target.version), model)
        place.copy(f"{EVIDENCE_FOLDER}/{target.version}", evidence)
        evidence.mkdir(exist_ok=True)
        gates += rollback_gates(rollback, target, model, evidence)
    if steps.refused:
        return steps.left_out("restore")
    with steps.step("restore") as gates:
        statistics = evidence / STATISTICS_FOLDER
        kept = {path.name: path.read_bytes() for path in sorted(evidence.iterdir()) if path.is_file()}
        pushed = restore(
            rollback.destination,
            target,
            model,
            {name: data for name, data in kept.items() if name not in _OWN},
            live=rollback.choice.live,
            expected_state=rollback.choice.state,
            statistics=statistics if statistics.is_dir() else None,
            run_id=run.record.run_id,
            reason=rollback.reason,
            approved_by=rollback.approval.by,
            approved_in=rollback.approval.build,
        )
        gates += pushed.gates
        if pushed.record is not None:
            stage = rollback.stage.stage
            run.record.delivered = Delivered.at(
                pushed.path, pushed.record.version, stage, already=pushed.already, proposed=pushed.proposed
            )
            run.record.fingerprint = checked_version(pushed.record)
    return steps.gates
