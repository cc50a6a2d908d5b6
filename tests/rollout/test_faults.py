"""What goes wrong in the middle of a delivery, with all parts real: nothing that fails is ever a pass.

`weighbridge canary --envoy` sets the traffic itself here; thresholds are few and wide, for models that are good.
"""

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.patience import wait_until
from tests.rollout.shop import Ended
from tests.rollout.world import World, world

pytestmark = pytest.mark.slow

RATE = 60.0
SHADOW = {"shadow": True, "requests": 50, "minutes": 0}
TENTH = {"percent": 10, "requests": 10, "minutes": 0}
HALF = {"percent": 50, "requests": 50, "minutes": 0}
WIDE: dict[str, Any] = {
    "p50_ms": {"max_ratio": 2, "severity": "warning"},
    "p95_ms": {"max_ratio": 10, "severity": "warning"},
    "p99_ms": {"max_ratio": 10, "severity": "warning"},
    "error_rate": {"max": 0.5},
    "prediction_distance": {"max": 0.5, "severity": "warning"},
    "memory_ratio": {"max": 2},
}
QUICK = WIDE | {"hold_minutes": 3, "steps": [SHADOW, TENTH, HALF]}
STEADY = WIDE | {"hold_minutes": 3, "steps": [SHADOW, TENTH | {"minutes": 0.25}, HALF]}
LONG = WIDE | {"hold_minutes": 3, "steps": [SHADOW, TENTH | {"minutes": 5}]}
"""It stays at 10 % for longer than the test: what ends it is what the test does."""

IMPATIENT = WIDE | {"hold_minutes": 0.15, "steps": [SHADOW | {"minutes": 0.2}, TENTH]}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, rollout_models: Callable[[str], Path]) -> Iterator[World]:
    home = tmp_path_factory.mktemp("faults")
    with world(home, rollout_models("stable"), QUICK, rate=RATE, divides=False) as made:
        yield made


@pytest.fixture
def canary(place: World, rollout_models: Callable[[str], Path], tmp_path: Path) -> Iterator["Running"]:
    """A good model on its way; whatever a test leaves is ended."""
    running = Running(place, tmp_path)
    running.weigh(rollout_models("good"))
    yield running
    running.end()


class Running:
    """`weighbridge canary` in a process of its own, and what is known of its canary."""

    def __init__(self, place: World, folder: Path) -> None:
        self.place, self.folder, self.log = place, folder, folder / "canary.log"
        self.before = place.shop.production()["version"]
        self.began = time.time()

    def weigh(self, model: Path) -> None:
        """Deliver a copy to staging that differs from all before it, as a model trained again does."""
        again = shutil.copytree(model, self.folder / "model")
        (again / "assets").mkdir(exist_ok=True)
        (again / "assets/name.txt").write_text(self.folder.name)
        self.place.shop.weigh(again, self.folder.name)

    def start(self, gates: dict[str, Any], *more: str) -> "Running":
        """Start the command."""
        self.place.shop.set_gates(gates)
        self.process = self.place.shop.start(*self.place.arguments(*more), log=self.log)
        return self

    def until(self, percent: float, *, shadow: bool = False) -> "Running":
        """Wait until the canary gets this share, or copies."""
        wait_until(lambda: self.process.poll() is not None or self._at(percent, shadow), f"the step of {percent} %")
        assert self._at(percent, shadow), self.log.read_text()
        return self

    def _at(self, percent: float, shadow: bool) -> bool:
        state = self.place.shop.state()
        return state is not None and (state["percent"], state["shadow"]) == (percent, shadow)

    def ended(self) -> Ended:
        """Wait for the command's end."""
        return Ended(self.process.wait(), self.log.read_text())

    def kill(self) -> None:
        """Kill the command at once."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def end(self) -> None:
        """End command and canary."""
        if self.process.poll() is None:
            self.kill()
        if self.place.shop.state() is not None:
            done = self.place.shop.run(*self.place.arguments("--abort"))
            assert self.place.shop.state() is None, done.out

    def assert_rolled_back(self, words: str) -> None:
        """It ended in a rollback for this reason, and all requests are production's again."""
        done = self.ended()
        assert done.code == 1, done.out
        assert words in done.out, done.out
        assert self.place.shop.state() is None
        assert self.place.shop.production()["version"] == self.before
        since = time.time()
        wait_until(lambda: len(self.place.users.between(since + 1)) > 20, "requests after the rollback")
        assert {each.version for each in self.place.users.between(since + 1)} == {str(self.before)}

    def assert_promoted(self) -> None:
        """It is production, and nobody's request failed."""
        done = self.ended()
        assert done.code == 0, done.out
        now = self.place.shop.production()["version"]
        assert now > self.before
        assert self.place.shop.state() is None
        assert {each.code for each in self.place.users.between(self.began)} == {200}
        self.place.cluster.wait_for(now)


def test_a_delivery_outlives_what_goes_wrong_around_it(canary: Running) -> None:
    """Its command is killed, others commit, Prometheus is started again, the repository is away for a while."""
    repository = canary.place.shop.repository
    canary.start(STEADY).until(10)
    canary.kill()
    repository.commit({"other/README.md": b"Not ours.\n"}, "Somebody else's")
    canary.start(STEADY)
    wait_until(lambda: "Taken up again" in canary.log.read_text(), "the command that goes on")
    canary.place.prometheus.kill()
    repository.path.rename(repository.path.with_name("away"))
    time.sleep(3)
    repository.path.with_name("away").rename(repository.path)
    canary.place.prometheus.start()
    canary.assert_promoted()
    told = canary.log.read_text()
    assert "cannot be reached" in told
    assert repository.run("show", "main:other/README.md") == "Not ours.\n"
    assert "Somebody else's" in repository.messages()
    assert repository.run("log", "--merges", "main") == ""


def test_without_prometheus_it_is_held_and_rolled_back(canary: Running) -> None:
    canary.start(IMPATIENT).until(0, shadow=True)
    canary.place.prometheus.kill()
    try:
        canary.assert_rolled_back("cannot be reached")
    finally:
        canary.place.prometheus.start()


def test_a_server_that_crashes_at_a_tenth_ends_the_canary(canary: Running) -> None:
    canary.start(LONG).until(10)
    state = canary.place.shop.state()
    assert state is not None
    canary.place.cluster.revive = False
    try:
        server = canary.place.cluster.servers[state["canary"]["version"]]
        since = time.time()
        os.kill(server.pid, signal.SIGKILL)
        canary.assert_rolled_back("No server of version")
    finally:
        canary.place.cluster.revive = True
    failed = [each for each in canary.place.users.between(since) if each.code != 200]
    asked = len(canary.place.users.between(since))
    assert 0 < len(failed) <= 0.1 * asked + 5 * (0.09 * asked) ** 0.5


def test_a_server_that_ends_again_and_again_ends_the_canary_though_it_is_back_at_once(canary: Running) -> None:
    settled = [SHADOW, TENTH | {"minutes": 5, "settle_s": 1}]
    canary.start(LONG | {"steps": settled}).until(10)
    state = canary.place.shop.state()
    assert state is not None
    version = state["canary"]["version"]

    def answers(since: float) -> bool:
        found = [each for each in canary.place.users.between(since) if each.version == str(version)]
        return canary.process.poll() is not None or len(found) > 10

    for _ in range(2):
        since = time.time() + 5  # some looks later
        wait_until(partial(answers, since), "answers of the canary")
        os.kill(canary.place.cluster.servers[version].pid, signal.SIGKILL)
    canary.assert_rolled_back("started again 2 times in this step")


def test_a_model_that_is_deleted_before_the_swap_is_not_promoted(canary: Running) -> None:
    canary.start(QUICK).until(50)
    state = canary.place.shop.state()
    assert state is not None
    shutil.rmtree(canary.place.shop.models / str(state["canary"]["version"]))
    canary.assert_rolled_back("canary.bytes.equal")


def test_a_second_canary_is_refused_and_another_production_ends_the_first(
    canary: Running, rollout_models: Callable[[str], Path]
) -> None:
    canary.start(LONG).until(10)
    shop = canary.place.shop
    state = shop.state()
    shop.weigh(rollout_models("slow"), "second")
    second = shop.run(*canary.place.arguments())
    assert second.code == 3, second.out
    assert shop.state() == state
    assert canary.process.poll() is None
    before = shop.repository.read("production.json")
    assert before is not None
    changed = before.replace(b'"version": %d' % canary.before, b'"version": 99')
    assert changed != before
    name = f"{shop.repository.folder}/production.json"
    shop.repository.commit({name: changed}, "Production by hand")
    done = canary.ended()
    shop.repository.commit({name: before}, "And back")
    assert done.code == 1, done.out
    assert "Production is version 99" in done.out


def test_a_protected_branch_begins_nothing(canary: Running) -> None:
    repository = canary.place.shop.repository
    head = repository.head()
    repository.hook("pre-receive", "echo 'the branch is protected' >&2; exit 1")
    try:
        canary.start(QUICK)
        done = canary.ended()
    finally:
        (repository.path / "hooks/pre-receive").unlink()
    assert done.code in (2, 3), done.out
    assert "protected" in done.out
    assert repository.head() == head
    assert {each.code for each in canary.place.users.between(canary.began)} == {200}
