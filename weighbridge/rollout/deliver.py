"""A live canary from end to end, as a run of its own: verified, placed, walked, and promoted by the policy of delivery.

The walk may take hours, in which other runs of the pipeline go on: the workspace is held at the beginning and at the
end alone.
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime

from weighbridge.common import files, interruption, progress
from weighbridge.common.errors import InfrastructureError, InterruptedRunError, WeighbridgeError
from weighbridge.components.production_model.canary import CanaryState
from weighbridge.components.production_model.record import ProductionRecord
from weighbridge.delivery import judge as policy
from weighbridge.delivery.attested import attested_gates
from weighbridge.evidence.delivered import Delivered
from weighbridge.rollout.beginning import Delivery, copies, expect_production_seen, first_state, verified
from weighbridge.rollout.controller import Walk
from weighbridge.rollout.gates import bytes_gate, walked_gate
from weighbridge.rollout.journal import Journal
from weighbridge.rollout.observed import Window
from weighbridge.rollout.placed import fetch
from weighbridge.rollout.steps import step_records
from weighbridge.rollout.store import StateChangedError, changed, parse_state, state_bytes
from weighbridge.rollout.timeline import Timeline
from weighbridge.rollout.walking import Ended, TakenOverError, Watcher
from weighbridge.rollout.watch import Seen
from weighbridge.runs.display import Display
from weighbridge.runs.finish import run_to_end
from weighbridge.runs.log import mark_step
from weighbridge.runs.outcome import RunOutcome
from weighbridge.runs.record import Run
from weighbridge.runs.workspace import Workspace
from weighbridge.storage.destination import open_destination
from weighbridge.storage.layout import CANARY_FILE
from weighbridge.verdict import Gate, Verdict
from weighbridge.verdict.verdict import VERDICT_FILE

_PAUSE_S = 1.0


def begin(delivery: Delivery, record: ProductionRecord, source: str, run: Run, display: Display) -> RunOutcome:
    """Begin a canary and walk it to its end.

    Args:
        delivery: what it needs.
        record: of the model at its source.
        source: the destination that the model is at.
        run: a new run of kind `canary`.
        display: shows the steps.

    Returns:
        How it ended: promoted, or refused by a gate and rolled back; or an error, where the canary stays on its way.
    """

    def work() -> Ended:
        with copies(run) as folder:
            model, gates = verified(delivery, record, source, folder)
            placed: ProductionRecord | None = None
            if source == delivery.placed.address:
                placed = record  # it lies there already
            elif not any(gate.refuses for gate in gates):
                display.step_progress(f"placing it at {delivery.placed.address}")
                pushed = delivery.placed.place(model)
                gates, placed = [*gates, *pushed.gates], pushed.record
        production = delivery.store.production()
        state = first_state(delivery, placed or record, production, run)
        if refused := [gate for gate in gates if gate.refuses]:
            return Ended("rolled_back", refused[0].message, tuple(gates), state)
        watch = delivery.watch(state)
        now = watch.now()
        state = state.model_copy(update={"since": now, "step_since": now})
        expect_production_seen(delivery, watch, state)
        with suppress(OSError):  # what is missing then, is asked for only where this process is killed at its very end
            files.write_bytes(run.folder / CANARY_FILE, state_bytes(state))
        there, token = delivery.store.read()
        if there is not None:
            raise changed(delivery.store.address)
        ended = _walk(delivery, run, watch).begin(state, token)
        return _with_gates(ended, gates)

    return _to_end(delivery, run, display, record, work)


def go_on(delivery: Delivery, state: CanaryState, token: str, run: Run, display: Display) -> RunOutcome:
    """Go on with a canary that is on its way; as `begin`."""

    def work() -> Ended:
        return _walk(delivery, run, delivery.watch(state)).go_on(state, token, run.record.run_id)

    return _to_end(delivery, run, display, state.canary, work)


class _Nobody:
    """Looks at nothing: to end a canary, nobody needs to."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def look(self, start: datetime, step: int) -> Seen:
        return Seen(self.now())

    def again(self, start: datetime, end: datetime, step: int) -> list[Window]:
        return []


def abort(delivery: Delivery, state: CanaryState, token: str, run: Run, reason: str, display: Display) -> RunOutcome:
    """Roll a canary back because somebody says so; as `begin`."""

    def work() -> Ended:
        walk, now, then = _walk(delivery, run, _Nobody()), state, token
        while True:
            try:
                return walk.abort(now, then, reason)
            except StateChangedError:  # whoever walks it has just gone a step further
                found, then = delivery.store.read()
                if found is None:
                    return walk.ended_elsewhere(now, "Somebody else ended it just now.")
                now = found

    return _to_end(delivery, run, display, state.canary, work)


def unfinished(workspace: Workspace) -> tuple[Run, CanaryState] | None:
    """The last canary, if it was ended and its process was killed before the run had been; None for none.

    The caller holds the pipeline's canaries on this machine, and there is no state of one.
    """
    run = next((run for run in workspace.newest_first() if run.record.kind == "canary" and not run.brought), None)
    if run is None or run.record.state != "running":
        return None
    try:
        state = parse_state((run.folder / CANARY_FILE).read_bytes(), str(run.folder / CANARY_FILE))
        last = Timeline(run.folder).last
    except (OSError, WeighbridgeError):
        return None
    return None if last is None or last.action not in ("roll_back", "promote") else (run, state)


def finish(delivery: Delivery, state: CanaryState, run: Run, display: Display) -> RunOutcome:
    """Say how a canary ended whose process was killed when nothing else was left to do; as `begin`."""

    def work() -> Ended:
        production = delivery.store.production()
        promoted = production is not None and production.model_digest == state.canary.model_digest
        return _walk(delivery, run, _Nobody()).finish(state, promoted)

    return _to_end(delivery, run, display, state.canary, work)


def reopened(workspace: Workspace, state: CanaryState) -> Run | None:
    """The run that walked a canary, to go on with it in the same folder; None where it is not here.

    The caller holds the pipeline's canaries on this machine, so nobody walks it any more, whatever its record says.
    """
    run = workspace.run(state.run_id)
    if run is None or run.brought or run.record.kind != "canary":
        return None
    again: dict[str, object] = {
        "state": "running",
        "exit_code": None,
        "error": "",
        "pid": os.getpid(),
        "steps": [],
        "verdict_digest": "",
    }
    run = Run(run.folder, run.record.model_copy(update=again))
    run.save()
    return run


def _to_end(
    delivery: Delivery, run: Run, display: Display, record: ProductionRecord, work: Callable[[], Ended]
) -> RunOutcome:
    """Do the work without the workspace, then hold it and finish the run with what came of it."""
    names = [step.name for step in delivery.gates.steps]
    display.started(run, ["verify", *names, "promote"])
    began = time.monotonic()
    ended: Ended | None = None
    error: BaseException | None = None
    mark_step("canary")
    try:
        with progress.listening(display.step_progress):
            ended = work()
    except KeyboardInterrupt:
        interruption.heeded()
        error = _left(delivery, run)
    except BaseException as caught:
        error = caught
    display.ended()

    def verdict() -> Verdict:
        run.record.steps = step_records(delivery.gates, Timeline(run.folder).events, ended)
        for step in run.record.steps:
            display.step_ended(step)
        if ended is None:
            raise error or AssertionError
        if ended.outcome == "promoted":
            version, stage = ended.state.canary.version, delivery.promotion.target
            at = open_destination(delivery.promotion.destination).path(str(version))
            run.record.delivered = Delivered.at(at, version, stage, already=False)
        gates = _latest([*ended.gates, walked_gate(delivery.gates, ended)])
        subject = policy.subject(record, delivery.promotion.target)
        return Verdict.of(gates, pipeline=record.pipeline, run_id=run.record.run_id, subject=subject)

    with held(delivery.workspace):
        outcome = run_to_end(run, display, verdict, {"rollout": run.folder})
        run.record.seconds = round(time.monotonic() - began, 3)
        with suppress(OSError):  # the record is there, with the time that finishing took
            run.save()
    return outcome


@contextmanager
def held(workspace: Workspace) -> Iterator[None]:
    """Hold the workspace, waiting for a run that has it: what a canary comes to must be kept."""
    with ExitStack() as stack:
        while True:
            try:
                stack.enter_context(workspace.lock())
                break
            except InfrastructureError as error:
                if not isinstance(error.__cause__, BlockingIOError):
                    raise
                progress.report(f"{progress.WAITING}the work directory: {error.message}")
                time.sleep(_PAUSE_S)
        yield


def _walk(delivery: Delivery, run: Run, watch: Watcher) -> Walk:
    def intact(state: CanaryState) -> Sequence[Gate]:
        return [bytes_gate(delivery.placed.address, state)]

    def promote(state: CanaryState, token: str) -> Sequence[Gate]:
        with copies(run) as folder:
            model = fetch(delivery.placed.address, state.canary, folder)
            gates = policy.judge(delivery.promotion, state.canary, model.evidence / VERDICT_FILE)
            if not any(gate.refuses for gate in gates):
                gates += attested_gates(delivery.promotion, state.canary, model.folder, model.evidence)
            if not any(gate.refuses for gate in gates):
                gates += delivery.placed.promote(model, state, token, delivery.store).gates
        return gates

    return Walk(
        gates=delivery.gates,
        store=delivery.store,
        traffic=delivery.traffic,
        watch=watch,
        judge=delivery.judge,
        timeline=Timeline(run.folder),
        intact=intact,
        promote=promote,
        begun=lambda state: delivery.placed.remove_before(state.canary.version),
        tell=delivery.tell,
        every_s=delivery.every_s,
        clock=delivery.clock,
    )


def _left(delivery: Delivery, run: Run) -> WeighbridgeError:
    """What to say where the process was asked to end, and the canary stays on its way."""
    try:
        state, _ = delivery.store.read()
    except WeighbridgeError:
        state = None
    if state is None:
        return InterruptedRunError("The canary was interrupted before it had begun", "Run the same command again.")
    journal = Journal(delivery.gates, Timeline(run.folder), delivery.clock, delivery.tell)
    journal.add("ended", state, reason="The process was asked to end.", outcome="left")
    step = delivery.gates.steps[min(state.step, len(delivery.gates.steps) - 1)]
    return InterruptedRunError(
        f"Interrupted: the canary of version {state.canary.version} stays at {step.name}, and nobody watches it",
        f"Go on: {delivery.again}\nEnd it: {delivery.again} --abort",
    )


def _with_gates(ended: Ended, before: Sequence[Gate]) -> Ended:
    return Ended(ended.outcome, ended.reason, (*before, *ended.gates), ended.state)


def _latest(gates: Sequence[Gate]) -> list[Gate]:
    """Of several gates of one name, as before a canary and at its promotion, the last; in the order of the first."""
    found: Mapping[str, Gate] = {gate.name: gate for gate in gates}
    return list(found.values())


__all__ = ["Delivery", "TakenOverError", "abort", "begin", "go_on", "held", "reopened"]
