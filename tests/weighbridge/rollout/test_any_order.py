"""Whatever happens in whatever order: no canary is promoted that did not pass, none gets more than its step says."""

import contextlib
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.weighbridge.rollout.doubles import MemoryStore, World, first_state, gates, record, walk
from weighbridge.common.errors import WeighbridgeError
from weighbridge.rollout.timeline import Timeline
from weighbridge.rollout.walking import Ended

_FAULTS = ("store", "traffic", "prometheus", "reload")
_EVENTS = st.sampled_from(
    [
        *(("break", fault) for fault in _FAULTS),
        *(("mend", fault) for fault in _FAULTS),
        *(("status", status) for status in ("passed", "passed", "passed", "refused", "inconclusive", "unmeasured")),
        *(("missing", value) for value in ("on", "off", "off")),
        *[("wait", "")] * 3,
        ("gone", "on"),
        ("production", "another"),
        ("kill", ""),
        ("abort", ""),
    ]
)
_ATTEMPTS = 40  # commands; each event kills at most one


class _Killed(BaseException):
    pass


class _Script:
    """What happens while the canary sleeps, an event at every so manieth second; then all is well again."""

    def __init__(self, events: list[tuple[str, str]], every: int) -> None:
        self.events, self.every = iter(events), every
        self.seconds = 0
        self.sound_at = set[int]()  # steps at which all was well at some moment

    def __call__(self, world: World) -> None:
        _check_share(world)
        self.seconds += 1
        if world.state is not None and _sound(world):
            self.sound_at.add(world.state.step)
        if self.seconds % self.every == 0:
            self._happen(world, *next(self.events, ("calm", "")))

    def _happen(self, world: World, kind: str, value: str) -> None:
        if kind == "calm":
            world.broken.clear()
            world.status, world.problems, world.gone = "passed", (), ""
        elif kind == "break":
            world.broken.add(value)
        elif kind == "mend":
            world.broken.discard(value)
        elif kind == "status":
            world.status = value  # type: ignore[assignment]
        elif kind == "missing":
            world.problems = ("no samples",) if value == "on" else ()
        elif kind == "gone":
            world.gone = "gone"
        elif kind == "production":
            world.production = record(9, "abc")
        elif kind == "abort" and world.state is not None:
            world.state, world.token = None, world.token + 1
        elif kind == "kill":
            raise _Killed


@settings(max_examples=40, deadline=None)
@given(events=st.lists(_EVENTS, max_size=20), every=st.integers(1, 40), lost=st.booleans())
def test_nothing_is_promoted_that_did_not_pass_at_every_step(
    events: list[tuple[str, str]], every: int, lost: bool
) -> None:
    world, script = World(), _Script(events, every)
    world.on_sleep = script
    with tempfile.TemporaryDirectory() as name:
        ended = _to_end(world, Path(name), lost)
    _check_share(world)
    if world.production.version == 7:
        assert script.sound_at >= {0, 1, 2}
        assert ended is None or ended.outcome == "promoted"
    elif ended is not None:
        assert ended.outcome == "rolled_back"
        assert world.in_force is None or (world.in_force.percent, world.in_force.shadow) == (0, False)
        assert world.state is None


def _to_end(world: World, folder: Path, lost: bool) -> Ended | None:
    """The same command again and again, each of which may be killed, until one comes to an end; None for none."""
    section = gates(hold_minutes=3)
    happen: Callable[[World], None] = world.on_sleep
    for number in range(_ATTEMPTS):
        try:
            walked = walk(world, Timeline(folder), section)
            state, token = MemoryStore(world).read()
            if state is not None:
                return walked.go_on(state, token, "run-1")
            if number and world.token:
                return None  # it ended, and nobody was there to say so
            return walked.begin(first_state(section), token)
        except (_Killed, WeighbridgeError):
            if lost:  # the next command runs on another machine
                (folder / "rollout.jsonl").unlink(missing_ok=True)
            world.now += timedelta(seconds=5)
            with contextlib.suppress(_Killed):
                happen(world)
    return None


def _sound(world: World) -> bool:
    return world.status == "passed" and not world.problems and not world.gone and "prometheus" not in world.broken


def _check_share(world: World) -> None:
    """What is in force is at most what the state says, as long as the canary walks."""
    there, state = world.in_force, world.state
    if there is not None and state is not None and state.phase == "walking" and world.production.version != 7:
        assert there.percent <= state.percent
