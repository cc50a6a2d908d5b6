"""Stand-ins for what a canary depends on: a clock that is set, a monitoring that is scripted, a state in memory."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from weighbridge.common.errors import InfrastructureError
from weighbridge.components.production_model.canary import CanaryState
from weighbridge.components.production_model.record import ProductionRecord
from weighbridge.rollout.controller import Walk
from weighbridge.rollout.observed import Counts, Histogram, Window
from weighbridge.rollout.store import StateChangedError
from weighbridge.rollout.timeline import Timeline
from weighbridge.rollout.walking import Clock
from weighbridge.rollout.watch import Seen
from weighbridge.thresholds.canary import CanaryGates, CanaryStep
from weighbridge.verdict import Gate, Status

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
STEPS = (
    CanaryStep(shadow=True, requests=100, minutes=1),
    CanaryStep(percent=1, requests=100, minutes=1),
    CanaryStep(percent=50, requests=100, minutes=1),
)


def record(version: int, digest: str = "") -> ProductionRecord:
    return ProductionRecord(
        version=version,
        model_digest="sha256:" + (digest or f"{version:x}").rjust(64, "0"),
        verdict_digest="sha256:" + "f" * 64,
        run_id="20260101-000000-0000",
        pipeline="taxi",
        pushed_at=BEGINNING,
        subject={},
    )


def gates(steps: Sequence[CanaryStep] = STEPS, hold_minutes: float = 10) -> CanaryGates:
    return CanaryGates(steps=tuple(steps), hold_minutes=hold_minutes)


def first_state(section: CanaryGates, run_id: str = "run-1") -> CanaryState:
    step = section.steps[0]
    return CanaryState(
        canary=record(7),
        stable=6,
        step=0,
        percent=step.percent,
        shadow=step.shadow,
        step_since=BEGINNING,
        since=BEGINNING,
        run_id=run_id,
    )


def counts(requests: int, errors: int = 0) -> Counts:
    return Counts(requests, errors, Histogram((0.01, math.inf), (requests, 0)), memory_bytes=1e6)


@dataclass
class World:
    """What lasts when a process is killed: time, requests, the state, production, and what traffic is in force."""

    now: datetime = BEGINNING
    state: CanaryState | None = None
    token: int = 0
    production: ProductionRecord = field(default_factory=lambda: record(6))
    in_force: CanaryState | None = None
    rate: float = 100.0  # requests a second, of both
    broken: set[str] = field(default_factory=set)  # what answers with an error: store, traffic, prometheus
    status: Status = "passed"
    problems: tuple[str, ...] = ()
    gone: str = ""
    starting: bool = False  # the canary's servers are not there yet
    share: float | None = None  # that the canary gets, where it is not the one asked for
    applied: list[CanaryState] = field(default_factory=list)
    on_sleep: Callable[["World"], None] = lambda world: None

    def check(self, part: str) -> None:
        if part in self.broken:
            raise InfrastructureError(f"{part} is out of reach", "Run again.")

    @property
    def clock(self) -> Clock:
        def sleep(seconds: float) -> None:
            self.now += timedelta(seconds=seconds)
            self.on_sleep(self)

        return Clock(lambda: self.now, sleep)


@dataclass
class MemoryStore:
    world: World
    address: str = "memory"

    def read(self) -> tuple[CanaryState | None, str]:
        self.world.check("store")
        return self.world.state, str(self.world.token)

    def write(
        self, state: CanaryState | None, token: str, production: ProductionRecord | None = None, message: str = ""
    ) -> str:
        self.world.check("store")
        if token != str(self.world.token):
            raise StateChangedError("Somebody else changed it", "Run again.")
        self.world.token += 1
        self.world.state = state
        if production is not None:
            self.world.production = production
        return str(self.world.token)

    def production(self) -> ProductionRecord | None:
        self.world.check("store")
        return self.world.production


@dataclass
class Proxy:
    """Traffic that has to be set, as Envoy's."""

    world: World
    follows: bool = False

    def apply(self, state: CanaryState) -> None:
        self.world.check("traffic")
        self.world.in_force = state
        self.world.applied.append(state)

    def problem(self) -> str:
        return "The proxy has rejected the routes." if "reload" in self.world.broken else ""


@dataclass
class Monitoring:
    """A monitoring that sees requests as the traffic in force divides them."""

    world: World

    def now(self) -> datetime:
        self.world.check("prometheus")
        return self.world.now

    def look(self, start: datetime, step: int) -> Seen:
        world = self.world
        world.check("prometheus")
        seconds = (world.now - start).total_seconds()
        if seconds <= 0:
            return Seen(world.now, ready=False)
        total = round(seconds * world.rate)
        there = world.in_force
        share = world.share if world.share is not None else there.percent / 100 if there else 0.0
        canary, stable = round(total * share), round(total * (1 - share))
        if there is not None and there.shadow:
            canary, stable = total, total
        if world.starting:
            return Seen(world.now, None, ("Prometheus has no samples of version 7.",), ready=False)
        window = Window(world.now, seconds, step, canary=counts(canary), stable=counts(stable))
        return Seen(world.now, window, world.problems, world.gone)

    def again(self, start: datetime, end: datetime, step: int) -> list[Window]:
        self.world.check("prometheus")
        return [Window(end, (end - start).total_seconds(), step, canary=counts(100), stable=counts(100))]


def gate(status: Status, name: str = "canary.p99_ms.max_ratio") -> Gate:
    return Gate(name=name, status=status, observed=1.0, threshold=1.5, unit="x", message=f"p99 is {status}.")


def walk(world: World, timeline: Timeline, section: CanaryGates, *, follows: bool = False) -> Walk:
    store = MemoryStore(world)

    def promote(state: CanaryState, token: str) -> list[Gate]:
        store.write(None, token, state.canary, "promoted")
        return [gate("passed", "push.verdict.passed")]

    return Walk(
        gates=section,
        store=store,
        traffic=Proxy(world, follows),
        watch=Monitoring(world),
        judge=lambda section, windows: [gate(world.status)],
        timeline=timeline,
        intact=lambda state: [gate("passed", "canary.bytes.equal")],
        promote=promote,
        every_s=10,
        clock=world.clock,
    )
