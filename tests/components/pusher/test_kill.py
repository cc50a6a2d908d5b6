"""`kill -9` at any moment of a push: production is the old or the new, whole; the next push completes it."""

import random
from itertools import count
from pathlib import Path

import pytest

from tests.components.pusher.helpers import assert_whole, leftovers, make_model, versions, weigh
from tests.components.pusher.processes import push_killed_at, push_killed_within_file
from weighbridge.common.digests import tree_digest
from weighbridge.components.production_model import ProductionRecord
from weighbridge.components.production_model.standing import recorded
from weighbridge.components.pusher import push

pytestmark = pytest.mark.forks


class Scene:
    """A destination, what was in production before, and a model to push."""

    def __init__(self, folder: Path, model: Path, before: str) -> None:
        self.model = model
        self.destination = folder / "production"
        self.evaluation = weigh(folder / "evaluation", model)
        self.digests = {tree_digest(model)}
        self.expected = [1]
        if before != "nothing":
            old = make_model(folder / "old", "old")
            push(old, weigh(folder / "old-evaluation", old), self.destination)
            self.digests.add(tree_digest(old))
            self.expected = [1, 2]
        if before == "version without record":
            make_model(self.destination / "2", "new")
        self.record = recorded(self.destination)

    def assert_survived(self) -> ProductionRecord | None:
        record = assert_whole(self.destination, self.digests) if self.destination.exists() else None
        assert record == self.record or (record is not None and record.model_digest == tree_digest(self.model))
        assert set(versions(self.destination)) <= set(self.expected)
        return record

    def assert_completes(self) -> None:
        """The same push again: it ends well, and there is one new version, however far the killed one came."""
        pushed = push(self.model, self.evaluation, self.destination)
        assert pushed.record == assert_whole(self.destination, self.digests)
        assert pushed.record
        assert pushed.record.model_digest == tree_digest(self.model)
        assert versions(self.destination) == self.expected
        assert leftovers(self.destination) == []


@pytest.fixture
def new_model(tmp_path: Path) -> Path:
    return make_model(tmp_path / "new", "new")


@pytest.mark.parametrize("before", ["nothing", "another model", "version without record"])
def test_killed_before_each_filesystem_call(tmp_path: Path, new_model: Path, before: str) -> None:
    seen = set()
    for step in count(1):
        scene = Scene(tmp_path / str(step), new_model, before)
        killed = push_killed_at(step, scene.model, scene.evaluation, scene.destination)
        record = scene.assert_survived()
        seen.add((versions(scene.destination) == scene.expected, record != scene.record))
        scene.assert_completes()
        if not killed:
            break
    # Kills fell before the version, between version and record, and after the record.
    assert seen == {(True, False), (True, True)} | ({(False, False)} if before != "version without record" else set())


def test_killed_within_each_file(tmp_path: Path, new_model: Path) -> None:
    for number in count(1):
        scene = Scene(tmp_path / str(number), new_model, "another model")
        killed = push_killed_within_file(number, scene.model, scene.evaluation, scene.destination)
        assert bool(leftovers(scene.destination)) == killed
        scene.assert_survived()
        scene.assert_completes()
        if not killed:
            break
    assert number == 4  # the model has three files


def test_killed_again_and_again(tmp_path: Path, new_model: Path) -> None:
    """Whoever completes what a killed push began may be killed as well."""
    drawn = random.Random(20)
    killed = []
    for number in range(10):
        scene = Scene(tmp_path / str(number), new_model, "another model")
        for _ in range(3):
            step = drawn.randint(1, 60)
            killed.append(push_killed_at(step, scene.model, scene.evaluation, scene.destination))
            scene.assert_survived()
        scene.assert_completes()
    assert sum(killed) > 20


def test_another_model_can_follow_a_killed_push(tmp_path: Path, new_model: Path) -> None:
    third = make_model(tmp_path / "third", "third")
    for step in count(1):
        scene = Scene(tmp_path / str(step), new_model, "another model")
        killed = push_killed_at(step, scene.model, scene.evaluation, scene.destination)
        pushed = push(third, weigh(tmp_path / f"e{step}", third), scene.destination)
        assert pushed.record == assert_whole(scene.destination, scene.digests | {tree_digest(third)})
        assert pushed.record
        assert pushed.record.version == versions(scene.destination)[-1]
        assert leftovers(scene.destination) == []
        if not killed:
            break
