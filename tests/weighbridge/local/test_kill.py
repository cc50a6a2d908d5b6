"""`kill -9` at every change that a run makes: all is shown, production is whole, the next run ends as it would have."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.command_line import Result
from tests.components.pusher.helpers import assert_whole, versions
from tests.kill_points import Killing, killing, workdir
from tests.weighbridge.local.tiny import CALLS
from weighbridge.common import locks
from weighbridge.components.production_model.standing import recorded
from weighbridge.runs.workspace import Workspace

__all__ = ["killing", "workdir"]

DELIVERING = "tests.weighbridge.local.delivering"
RUN = ("run", DELIVERING, "--set", "weight=two")
# What is done before: nothing, or there is another model in production.
FIRST, SECOND = (), ("run", DELIVERING)
SHOW = ("show", "--json")
CLEAR = ("gc", DELIVERING, "--keep", "1", "--remove")
READERS = (("runs",), ("show",), ("report",), ("gc", DELIVERING), ("plan", *RUN[1:]))


class Scene:
    """A work directory, and what a run in it comes to that nobody disturbs."""

    def __init__(self, killing: Killing, weighbridge, *before: str) -> None:
        self.killing = killing
        self.space = Workspace(killing.workdir, "delivering")
        self.production = self.space.home / "production"
        killing.workdir.mkdir()
        killing.keep()
        for command in (("run", DELIVERING), RUN, *READERS):  # load what forked processes need
            assert weighbridge(*command).code == 0
        killing.put_back()
        if before:
            assert killing(before)[0].code == 0
            killing.keep()
        self.before = recorded(self.production)
        self.expected = [*versions(self.production), len(versions(self.production)) + 1]
        # What it comes to at once, and started again when all was done.
        self.gates = [gates_of(killing(command, SHOW)[1]) for command in (RUN, (*RUN, "--force"))]
        self.after = recorded(self.production)
        self.digests = {record.model_digest for record in (self.before, self.after) if record}

    def assert_survives(self, point: int) -> None:
        """Nothing is half, everything can be looked at, and the next run comes to what it would have come to."""
        self.killing.kill(point, *RUN)
        record = assert_whole(self.production, self.digests) if self.production.exists() else None
        assert record == self.before or (record and record.model_digest == self.after.model_digest)
        readers = READERS[: None if point % 5 == 0 else -1]  # the last takes as long as all others
        *read, done, shown, cleared, again = self.killing(*readers, RUN, SHOW, CLEAR, RUN)
        for command, result in zip(readers, read, strict=True):
            assert "Traceback" not in result.err
            assert result.code in {"runs": (0, 2), "show": (0, 2, 3), "report": (0, 2)}.get(command[0], (0,)), (
                command,
                result,
            )
            assert result.code == 0 or "killed" in result.out or "\n       " in result.err, (command, result)
        assert done.code == 0, done.out + done.err
        assert gates_of(shown) in self.gates
        assert assert_whole(self.production, self.digests) == recorded(self.production)
        assert recorded(self.production).model_digest == self.after.model_digest
        assert versions(self.production) == self.expected
        assert again.out.startswith("Nothing changed")
        self.assert_clean(cleared)

    def assert_clean(self, cleared: Result) -> None:
        """No lock, a sound database, and nothing left of what the killed run had begun."""
        assert locks.holder(self.space.folder / ".lock") == ""
        with closing(sqlite3.connect(self.space.folder / "metadata.sqlite")) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert cleared.code == 0, cleared.err
        assert not list(self.killing.workdir.rglob(".staged-*"))
        assert "passed" in {run.record.display_state for run in self.space.runs()}


@pytest.fixture
def scene(request, killing: Killing, weighbridge, tmp_path: Path, monkeypatch) -> Scene:
    monkeypatch.setenv(CALLS, str(tmp_path / "calls"))
    return Scene(killing, weighbridge, *request.param)


@pytest.mark.parametrize("scene", [SECOND], indirect=True)
def test_killed_at_some_changes(scene: Scene) -> None:
    points, _ = scene.killing.points(*RUN)
    for point in points[::12]:
        scene.assert_survives(point)


@pytest.mark.slow
@pytest.mark.parametrize(("scene", "step"), [(FIRST, 8), (SECOND, 2)], indirect=["scene"], ids=["first", "second"])
def test_killed_at_every_other_change(scene: Scene, step: int) -> None:
    """Of the first run, most of whose changes are those of the second one too, at each eighth."""
    points, _ = scene.killing.points(*RUN)
    assert len(points) > 100  # else they are not seen any more
    for point in points[step - 1 :: step]:  # the quick test has some of the others
        scene.assert_survives(point)


def gates_of(shown: Result) -> dict[str, str]:
    """Gates and how they ended, of the last run."""
    return {gate["name"]: gate["status"] for gate in json.loads(shown.out)["verdict"]["gates"]}
