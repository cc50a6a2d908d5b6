"""A canary on its way, with a clock, a monitoring and a traffic that the tests set."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.weighbridge.rollout.doubles import BEGINNING, World, first_state, gates, record, walk
from weighbridge.common.errors import InfrastructureError
from weighbridge.components.production_model.canary import CanaryState
from weighbridge.rollout.timeline import Timeline
from weighbridge.rollout.walking import Ended, TakenOverError


def begun(world: World, folder: Path, **options: bool) -> Ended:
    section = gates()
    return walk(world, Timeline(folder), section, **options).begin(first_state(section), str(world.token))


def test_a_good_canary_takes_every_step_and_is_production_then(tmp_path: Path) -> None:
    world = World()
    ended = begun(world, tmp_path)
    assert ended.outcome == "promoted"
    assert world.production.version == 7
    assert world.state is None
    asked = [(state.percent, state.shadow) for state in world.applied]
    assert asked == [(0, False), (0, True), (1, False), (50, False), (100, False)]
    assert world.now - BEGINNING >= timedelta(minutes=3)  # each step lasts its time


def test_what_is_proven_worse_is_rolled_back_at_the_next_look(tmp_path: Path) -> None:
    world = World()

    def worsen(world: World) -> None:
        if world.state is not None and world.state.step == 1:
            world.status = "refused"

    world.on_sleep = worsen
    ended = begun(world, tmp_path)
    assert (ended.outcome, ended.reason) == ("rolled_back", "p99 is refused.")
    assert world.state is None
    assert world.production.version == 6
    assert world.in_force is not None
    assert (world.in_force.percent, world.in_force.shadow) == (0, False)
    assert max(state.percent for state in world.applied) == 1


@pytest.mark.parametrize("status", ["inconclusive", "unmeasured"])
def test_what_stays_open_is_held_and_then_rolled_back(tmp_path: Path, status: str) -> None:
    world = World(status=status)  # type: ignore[arg-type]
    ended = begun(world, tmp_path)
    assert ended.outcome == "rolled_back"
    assert "held for 11 min" in ended.reason
    assert "canary.p99_ms.max_ratio" in ended.reason
    assert timedelta(minutes=11) <= world.now - BEGINNING < timedelta(minutes=12)


def test_a_prometheus_out_of_reach_is_no_pass(tmp_path: Path) -> None:
    world = World()
    world.on_sleep = lambda world: world.broken.add("prometheus")
    ended = begun(world, tmp_path)
    assert ended.outcome == "rolled_back"
    assert "prometheus is out of reach" in ended.reason
    assert not any(state.percent or state.shadow for state in world.applied)


def test_a_prometheus_that_comes_back_in_time_is_waited_for(tmp_path: Path) -> None:
    world = World(broken={"prometheus"})

    def mend(world: World) -> None:
        if world.now - BEGINNING > timedelta(minutes=5):
            world.broken.clear()

    world.on_sleep = mend
    assert begun(world, tmp_path).outcome == "promoted"


def test_missing_data_hold(tmp_path: Path) -> None:
    world = World(problems=("Prometheus has no samples of version 7.",))
    ended = begun(world, tmp_path)
    assert ended.outcome == "rolled_back"
    assert "no samples of version 7" in ended.reason


def test_traffic_that_is_not_in_force_is_no_pass(tmp_path: Path) -> None:
    world = World()

    def stick(world: World) -> None:
        if world.state is not None and world.state.step == 2:
            world.share = 0.01  # of the step before

    world.on_sleep = stick
    ended = begun(world, tmp_path)
    assert ended.outcome == "rolled_back"
    assert "where 50 % was asked for" in ended.reason


def test_a_canary_that_gets_far_more_than_its_share_ends(tmp_path: Path) -> None:
    world = World()

    def leak(world: World) -> None:
        if world.state is not None and world.state.step == 1:
            world.share = 0.5

    world.on_sleep = leak
    ended = begun(world, tmp_path)
    assert ended.outcome == "rolled_back"
    assert world.now - BEGINNING < timedelta(minutes=9)  # before the hold is over


def test_routes_that_the_proxy_rejects_hold(tmp_path: Path) -> None:
    world = World()

    def reject(world: World) -> None:
        world.broken.add("reload")
        if world.now - BEGINNING > timedelta(minutes=11, seconds=30):
            world.broken.clear()  # else the rollback is rejected, too

    world.on_sleep = reject
    ended = begun(world, tmp_path)
    assert ended.outcome == "rolled_back"
    assert "rejected" in ended.reason


def test_nobody_is_sent_to_servers_that_are_not_there_yet(tmp_path: Path) -> None:
    world, section = World(starting=True), gates(gates().steps[1:])

    def start(world: World) -> None:
        if world.now - BEGINNING > timedelta(seconds=45):
            world.starting = False
        assert not (world.starting and world.in_force is not None and world.in_force.percent)

    world.on_sleep = start
    ended = walk(world, Timeline(tmp_path), section).begin(first_state(section), "0")
    assert ended.outcome == "promoted"
    assert [state.percent for state in world.applied] == [0, 1, 50, 100]


def test_a_rollback_that_cannot_be_done_leaves_the_state_for_the_next_command(tmp_path: Path) -> None:
    world = World(status="refused")
    world.on_sleep = lambda world: world.broken.add("traffic")
    section = gates()
    world.broken.clear()
    walked = walk(world, Timeline(tmp_path), section)
    world.status = "inconclusive"

    def worsen(world: World) -> None:
        world.status = "refused"
        world.broken.add("traffic")

    world.on_sleep = worsen
    with pytest.raises(InfrastructureError, match="must be rolled back, and cannot"):
        walked.begin(first_state(section), "0")
    assert world.state is not None
    assert world.state.phase == "rolling_back"
    world.broken.clear()
    world.on_sleep = lambda world: None
    ended = walk(world, Timeline(tmp_path), section).go_on(world.state, str(world.token), "run-1")
    assert ended.outcome == "rolled_back"
    assert world.state is None


def test_servers_of_the_canary_that_are_gone_end_it_at_once_where_users_notice(tmp_path: Path) -> None:
    world = World()

    def crash(world: World) -> None:
        if world.state is not None and world.state.step == 1:
            world.gone = "No server of version 7 answers Prometheus any more."

    world.on_sleep = crash
    ended = begun(world, tmp_path)
    assert ended.reason == "No server of version 7 answers Prometheus any more."
    assert max(state.percent for state in world.applied) == 1


def test_another_production_ends_the_canary(tmp_path: Path) -> None:
    world = World()

    def push(world: World) -> None:
        world.production = record(9, "abc")

    world.on_sleep = push
    ended = begun(world, tmp_path)
    assert ended.outcome == "rolled_back"
    assert "Production is version 9" in ended.reason
    assert world.production.version == 9


def test_what_a_killed_process_left_is_gone_on_with(tmp_path: Path) -> None:
    world, section = World(), gates()

    class Killed(BaseException):
        pass

    def kill(world: World) -> None:
        if world.state is not None and world.state.step == 1:
            raise Killed

    world.on_sleep = kill
    with pytest.raises(Killed):
        walk(world, Timeline(tmp_path), section).begin(first_state(section), "0")
    assert world.state is not None
    world.on_sleep = lambda world: None
    world.now += timedelta(minutes=3)
    seen = len(Timeline(tmp_path).windows)
    assert seen
    ended = walk(world, Timeline(tmp_path), section).go_on(world.state, str(world.token), "run-1")
    assert ended.outcome == "promoted"
    assert [state.percent for state in world.applied] == [0, 0, 1, 0, 1, 50, 100]
    ends = [window.end for window in Timeline(tmp_path).windows]
    assert ends == sorted(set(ends))  # nothing was counted twice


def test_on_another_machine_what_was_seen_is_looked_up_again(tmp_path: Path) -> None:
    world, section = World(), gates()
    state = first_state(section).model_copy(update={"step": 1, "percent": 1.0, "shadow": False})
    state = state.model_copy(update={"step_since": BEGINNING + timedelta(minutes=5)})
    world.state, world.in_force, world.now = state, state, BEGINNING + timedelta(minutes=6)
    timeline = Timeline(tmp_path)
    ended = walk(world, timeline, section).go_on(state, "0", "run-2")
    assert ended.outcome == "promoted"
    assert timeline.windows[0].step == 0
    assert timeline.windows[0].end == state.step_since


def test_two_processes_cannot_walk_one_canary(tmp_path: Path) -> None:
    world, section = World(), gates()
    (tmp_path / "other").mkdir()

    def take(world: World) -> None:
        if world.state is not None and world.state.run_id == "run-1":
            world.state = world.state.model_copy(update={"run_id": "run-2"})
            world.token += 1

    world.on_sleep = take
    with pytest.raises(TakenOverError, match="run-2"):
        walk(world, Timeline(tmp_path), section).begin(first_state(section), "0")
    assert world.state is not None  # the other's


def test_a_canary_that_somebody_else_ended_gets_no_requests_any_more(tmp_path: Path) -> None:
    world = World()

    def end(world: World) -> None:
        if world.state is not None and world.state.step == 1:
            world.state, world.token = None, world.token + 1

    world.on_sleep = end
    ended = begun(world, tmp_path)
    assert ended.outcome == "rolled_back"
    assert "ended by somebody else" in ended.reason
    assert world.in_force is not None
    assert world.in_force.percent == 0


def test_a_promotion_killed_before_its_state_was_removed_is_finished(tmp_path: Path) -> None:
    world, section = World(), gates()
    state: CanaryState = first_state(section).model_copy(update={"step": 2, "percent": 50.0, "shadow": False})
    world.state, world.production = state, record(7)
    ended = walk(world, Timeline(tmp_path), section).go_on(state, "0", "run-1")
    assert ended.outcome == "promoted"
    assert world.state is None


@pytest.mark.parametrize("phase", ["walking", "rolling_back"])
def test_a_promotion_whose_end_was_lost_is_no_rollback(tmp_path: Path, phase: str) -> None:
    """Production is the canary, and its state says otherwise: killed there, or its answer was lost."""
    section = gates()
    left = first_state(section).model_copy(update={"step": 2, "phase": phase})
    for end in ("go on", "abort", "ended elsewhere"):
        world = World(state=left, production=record(7))
        walking = walk(world, Timeline(tmp_path / f"{phase} {end}"), section)
        if end == "go on":
            ended = walking.go_on(left, str(world.token), "run-1")
        elif end == "abort":
            ended = walking.abort(left, str(world.token), "It was ended by --abort.")
        else:
            world.state = None
            ended = walking.ended_elsewhere(left, "It was ended by somebody else.")
        assert ended.outcome == "promoted", end
        assert world.state is None
        assert world.in_force is not None
        assert world.in_force.percent == 100


def test_a_full_disk_is_no_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("weighbridge.rollout.timeline.os.write", full)
    ended = begun(world, tmp_path)
    assert ended.outcome == "rolled_back"
    assert "No space left on device" in ended.reason


def test_a_repository_that_is_gone_in_the_middle_takes_the_proxys_share_away_all_the_same(tmp_path: Path) -> None:
    world, section = World(), gates()

    def lose(world: World) -> None:
        world.broken.add("store")

    world.on_sleep = lose
    with pytest.raises(InfrastructureError, match="store is out of reach"):
        walk(world, Timeline(tmp_path), section).begin(first_state(section), "0")
    assert world.in_force is not None
    assert (world.in_force.percent, world.in_force.shadow) == (0, False)
