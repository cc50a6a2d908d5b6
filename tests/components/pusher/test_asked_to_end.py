"""A push that is asked to end, where Python lost the interruption: nothing can be seen, or all of it and it is said."""

from pathlib import Path

import pytest

from tests.components.pusher.helpers import assert_whole, leftovers, make_model, versions, weigh
from weighbridge.common import files, interruption, progress
from weighbridge.common.digests import tree_digest
from weighbridge.components.pusher import push, target

ASKED = 1.0  # when, on the monotonic clock


@pytest.fixture(autouse=True)
def unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interruption, "_asked_at", None)


def ask_in(monkeypatch: pytest.MonkeyPatch, module: object, name: str) -> None:
    """Ask the process to end during a function, without anybody noticing."""
    function = getattr(module, name)

    def asked(*arguments: object) -> object:
        monkeypatch.setattr(interruption, "_asked_at", ASKED)
        return function(*arguments)

    monkeypatch.setattr(module, name, asked)


@pytest.mark.parametrize(("module", "name"), [(files, "copy_tree"), (files, "sync_tree"), (target, "write_records")])
def test_before_the_last_look_nothing_was_pushed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: object, name: str
) -> None:
    model, destination = make_model(tmp_path / "model"), tmp_path / "production"
    ask_in(monkeypatch, module, name)
    with progress.lasting_facts() as facts, pytest.raises(KeyboardInterrupt):
        push(model, weigh(tmp_path / "e", model), destination)
    assert (versions(destination), leftovers(destination), facts) == ([], [], [])


def test_after_it_all_of_it_was_and_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, destination = make_model(tmp_path / "model"), tmp_path / "production"
    ask_in(monkeypatch, target, "_rename")
    with progress.lasting_facts() as facts:
        push(model, weigh(tmp_path / "e", model), destination)
    assert assert_whole(destination, {tree_digest(model)})
    assert facts == [f"version 1 is in production at {destination}/1"]
