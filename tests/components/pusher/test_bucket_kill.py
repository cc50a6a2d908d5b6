"""A push to a bucket that is killed, or fails, at any request: never half a version that can be loaded.

The bucket is a double of each store's client (see `buckets`): only so can every single request be the last one.
"""

from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest

from tests.components.pusher.buckets import GCS, KINDS, Kind, double_of, mirror
from tests.components.pusher.doubles import Killed
from tests.components.pusher.helpers import assert_whole, leftovers, make_model, make_statistics, versions, weigh
from weighbridge.common.digests import tree_digest
from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.components.production_model import fetch_production, production_history, read_record
from weighbridge.components.production_model.standing import recorded
from weighbridge.components.pusher import push

every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.scheme)


@pytest.fixture(autouse=True)
def no_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is killed here is no machine: local files need not be forced to disk, thousands of times."""
    monkeypatch.setattr("weighbridge.common.files._fsync", lambda path: None)


class Scene:
    """A bucket, what was in production before, and a model to push."""

    def __init__(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, kind: Kind = GCS, before: str = "another model"
    ) -> None:
        self.folder = folder
        self.before = before
        self.store = double_of(kind, monkeypatch)
        self.destination = self.store.destination
        self.model = make_model(folder / "new", "new")
        self.evaluation = weigh(folder / "evaluation", self.model)
        self.statistics = make_statistics(folder / "statistics")
        self.digests = {tree_digest(self.model)}
        self.expected = [1]
        if before != "nothing":
            old = make_model(folder / "old", "old")
            push(old, weigh(folder / "old-evaluation", old), self.destination)
            self.digests.add(tree_digest(old))
            self.expected = [1, 2]
        if before == "version without record":
            for path in (path for path in self.model.rglob("*") if path.is_file()):
                name = f"taxi/2/{path.relative_to(self.model).as_posix()}"
                self.store.put("upload", "models", name, path.read_bytes, 0)
        self.record = recorded(self.destination)
        self.store.requests.clear()
        self._mirrors = count()

    def push(self) -> None:
        push(self.model, self.evaluation, self.destination, statistics=self.statistics)

    def push_killed_at(self, step: int, *, torn: bool = False) -> bool:
        """Push until the `step`-th request: not served, or (`torn`) served but not answered; none after it."""

        def gone(request: str) -> None:
            if len(self.store.requests) > step - (0 if torn else 1):
                raise Killed

        def served(request: str) -> None:
            if torn and len(self.store.requests) == step:
                raise Killed

        self.store.requests.clear()
        self.store.before, self.store.after = gone, served
        try:
            self.push()
        except Killed:
            return True
        finally:
            self.store.before = self.store.after = lambda request: None
        return False

    def push_failed_at(self, step: int) -> InfrastructureError | None:
        """Push with a `step`-th request that fails, after which requests are served again."""

        def fails(request: str) -> None:
            if len(self.store.requests) == step:
                raise self.store.unavailable("try again later")

        self.store.requests.clear()
        self.store.before = fails
        try:
            self.push()
        except InfrastructureError as error:
            return error
        finally:
            self.store.before = lambda request: None
        return None

    def look(self) -> Path:
        return mirror(self.folder / f"mirror-{next(self._mirrors)}", self.destination)

    def assert_survived(self) -> bool:
        """Production is the old or the new, whole; a version that can be loaded is whole. Whether one is half there."""
        folder = self.look()
        half = [number for number in versions(folder) if not (folder / str(number) / "saved_model.pb").exists()]
        assert half in ([], versions(folder)[-1:])
        for number in half:
            for path in sorted((folder / str(number)).rglob("*"), reverse=True):
                path.rmdir() if path.is_dir() else path.unlink()
            (folder / str(number)).rmdir()
        record = assert_whole(folder, self.digests)
        assert record == self.record or (record is not None and record.model_digest == tree_digest(self.model))
        assert len(versions(folder)) <= len(self.expected)
        foreign = self.before == "version without record" and not (folder / ".weighbridge/2/claim.json").exists()
        if foreign:  # a version that nobody pushed is never taken for production
            with pytest.raises(UsageError, match="No Pusher put version 2"):
                read_record(self.destination)
        else:  # the newest version that can be loaded, be it named by the record yet or not
            served = fetch_production(self.destination, folder / "fetched", folder / "its-statistics").record
            assert served == record or (served and served.model_digest == tree_digest(self.model))
            assert (served.version if served else 0) == max(versions(folder), default=0)
        assert {entry.version for entry in production_history(self.destination)} <= set(versions(folder))
        return bool(half)

    def assert_completes(self) -> None:
        """The same push again ends well, and there is one new version, however far the killed one came.

        Its number is the next one, unless a killed push had claimed that and copied nothing yet.
        """
        begun = any(name.startswith(f"taxi/{self.expected[-1]}/") for name in self.store.contents)
        claimed = f"taxi/.weighbridge/{self.expected[-1]}/claim.json" in self.store.contents
        self.push()
        folder = self.look()
        record = assert_whole(folder, self.digests)
        assert record
        assert record.model_digest == tree_digest(self.model)
        assert versions(folder) == [*self.expected[:-1], self.expected[-1] + int(claimed and not begun)]
        assert (folder / f".weighbridge/{record.version}/statistics/Split-train/FeatureStats.pb").exists()
        assert [entry.version for entry in production_history(self.destination)] == versions(folder)


@every_kind
@pytest.mark.parametrize("torn", [False, True], ids=["request not served", "request served"])
@pytest.mark.parametrize("before", ["nothing", "another model", "version without record"])
def test_killed_at_each_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: str, torn: bool, kind: Kind
) -> None:
    seen = set()
    for step in count(1):
        scene = Scene(tmp_path / str(step), monkeypatch, kind, before)
        killed = scene.push_killed_at(step, torn=torn)
        half = scene.assert_survived()
        seen.add("half" if half else "new" if recorded(scene.destination) != scene.record else "old")
        scene.assert_completes()
        if not killed:
            break
    assert step > 20
    # Between the first and the last copy there is a version that nobody can load: see the README.
    assert seen == {"old", "new"} | ({"half"} if before != "version without record" else set())


@every_kind
def test_each_request_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: Kind) -> None:
    for step in count(1):
        scene = Scene(tmp_path / str(step), monkeypatch, kind)
        error = scene.push_failed_at(step)
        if error is not None:
            assert scene.destination in error.message
            assert "try again later" in error.message
        scene.assert_survived()
        # What a claim may need is kept, also if nobody knows whether the claim itself was written.
        claiming = any(request.endswith("/2/claim.json") for request in scene.store.requests)
        assert claiming or leftovers(scene.look()) == []
        scene.assert_completes()
        if error is None and len(scene.store.requests) < step:
            break
    assert step > 20


@every_kind
def test_each_write_repeated_by_the_client_because_its_answer_was_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: Kind
) -> None:
    """The second of the two is refused by its precondition, but that is not a lost race."""
    scene = Scene(tmp_path, monkeypatch, kind)
    scene.store.repeat = True
    scene.assert_completes()
    assert leftovers(scene.look()) == []


@every_kind
def test_another_model_can_follow_a_killed_push(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: Kind) -> None:
    """Its push finishes the version of the killed one, so that no half of it stays; but publishes none unseen yet."""
    for step in count(1):
        scene = Scene(tmp_path / str(step), monkeypatch, kind)
        third = make_model(scene.folder / "third", "third")
        killed = scene.push_killed_at(step)
        seen = any(name.startswith("taxi/2/") for name in scene.store.contents)
        pushed = push(third, weigh(scene.folder / "e3", third), scene.destination)
        folder = scene.look()
        assert pushed.record == assert_whole(folder, scene.digests | {tree_digest(third)})
        assert pushed.record
        assert pushed.record.version == versions(folder)[-1]
        assert len(versions(folder)) == 2 + int(seen)
        if not killed:
            break


@every_kind
def test_killed_again_and_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: Kind) -> None:
    scene = Scene(tmp_path, monkeypatch, kind)
    for step in range(1, 60):
        scene.push_killed_at(step)
        scene.assert_survived()
    scene.push()
    folder = scene.look()
    assert len(versions(folder)) == 2
    assert assert_whole(folder, scene.digests) == recorded(scene.destination) != scene.record


@pytest.fixture(params=KINDS, ids=lambda kind: kind.scheme)
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Scene:
    return Scene(tmp_path, monkeypatch, request.param)


def request_number(scene: Scene, request: str) -> int:
    """Which request of a push is the first that begins with `request`; told by a push to a bucket like it."""
    kept = dict(scene.store.contents)
    scene.store.requests.clear()
    scene.push()
    scene.store.contents = kept
    return next(number for number, name in enumerate(scene.store.requests, start=1) if name.startswith(request))


def test_what_a_killed_push_uploaded_is_removed_after_a_day(scene: Scene) -> None:
    scene.push_killed_at(request_number(scene, "write taxi/.weighbridge/2/claim.json"))
    assert leftovers(scene.look())
    scene.assert_completes()
    assert leftovers(scene.look())  # it could be a push that goes on
    for name, content in scene.store.contents.items():
        aged = type(content)(content.data, content.generation, content.time_created - timedelta(days=2))
        scene.store.contents[name] = aged
    third = make_model(scene.folder / "third", "third")
    push(third, weigh(scene.folder / "e3", third), scene.destination)
    assert leftovers(scene.look()) == []


def test_half_a_version_whose_staged_objects_are_gone_is_left_and_passed(scene: Scene) -> None:
    scene.push_killed_at(request_number(scene, "copy taxi/2/saved_model.pb"))
    for name in [name for name in scene.store.contents if ".staged-" in name]:
        del scene.store.contents[name]
    scene.push()
    record = recorded(scene.destination)
    assert record
    assert record.version == 3
    assert not (scene.look() / "2" / "saved_model.pb").exists()
