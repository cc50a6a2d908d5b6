"""A push to MLflow's registry that is killed, or fails, at any request: production is the old or the new, whole.

The registry is a double of MLflow's client: only so can every single request be the last one.
"""

from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from tests.components.pusher.doubles import Killed
from tests.components.pusher.helpers import make_model, make_statistics, weigh
from tests.components.pusher.mlflow_double import MlflowDouble, mlflow_double
from weighbridge.common.digests import tree_digest
from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.components.production_model import ProductionRecord, fetch_production, production_history, read_record
from weighbridge.components.pusher import push

TAXI = "models:/taxi"
WRITES = ("create", "set", "delete", "upload")


@pytest.fixture(autouse=True)
def no_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is killed here is no machine: local files need not be forced to disk, thousands of times."""
    monkeypatch.setattr("weighbridge.common.files._fsync", lambda path: None)


class Scene:
    """A registry, what was in production before, and a model to push."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, before: str = "another model") -> None:
        self.folder = folder
        self.mlflow: MlflowDouble = mlflow_double(monkeypatch)
        self.model = make_model(folder / "new", "new")
        self.evaluation = weigh(folder / "evaluation", self.model)
        self.statistics = make_statistics(folder / "statistics")
        self.digests = {tree_digest(self.model)}
        if before == "another model":
            old = make_model(folder / "old", "old")
            push(old, weigh(folder / "old-evaluation", old), TAXI)
            self.digests.add(tree_digest(old))
        self.record = read_record(TAXI)
        self.looks = count()

    def push(self) -> ProductionRecord | None:
        return push(self.model, self.evaluation, TAXI, statistics=self.statistics).record

    def push_killed_at(self, step: int, *, torn: bool = False) -> bool:
        """Push until the `step`-th request: not served, or (`torn`) served but not answered; none after it."""

        def gone(request: str) -> None:
            if len(self.mlflow.requests) > step - (0 if torn else 1):
                raise Killed

        def served(request: str) -> None:
            if torn and len(self.mlflow.requests) == step:
                raise Killed

        self.mlflow.requests.clear()
        self.mlflow.before, self.mlflow.after = gone, served
        try:
            self.push()
        except Killed:
            return True
        finally:
            self.mlflow.before = self.mlflow.after = lambda request: None
        return False

    def push_failed_at(self, step: int) -> InfrastructureError | None:
        """Push with a `step`-th request that fails, after which requests are served again."""

        def fails(request: str) -> None:
            if len(self.mlflow.requests) == step:
                raise ConnectionError("try again later")

        self.mlflow.requests.clear()
        self.mlflow.before = fails
        try:
            self.push()
        except InfrastructureError as error:
            return error
        finally:
            self.mlflow.before = lambda request: None
        return None

    def assert_survived(self) -> bool:
        """Production is the old or the new, whole, with its evidence; whether it is the new."""
        found = read_record(TAXI)
        assert found == self.record or (found is not None and found.model_digest == tree_digest(self.model))
        look = self.folder / f"look-{next(self.looks)}"
        assert fetch_production(TAXI, look / "model", look / "statistics").record == found
        alias = int(self.mlflow.models["taxi"].aliases.get("champion", 0)) if self.mlflow.models else 0
        assert alias in {self.record.version if self.record else 0, found.version if found else 0}
        assert [record for record in production_history(TAXI) if record == found] == ([found] if found else [])
        return found != self.record

    def assert_completes(self) -> None:
        """The same push again ends well: the alias is at the one new version in production."""
        record = self.push()
        assert record
        assert record == read_record(TAXI)
        assert record.model_digest == tree_digest(self.model)
        taxi = self.mlflow.models["taxi"]
        assert taxi.aliases == {"champion": str(record.version)}
        history = [entry.model_digest for entry in production_history(TAXI)]
        assert history == [*([self.record.model_digest] if self.record else []), record.model_digest]
        assert [version.tags.get("weighbridge.settled") for version in taxi.versions.values()] == ["production"] * len(
            history
        )


@pytest.mark.parametrize("torn", [False, True], ids=["request not served", "request served"])
@pytest.mark.parametrize("before", ["nothing", "another model"])
def test_killed_at_each_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: str, torn: bool) -> None:
    seen = set()
    for step in count(1):
        scene = Scene(tmp_path / str(step), monkeypatch, before)
        killed = scene.push_killed_at(step, torn=torn)
        taxi = scene.mlflow.models.get("taxi")
        new, moved = scene.assert_survived(), (taxi.aliases if taxi else {})
        seen.add((new, moved == {"champion": str(1 + int(before != "nothing"))}))
        scene.assert_completes()
        if not killed:
            break
    assert step > 20
    assert seen == {(False, False), (True, False), (True, True)}  # kills fell before, between and after


def test_each_request_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for step in count(1):
        scene = Scene(tmp_path / str(step), monkeypatch)
        error = scene.push_failed_at(step)
        if error is not None:
            assert "models:/taxi" in error.message
            assert "try again later" in error.message
        scene.assert_survived()
        scene.assert_completes()
        if error is None and len(scene.mlflow.requests) < step:
            break
    assert step > 20


def test_each_write_served_twice_because_its_answer_was_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(tmp_path, monkeypatch)
    scene.mlflow.repeat = True
    scene.assert_completes()


def test_another_model_can_follow_a_killed_push(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for step in count(1):
        scene = Scene(tmp_path / str(step), monkeypatch)
        third = make_model(scene.folder / "third", "third")
        killed = scene.push_killed_at(step)
        new = scene.assert_survived()
        record = push(third, weigh(scene.folder / "e3", third), TAXI).record
        assert record == read_record(TAXI)
        history = [entry.model_digest for entry in production_history(TAXI)]
        assert len(history) == 2 + int(new)
        assert history[-1] == tree_digest(third)
        if not killed:
            break


def test_killed_again_and_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(tmp_path, monkeypatch)
    for step in range(1, 60):
        scene.push_killed_at(step)
        scene.assert_survived()
    scene.assert_completes()


def test_what_a_killed_push_uploaded_is_removed_after_a_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(tmp_path, monkeypatch)
    scene.push_killed_at(request_number(scene, "create_model_version"))
    assert len(scene.mlflow.runs) == 2
    scene.assert_completes()
    assert len(scene.mlflow.runs) == 3  # it could be a push that goes on
    for run in scene.mlflow.runs.values():
        run.info.start_time -= 2 * 86_400_000
    third = make_model(scene.folder / "third", "third")
    push(third, weigh(scene.folder / "e3", third), TAXI)
    assert len(scene.mlflow.runs) == 3
    assert fetch_production(TAXI, tmp_path / "fetched", tmp_path / "its-statistics").record == read_record(TAXI)


@pytest.mark.parametrize("removed", ["alias", "moved to the first again"])
def test_an_alias_moved_by_hand_while_a_model_is_pushed_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, removed: str
) -> None:
    """Between the version and the alias: the person wins, the version never becomes production by itself."""
    scene = Scene(tmp_path, monkeypatch)
    third = make_model(scene.folder / "third", "third")
    push(third, weigh(scene.folder / "e3", third), TAXI)

    def by_hand(request: str) -> None:
        if request.startswith("search_model_versions") and "3" in map(str, scene.mlflow.models["taxi"].versions):
            scene.mlflow.before = lambda request: None
            if removed == "alias":
                scene.mlflow.models["taxi"].aliases.clear()
            else:
                scene.mlflow.models["taxi"].aliases["champion"] = "1"

    scene.mlflow.before = by_hand
    with pytest.raises(InfrastructureError, match="Somebody moved models:/taxi@champion from version 2 to"):
        scene.push()
    if removed == "alias":
        with pytest.raises(UsageError, match="points at no version"):
            read_record(TAXI)
        return
    assert read_record(TAXI) == scene.record
    record = scene.push()
    assert record
    assert record.version == 4
    assert scene.mlflow.models["taxi"].aliases == {"champion": "4"}


def request_number(scene: Scene, request: str) -> int:
    """Which request of a push is the first that begins with `request`; told by one that is killed there."""
    numbers: list[int] = []

    def stop(asked: str) -> None:
        if asked.startswith(request):
            numbers.append(len(scene.mlflow.requests))
            raise Killed

    kept: Callable[[str], None] = scene.mlflow.before
    runs, stored = dict(scene.mlflow.runs), dict(scene.mlflow.stored)
    scene.mlflow.requests.clear()
    scene.mlflow.before = stop
    with pytest.raises(Killed):
        scene.push()
    scene.mlflow.before = kept
    scene.mlflow.runs, scene.mlflow.stored = runs, stored
    return numbers[0]
