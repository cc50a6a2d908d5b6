"""What the delivery of a canary needs, and its beginning: the model verified, and its first state.

Where it goes from there, is in `weighbridge.rollout.deliver`.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.components.production_model.canary import CanaryState
from weighbridge.components.production_model.record import EVIDENCE_FOLDER, ProductionRecord
from weighbridge.components.pusher.replacement import withdrawn_gate
from weighbridge.delivery import judge as policy
from weighbridge.delivery.attested import attested_gates
from weighbridge.delivery.promotion import Promotion
from weighbridge.evidence.rollout import RolloutEvent
from weighbridge.rollout.placed import Model, Placed
from weighbridge.rollout.store import StateStore
from weighbridge.rollout.traffic import Traffic
from weighbridge.rollout.walking import Clock, Judge, Watcher
from weighbridge.runs.record import Run
from weighbridge.runs.workspace import Workspace
from weighbridge.storage.destination import open_destination
from weighbridge.thresholds.canary import CanaryGates
from weighbridge.verdict import Gate
from weighbridge.verdict.verdict import VERDICT_FILE

_COPIES = "copies"
_LOOKS = 10  # at production, a second apart, before a canary is not begun


@dataclass(frozen=True)
class Delivery:
    """What a canary needs.

    Attributes:
        promotion: from which stage the model comes, and the policy that it is held against; its target is production.
        gates: the steps and what they ask for.
        store: where its state lies.
        placed: where its version lies.
        traffic: who divides the requests.
        watch: who looks at the monitoring of a state's two versions.
        judge: makes gates of windows.
        again: the command that goes on with it.
        every_s: between two looks.
        clock: this machine's.
        tell: is told of each event, for people.
    """

    promotion: Promotion
    gates: CanaryGates
    store: StateStore
    placed: Placed
    traffic: Traffic
    watch: Callable[[CanaryState], Watcher]
    judge: Judge
    again: str
    every_s: float
    clock: Clock = field(default_factory=Clock)
    tell: Callable[[RolloutEvent, CanaryState], None] = lambda event, state: None

    @property
    def workspace(self) -> Workspace:
        """Whose run it is."""
        return self.promotion.workspace


def verified(delivery: Delivery, record: ProductionRecord, source: str, folder: Path) -> tuple[Model, list[Gate]]:
    """Bring the model here, and hold it against the policy."""
    place, evidence = open_destination(source), folder / "evidence"
    place.copy(str(record.version), folder / "model")
    place.copy(f"{EVIDENCE_FOLDER}/{record.version}", evidence)
    promotion = delivery.promotion
    gates = policy.judge(promotion, record, evidence / VERDICT_FILE)
    withdrawn = withdrawn_gate(promotion.destination, delivery.store.production(), record.model_digest)
    gates += [withdrawn] if withdrawn is not None else []
    if not any(gate.refuses for gate in gates):
        gates += attested_gates(promotion, record, folder / "model", evidence)
    approval = promotion.approval
    described = {"promoted_from": source, "approved_by": approval.by, "approved_in": approval.build}
    return Model(folder / "model", evidence, described), gates


def first_state(
    delivery: Delivery, record: ProductionRecord, production: ProductionRecord | None, run: Run
) -> CanaryState:
    """The state at the first step.

    Raises:
        UsageError: there is nothing in production that a canary could be held against.
    """
    if production is None:
        raise UsageError(
            f"Nothing is in production at {delivery.store.address} that a canary could be held against",
            f"Promote the first model as it is: weighbridge promote {record.pipeline} "
            f"--from {delivery.promotion.source} --to production",
        )
    step, now = delivery.gates.steps[0], delivery.clock.now()
    return CanaryState(
        canary=record,
        stable=production.version,
        step=0,
        percent=step.percent,
        shadow=step.shadow,
        step_since=now,
        since=now,
        run_id=run.record.run_id,
        traffic="declared" if delivery.traffic.follows else "envoy",
    )


def expect_production_seen(delivery: Delivery, watch: Watcher, state: CanaryState) -> None:
    """Make sure that the monitoring shows what a canary is to be held against; some seconds are waited for it.

    Raises:
        InfrastructureError: it does not, or its clock is wrong.
    """
    for left in reversed(range(_LOOKS)):
        seen = watch.look(state.since - timedelta(minutes=1), 0)
        problem = next((each for each in seen.problems if "production" in each or "clock" in each), "")
        if not problem:
            return
        if left:
            delivery.clock.sleep(1.0)
    raise InfrastructureError(
        f"No canary is begun: {problem.rstrip('.')}", "Serve production first: weighbridge serve."
    )


@contextmanager
def copies(run: Run) -> Iterator[Path]:
    """A folder for copies of models, in the run's; what a killed process left there goes first."""
    folder = run.folder / _COPIES
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
