"""`kill -9` at every change that a backtest makes, and at many that the runs of its spans make: it goes on as if not.

A span's run is forked here and not started, since it has everything imported then.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.components.pusher.helpers import assert_whole
from tests.components.pusher.processes import exit_code
from tests.kill_points import Killing, killing, workdir
from tests.weighbridge.local.tiny import CALLS
from weighbridge.backtest import replay
from weighbridge.common.digests import tree_digest
from weighbridge.components.production_model.record import production_history

__all__ = ["killing", "workdir"]

REPLAYED = "tests.weighbridge.backtest.replayed"


class Scene:
    """What a backtest of two spans comes to that nobody disturbs."""

    def __init__(self, killing: Killing, weighbridge, data: Path) -> None:
        given = (REPLAYED, "--from", "2010-09", "--to", "2010-10", "--metric", "auc", "--data", str(data))
        self.command = ("backtest", *given, "--json")
        self.killing = killing
        killing.workdir.mkdir()
        assert weighbridge("run", REPLAYED, "--data", str(data)).code == 0  # loads what forked processes need
        killing.keep()
        done = weighbridge(*self.command)  # the same of what is looked up
        assert done.code == 0, done.err
        self.folder = Path(json.loads(done.out)["folder"])
        self.found = _lasting(done.out)
        self.production = self.folder / "replayed/production"
        self.digests = {tree_digest(self.production / str(version)) for version in (1, 2)}
        self.own = self._own_production()

    def _own_production(self) -> list[int]:
        return [record.version for record in production_history(self.killing.workdir / "replayed/production")]

    def assert_survives(self, point: int) -> None:
        """The pipeline's own production is as it was, the backtest's is whole, and started again it finds the same."""
        self.killing.kill(point, *self.command)
        if self.production.exists():
            assert_whole(self.production, self.digests)
        done, listed = self.killing(self.command, ("runs", "--workdir", str(self.folder)))
        assert done.code == 0, (point, done.err)
        assert _lasting(done.out) == self.found
        assert listed.code == 0, listed.err
        assert {path.name for path in self.production.glob("[0-9]*")} == {"1", "2"}
        assert_whole(self.production, self.digests)
        assert self._own_production() == self.own
        assert Path(json.loads(done.out)["page"]).read_text().rstrip().endswith("</html>")
        begun = [path.relative_to(self.folder) for path in self.folder.rglob(".staged-*")]
        assert {path.parts[:2] for path in begun} <= {("replayed", "artifacts")}  # of executions that nothing refers to
        assert self.folder.with_name(f"{self.folder.name}.lock").read_text() == ""


def _lasting(out: str) -> list[dict[str, Any]]:
    """What a backtest decided. Killed behind a push, a span's model is weighed again, and then against itself."""
    return [
        {name: span[name] for name in ("span", "decision", "version", "refusals")} for span in json.loads(out)["spans"]
    ]


@pytest.fixture
def scene(killing: Killing, weighbridge, tmp_path: Path, monkeypatch) -> Scene:
    @contextmanager
    def forked(command: list[str]) -> Iterator[Any]:
        killing.apart.joinpath("span").mkdir(exist_ok=True)
        inner = Killing(killing.workdir, killing.apart / "span")
        code = exit_code(lambda: os._exit(inner._command(command[3:])))
        texts = [(inner.apart / name).read_text() for name in ("out", "err")]
        yield SimpleNamespace(communicate=lambda: texts, returncode=code)

    monkeypatch.setattr(replay, "_ended_with_us", forked)
    monkeypatch.setenv(CALLS, str(tmp_path / "calls"))
    (tmp_path / "rows.csv").write_text("a\n1\n")
    return Scene(killing, weighbridge, tmp_path / "rows.csv")


@pytest.mark.slow
def test_killed_at_each_change(scene: Scene) -> None:
    """Of its own at each, of those of its spans' runs at some: `tests/weighbridge/local/test_kill.py` has the rest."""
    own, of_runs = scene.killing.points(*scene.command)
    assert len(own) > 10
    assert len(of_runs) > 150
    for point in (*own, *of_runs[::8]):
        scene.assert_survives(point)
