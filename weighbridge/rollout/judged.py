"""One step of a canary that somebody else walks, as Argo Rollouts does: judged, and told by the exit code."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from weighbridge.common import interruption
from weighbridge.common.digests import bytes_digest
from weighbridge.common.errors import InfrastructureError, UsageError, WeighbridgeError
from weighbridge.components.production_model.canary import CanaryState
from weighbridge.components.production_model.record import ProductionRecord
from weighbridge.rollout.decide import Look, decide
from weighbridge.rollout.observed import Window
from weighbridge.rollout.prometheus import Prometheus
from weighbridge.rollout.walking import Clock, Judge, Watcher
from weighbridge.rollout.watch import LOOKBACK_S, QUERIES, filled
from weighbridge.thresholds.canary import CanaryGates
from weighbridge.verdict import Gate


@dataclass(frozen=True)
class Judged:
    """What a step came to.

    Attributes:
        passed: all gates passed on enough requests.
        reason: why, or why not.
        gates: as they stood at the end.
        windows: what was seen.
    """

    passed: bool
    reason: str
    gates: tuple[Gate, ...]
    windows: tuple[Window, ...]


def judge_step(
    gates: CanaryGates,
    number: int,
    versions: tuple[int, int],
    watch: Watcher,
    judge: Judge,
    *,
    minutes: float | None = None,
    every_s: float = 30.0,
    clock: Clock | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> Judged:
    """Look at a step from now on until it is decided; whatever sets the traffic is somebody else's.

    Args:
        gates: the section `canary`.
        number: of the step, from 1.
        versions: of canary and stable.
        watch: looks at the monitoring.
        judge: makes gates of windows.
        minutes: end after so long, with no hold; None for the step's own time and hold.
        every_s: between two looks.
        clock: this machine's.
        tell: is told of each look.

    Raises:
        UsageError: there is no such step, or Prometheus takes no such question.
        InfrastructureError: Prometheus could not be reached at all.
    """
    if not 1 <= number <= len(gates.steps):
        names = ", ".join(f"{place}: {step.name}" for place, step in enumerate(gates.steps, 1))
        raise UsageError(f"--step {number}: gates.yaml has no such step of a canary", f"Steps: {names}.")
    clock = clock or Clock()
    step = gates.steps[number - 1]
    if minutes is not None:
        steps = (*gates.steps[: number - 1], step.model_copy(update={"minutes": minutes}), *gates.steps[number:])
        gates = gates.model_copy(update={"steps": steps, "hold_minutes": 1e-6})
    began = watch.now()
    state = _state(number - 1, versions, step.percent, step.shadow, began)
    windows: list[Window] = []
    found: Sequence[Gate] = ()
    offset = began - clock.now()
    unreached = ""
    while True:
        interruption.check()
        now, problems = clock.now() + offset, list[str]()
        try:
            seen = watch.look(windows[-1].end if windows else began, state.step)
            now, unreached = seen.now, ""
            problems += [*seen.problems, *([seen.gone] if seen.gone else [])]
            if seen.window is not None:
                windows.append(seen.window)
        except WeighbridgeError as error:
            unreached = error.message
            problems.append(unreached)
        found = judge(gates, windows) if windows else ()
        requests = sum(window.canary.requests for window in windows)
        decision = decide(gates, state, Look(now, tuple(found), requests, tuple(dict.fromkeys(problems))))
        tell(f"{now:%H:%M:%S}  {step.name}  {decision.action.replace('_', ' ')}: {decision.reason}")
        if decision.action in ("next", "promote"):
            return Judged(True, decision.reason, tuple(found), tuple(windows))
        if decision.action == "roll_back":
            if unreached and not windows:
                raise InfrastructureError(f"Nothing was seen of step {step.name}: {unreached}", "Run again.")
            return Judged(False, decision.reason, tuple(found), tuple(windows))
        clock.sleep(every_s)


def stable_version(prometheus: Prometheus, model: str, canary: int) -> int:
    """The version, other than the canary's, that answered most requests of a model in the last minutes.

    Raises:
        UsageError: there is none, or the queries are not ours, which tell no version.
        InfrastructureError: Prometheus cannot be reached.
    """
    selector = QUERIES["requests"].replace(',version="$version"', "")
    selector = filled(selector, model, "")
    answered: dict[int, float] = {}
    for series in prometheus.samples(selector, prometheus.now(), LOOKBACK_S):
        version = series.labels.get("version", "")
        if version.isascii() and version.isdigit() and int(version) != canary:
            grown = max(series.values) - min(series.values)
            answered[int(version)] = answered.get(int(version), 0.0) + grown
    if not answered:
        raise UsageError(
            f"Prometheus knows no version of {model} beside {canary}: {selector}",
            "Give production's version with --stable N, or serve production first.",
        )
    return max(answered, key=lambda version: (answered[version], version))


def _state(step: int, versions: tuple[int, int], percent: float, shadow: bool, now: datetime) -> CanaryState:
    """A state as `decide` reads it; nothing else is known of the model here, and nothing of it is kept."""
    nothing = bytes_digest(b"")
    record = ProductionRecord(
        version=versions[0],
        model_digest=nothing,
        verdict_digest=nothing,
        run_id="",
        pipeline="",
        pushed_at=datetime.now(UTC),
        subject={},
    )
    return CanaryState(
        canary=record,
        stable=versions[1],
        step=step,
        percent=percent,
        shadow=shadow,
        step_since=now,
        since=now,
        run_id="",
    )
