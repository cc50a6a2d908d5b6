"""Pushes killed before any call of Git or change of the models: nothing is half there, and the next one ends it."""

import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.components.pusher.helpers import assert_whole, make_model, versions, weigh
from tests.components.pusher.processes import exit_code
from tests.config_repository import ConfigRepository
from weighbridge.common.digests import tree_digest
from weighbridge.components.production_model import read_record
from weighbridge.components.production_model.standing import verify_production
from weighbridge.components.pusher import push


class _Killer:
    """An audit hook that ends the process, and all of Git that it started, before its n-th call that counts."""

    def __init__(self, left: int, folder: str) -> None:
        self.left, self.folder = left, folder

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        git = event == "subprocess.Popen" and arguments[0] == "git"
        moves = event in ("os.rename", "os.mkdir") and str(arguments[0]).startswith(self.folder)
        if git or moves:
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.slow
def test_a_kill_at_any_point_leaves_the_old_or_the_new_and_the_next_push_makes_no_version_twice(
    config: ConfigRepository, models: Path, model: Path, tmp_path: Path
) -> None:
    push(make_model(tmp_path / "first", "first"), weigh(tmp_path / "of-first", tmp_path / "first"), config.address)
    first = read_record(config.address)
    evaluation = weigh(tmp_path / "evaluation", model)
    digests = {tree_digest(model), tree_digest(tmp_path / "first")}
    main, killed, named = config.head(), 0, 0

    def work() -> None:
        sys.addaudithook(_Killer(killed + 1, str(models)))
        push(model, evaluation, config.address)

    while exit_code(work) == -signal.SIGKILL:
        killed += 1
        assert_whole(models, digests)
        record = read_record(config.address)
        assert record == first or (record is not None and record.model_digest == tree_digest(model))
        verify_production(config.address)
        if killed % 4 == 0 or record != first:  # else what it left meets the next kill
            pushed = push(model, evaluation, config.address)
            assert read_record(config.address) == pushed.record
            assert len(config.messages()) == 3
            config.run("update-ref", "refs/heads/main", main)
            named += 1
        assert versions(models) in ([1], [1, 2])
    assert killed > 20
    assert named > 3
    record = read_record(config.address)
    assert record is not None
    assert (record.version, versions(models)) == (2, [1, 2])
