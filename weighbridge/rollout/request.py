"""What `weighbridge canary` was asked for: a canary begun, gone on with, waited for or ended; one of a pipeline."""

import shlex
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, TextIO

from weighbridge.common import locks, progress
from weighbridge.common.environment import PROMETHEUS_VARIABLE
from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.components.production_model.canary import CanaryState
from weighbridge.local.output_capture import captured_output
from weighbridge.rollout import deliver
from weighbridge.rollout.asked import CLUSTERS, CanaryRequest, Place, again, approval, find_place, wanted
from weighbridge.rollout.envoy import Envoy
from weighbridge.rollout.judge import judge
from weighbridge.rollout.places import placed_at, state_at
from weighbridge.rollout.prometheus import Prometheus
from weighbridge.rollout.traffic import Declared, Traffic
from weighbridge.rollout.walking import Watcher
from weighbridge.rollout.watch import Watch
from weighbridge.runs.display import Display
from weighbridge.runs.outcome import RunOutcome
from weighbridge.runs.record import Run
from weighbridge.runs.sending import sent
from weighbridge.thresholds.canary import CanaryGates
from weighbridge.thresholds.delivery import PRODUCTION

LOCK_FILE = "canary.lock"
_PAUSE_S = 2.0


@dataclass(frozen=True)
class Nothing:
    """There was nothing to do, and why."""

    pipeline: str
    destination: str
    message: str
    already: bool = False


@dataclass(frozen=True)
class Walked:
    """A canary that ended, or was left."""

    pipeline: str
    destination: str
    outcome: RunOutcome


class CanaryDisplay(Display, Protocol):
    """A display that is told of a canary's events, too."""

    def tell(self, event: Any, state: CanaryState) -> None:
        """An event happened."""


Displays = Callable[[TextIO, CanaryGates], CanaryDisplay]


def walk(request: CanaryRequest, display: Displays, say: Callable[[str], None]) -> Walked | Nothing:
    """Do what was asked for.

    Args:
        request: what.
        display: makes what shows it, given the real terminal and the steps.
        say: prints a line, as of what is waited for.

    Raises:
        UsageError: an option, the policy or the destination is wrong.
        InfrastructureError: something cannot be reached, or another canary is on its way.
    """
    place = find_place(request)
    store = state_at(place.destination)
    if request.abort:
        state, token = store.read()
        if state is None:
            message = f"No canary of {place.definition.name} is on its way at {place.destination}."
            return Nothing(place.definition.name, place.destination, message)
        with ExitStack() as held:
            try:
                held.enter_context(_alone(replace(place, request=replace(request, wait=False)), say))
                walked = False
            except InfrastructureError:
                walked = True  # by a process that will find that there is no state any more
            return _abort(place, display, state, token, walked)
    if not request.prometheus.strip():
        raise UsageError(
            "No Prometheus is named, which is what a canary is judged by",
            f"Give --prometheus URL, or set {PROMETHEUS_VARIABLE}.",
        )
    Prometheus(request.prometheus)
    with _alone(place, say):
        while True:
            state, token = store.read()
            model = wanted(place, state)
            if state is None or model is None or model[0].model_digest == state.canary.model_digest:
                break
            _refuse_or_wait(place, state, say)
        if state is not None:
            return _go_on(place, display, state, token)
        if (left := deliver.unfinished(place.workspace)) is not None:
            return _finish(place, display, *left)
        assert model is not None  # noqa: S101, it is looked up where there is no canary
        record, source = model
        there = store.production()
        if there is not None and there.model_digest == record.model_digest:
            message = f"Nothing to do: this model is in production already, as version {there.version}."
            return Nothing(place.definition.name, place.destination, message, already=True)
        return _run(
            place, display, None, lambda delivery, run, shown: deliver.begin(delivery, record, source, run, shown)
        )


def _go_on(place: Place, display: Displays, state: CanaryState, token: str) -> Walked:
    return _run(place, display, state, lambda given, run, shown: deliver.go_on(given, state, token, run, shown))


def _finish(place: Place, display: Displays, left: Run, state: CanaryState) -> Walked:
    """Write the verdict of a canary that ended when its process was killed."""

    def finish(delivery: deliver.Delivery, run: Run, shown: CanaryDisplay) -> RunOutcome:
        return deliver.finish(delivery, state, run, shown)

    return _run(place, display, state.model_copy(update={"run_id": left.record.run_id}), finish)


def _abort(place: Place, display: Displays, state: CanaryState, token: str, walked: bool) -> Walked:
    why = "It was ended by --abort."
    return _run(
        place,
        display,
        state,
        walked=walked,
        work=lambda given, run, shown: deliver.abort(given, state, token, run, why, shown),
    )


def _run(
    place: Place,
    display: Displays,
    state: CanaryState | None,
    work: Callable[[deliver.Delivery, Run, CanaryDisplay], RunOutcome],
    walked: bool = False,
) -> Walked:
    """Make the run, or open again the one that nobody walks any more, and do the work in it."""
    name, store = place.definition.name, state_at(place.destination)
    parameters: dict[str, Any] = {"from": place.promotion.source, "to": PRODUCTION}
    with deliver.held(place.workspace):
        if place.shared is not None:
            place.shared.send_unsent()
            place.shared.bring()
        promotion = replace(place.promotion, approval=approval(place, state))
        run = None if state is None or walked else deliver.reopened(place.workspace, state)
        kept = {} if run is None else run.record.parameters
        if state is not None and run is None and (walker := place.workspace.run(state.run_id)) is not None:
            kept = walker.record.parameters  # it is alive, and is to be ended
        told = place.request.traffic or {key: str(kept[key]) for key in kept if key.startswith("envoy")}
        if state is not None and state.traffic == "envoy" and not told.get("envoy"):
            raise _without_envoy(place)
        traffic = _traffic(told)
        if run is None:
            run = place.workspace.new_run(place.definition, parameters | told, kind="canary", delivered_to=PRODUCTION)
        if place.shared is not None:
            place.shared.announce(run)

    def watch(walked: CanaryState) -> Watcher:
        versions = {"canary": str(walked.canary.version), "stable": str(walked.stable)}
        return Watch(Prometheus(place.request.prometheus), place.gates, name, versions)

    with captured_output(run.log, verbose=False) as terminal:
        shown = display(terminal, place.gates)
        delivery = deliver.Delivery(
            promotion=promotion,
            gates=place.gates,
            store=store,
            placed=placed_at(place.destination),
            traffic=traffic,
            watch=watch,
            judge=judge,
            again=again(place.request, told),
            every_s=place.request.every_s,
            tell=shown.tell,
        )
        outcome = work(delivery, run, shown)
    outcome = sent(place.shared, outcome, f"{PRODUCTION}, {place.destination}")
    return Walked(name, place.destination, outcome)


def _without_envoy(place: Place) -> UsageError:
    """The error that nobody would take the requests away from a canary that an Envoy sends them to."""
    command = f"weighbridge canary {shlex.quote(place.request.pipeline)} --envoy FOLDER --envoy-admin URL"
    return UsageError(
        "An Envoy divides the requests of this canary by routes that this command writes, and none is named here",
        f"Where its folder is: {command}{' --abort' if place.request.abort else ''}",
    )


def _traffic(told: dict[str, str]) -> Traffic:
    if not told.get("envoy"):
        return Declared()
    stable, _, canary = told.get("envoy_clusters", CLUSTERS).partition(",")
    return Envoy(Path(told["envoy"]), told.get("envoy_admin", ""), stable.strip(), canary.strip())


@contextmanager
def _alone(place: Place, say: Callable[[str], None]) -> Iterator[None]:
    """Hold the pipeline's canaries on this machine; the system lets go of them when the process ends."""
    path = place.workspace.folder / LOCK_FILE
    path.parent.mkdir(parents=True, exist_ok=True)

    def waiting(holder: str) -> None:
        say(f"{progress.WAITING}another canary of {place.definition.name}{f' ({holder})' if holder else ''}")

    try:
        with locks.exclusive(path, waiting if place.request.wait else None):
            yield
    except BlockingIOError as error:
        if error.filename != str(path):
            raise
        state, _ = state_at(place.destination).read()
        raise _other(place, state, locks.holder(path)) from error


def _refuse_or_wait(place: Place, state: CanaryState, say: Callable[[str], None]) -> None:
    error = _other(place, state, "")
    if not place.request.wait:
        raise error
    say(f"{progress.WAITING}another canary: {error.message}")
    time.sleep(_PAUSE_S)


def _other(place: Place, state: CanaryState | None, holder: str) -> InfrastructureError:
    """The error that another canary is on its way: who, what, since when, and what to do."""
    name = place.definition.name
    told = f"A canary of {name} is on its way already"
    if state is not None:
        step = place.gates.steps[state.step].name if state.step < len(place.gates.steps) else f"step {state.step + 1}"
        told += f": version {state.canary.version} at {step}, run {state.run_id}, since {_minute(state.since)}"
    if holder:
        told += f" ({holder})"
    command = f"weighbridge canary {shlex.quote(place.request.pipeline)}"
    hint = f"Wait for it with --wait, go on with one that was left: {command}, or end it: {command} --abort."
    return InfrastructureError(told, hint)


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
