"""Disks that are full or fail, and destinations that cannot be written: a clear error, production as it was."""

import errno
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.components.pusher.helpers import assert_whole, leftovers, make_model, snapshot, versions, weigh
from tests.components.pusher.processes import exit_code
from weighbridge.common.digests import tree_digest
from weighbridge.common.errors import ExitCode, InfrastructureError, UsageError, WeighbridgeError
from weighbridge.components.production_model.standing import recorded
from weighbridge.components.pusher import push

pytestmark = pytest.mark.forks

PAGE = 4096
NOBODY = 65534


def error_of(work: Callable[[], object]) -> WeighbridgeError | None:
    try:
        work()
    except WeighbridgeError as error:
        return error
    return None


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A filesystem of 256 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False) if shutil.which("mount") else None
    if mounted is None or mounted.returncode:
        pytest.skip(f"a small filesystem cannot be mounted here: {mounted.stderr.strip() if mounted else 'no mount'}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_disk_that_fills_up_at_any_page(tmp_path: Path, small_disk: Path) -> None:
    old = make_model(tmp_path / "old", "old")
    new = make_model(tmp_path / "new", "new", size=3 * PAGE)
    destination = small_disk / "production"
    push(old, weigh(tmp_path / "e1", old), destination)
    record, before = recorded(destination), snapshot(destination)
    evaluation = weigh(tmp_path / "e2", new)
    refused = 0
    for pages in range(40):
        filler = small_disk / "filler"
        free = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize
        filler.write_bytes(b"." * (free - pages * PAGE))
        error = error_of(lambda: push(new, evaluation, destination))
        if error is not None:
            refused += 1
            assert error.exit_code == ExitCode.INFRASTRUCTURE
            assert "No space left on device" in str(error)
            assert str(destination) in str(error)
            assert recorded(destination) == record
            assert snapshot(destination) == before
            assert leftovers(destination) == []
            filler.unlink()
            continue
        assert_whole(destination, {tree_digest(old), tree_digest(new)})
        break
    assert refused > 9  # three files of three pages each, and the evidence
    assert versions(destination) == [1, 2]


def test_first_push_to_a_full_disk(tmp_path: Path, small_disk: Path) -> None:
    model = make_model(tmp_path / "model", size=300_000)
    with pytest.raises(InfrastructureError, match="No space left on device"):
        push(model, weigh(tmp_path / "e", model), small_disk / "production")
    assert snapshot(small_disk / "production") == {}
    assert leftovers(small_disk) == []


def test_read_only_disk(tmp_path: Path, small_disk: Path) -> None:
    old, new = make_model(tmp_path / "old", "old"), make_model(tmp_path / "new", "new")
    destination = small_disk / "production"
    push(old, weigh(tmp_path / "e1", old), destination)
    before = snapshot(destination)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(UsageError, match="Read-only file system"):
        push(new, weigh(tmp_path / "e2", new), destination)
    assert snapshot(destination) == before


@pytest.mark.parametrize("place", ["production", "."])
def test_destination_that_is_a_file_or_lies_below_one(tmp_path: Path, place: str) -> None:
    model = make_model(tmp_path / "model")
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(UsageError, match=r"file.* (Not a directory|File exists)"):
        push(model, weigh(tmp_path / "e", model), tmp_path / "file" / place)
    assert (tmp_path / "file").read_text() == "not a folder"


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may look into; pytest's own are private."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_destination_without_permission(open_folder: Path) -> None:
    model = make_model(open_folder / "model")
    evaluation = weigh(open_folder / "e", model)
    (open_folder / "locked").mkdir(mode=0o555)

    def work() -> None:
        if os.geteuid() == 0:  # root may write everywhere
            os.setuid(NOBODY)
        with pytest.raises(UsageError, match="Permission denied"):
            push(model, evaluation, open_folder / "locked" / "production")

    assert exit_code(work) == 0
    assert snapshot(open_folder / "locked") == {}


FAILURES = [
    (errno.ENOSPC, InfrastructureError),
    (errno.EIO, InfrastructureError),
    (errno.EDQUOT, InfrastructureError),
    (errno.EACCES, UsageError),
    (errno.EROFS, UsageError),
]


@pytest.mark.parametrize(("number", "expected"), FAILURES, ids=lambda value: str(value))
@pytest.mark.parametrize("call", ["fsync", "rename", "replace", "mkdir", "open"])
def test_each_call_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int, expected: type[WeighbridgeError]
) -> None:
    """Fail the n-th such call, for every n, on a second push; then let a third succeed."""
    new = make_model(tmp_path / "new", "new")
    old = make_model(tmp_path / "old", "old")
    evaluation = weigh(tmp_path / "e2", new)
    original = getattr(os, call)
    for step in range(1, 200):
        destination = tmp_path / f"production-{step}"
        push(old, weigh(tmp_path / "e1", old), destination)
        calls = 0

        def failing(*arguments: object, **options: object) -> object:
            nonlocal calls
            calls += 1
            if calls == step:  # noqa: B023
                raise OSError(number, os.strerror(number))
            return original(*arguments, **options)

        with monkeypatch.context() as patched:
            patched.setattr(os, call, failing)
            error = error_of(lambda: push(new, evaluation, destination))  # noqa: B023
            if error is not None:
                assert isinstance(error, expected)
                assert os.strerror(number) in str(error)
                assert any(str(place) in str(error) for place in (destination, new, evaluation))  # what failed
                assert leftovers(destination) == []
        assert_whole(destination, {tree_digest(old), tree_digest(new)})
        pushed = push(new, evaluation, destination)
        assert pushed.record == assert_whole(destination, {tree_digest(old), tree_digest(new)})
        assert versions(destination) == [1, 2]
        assert leftovers(destination) == []
        if calls < step:
            break
    assert step > 1
