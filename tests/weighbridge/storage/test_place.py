"""A place that several machines write to: one promise for folders and buckets."""

import errno
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest

from tests.components.pusher.processes import _Killer, exit_code
from tests.weighbridge.shared import KINDS, Delivered, name_of
from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.storage.place import FolderPlace, Place, is_plain, open_store
from weighbridge.storage.store import ABSENT

pytestmark = pytest.mark.forks


@pytest.fixture(params=KINDS, ids=name_of)
def place(request, tmp_path, monkeypatch) -> Place:
    folder = tmp_path / "machines"
    folder.mkdir()
    return Delivered(request.param, folder, monkeypatch).machines.place("p")


def test_what_is_written_once_is_never_overwritten(place: Place, tmp_path: Path) -> None:
    assert place.read("a/b.json") is None
    assert (place.size("a/b.json"), place.version("a/b.json")) == (None, ABSENT)
    assert place.write("a/b.json", b"one")
    assert place.write("a/b.json", b"one")  # said again, as after a lost answer
    assert not place.write("a/b.json", b"two")
    (tmp_path / "file").write_bytes(b"three")
    place.upload(tmp_path / "file", "a/b.json")
    place.upload(tmp_path / "file", "a/c/d.txt")
    assert (place.read("a/b.json"), place.read("a/c/d.txt")) == (b"one", b"three")
    assert {name: found.size for name, found in place.listed("a").items()} == {"b.json": 3, "c/d.txt": 5}
    assert (place.folders(), place.folders("a")) == (["a"], ["c"])
    assert place.within("a").read("c/d.txt") == b"three"


def test_only_who_knows_what_is_there_replaces_it(place: Place) -> None:
    place.write("a.json", b"one")
    version = place.version("a.json")
    assert place.write("a.json", b"two", version)
    assert not place.write("a.json", b"three", version)
    assert not place.write("gone.json", b"three", version)
    assert place.read("a.json") == b"two"


def test_what_is_removed_is_gone_and_the_rest_stays(place: Place) -> None:
    for name in ("a/b", "a/c/d", "ab"):
        place.write(name, b"1")
    place.remove("a")
    assert set(place.listed("")) == {"ab"}
    place.remove("ab")
    place.remove("nothing")
    assert place.listed("") == {}


@pytest.mark.parametrize("links", [True, False])
def test_many_at_once_lose_no_count(links: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also on a filesystem without hard links."""
    if not links:
        monkeypatch.setattr(os, "link", _refuse_link)
    place = FolderPlace(tmp_path)
    created = list(_at_once(8, lambda number: place.write("who.json", f"{number}".encode())))
    assert created.count(True) == 1

    place.write("count.json", b"0")

    def add(number: int) -> None:
        for turn in range(5):
            written = False
            while not written:
                version = place.version("count.json")
                counted = int((place.read("count.json") or b"").split()[0]) + 1
                written = place.write("count.json", f"{counted} by {number} in turn {turn}".encode(), version)

    _at_once(4, add)
    assert (place.read("count.json") or b"").split()[0] == b"20"
    assert not list(tmp_path.glob(".staged-*"))


def _at_once(number: int, work):
    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(work, range(number)))


def _refuse_link(*_: object) -> None:
    raise OSError(errno.EPERM, "Operation not permitted")


@pytest.mark.parametrize("links", [True, False])
def test_a_writer_that_is_killed_anywhere_leaves_all_or_nothing(
    links: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not links:
        monkeypatch.setattr(os, "link", _refuse_link)
    old, new = b"old" * 1000, b"new" * 1000
    for step in count(1):
        place = FolderPlace(tmp_path / str(step))
        place.write("record.json", old)
        version = place.version("record.json")

        def work(step: int = step, place: FolderPlace = place, version: str = version) -> None:
            sys.addaudithook(_Killer(step, str(place.root)))
            place.write("record.json", new, version)
            place.write("another.json", new)

        code = exit_code(work)
        assert code in (0, -signal.SIGKILL)
        assert place.read("record.json") in (old, new)
        assert place.read("another.json") in (None, new)
        assert set(place.listed("")) <= {"record.json", "another.json"}
        assert place.write("record.json", new, place.version("record.json"))
        assert place.write("another.json", new)
        if code == 0:
            break
    assert step > 5


@pytest.mark.parametrize(
    ("number", "kind"), [(errno.EROFS, UsageError), (errno.EACCES, UsageError), (errno.EIO, InfrastructureError)]
)
def test_errors_of_a_disk_say_whether_to_try_again(
    number: int, kind: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = FolderPlace(tmp_path)

    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number), str(tmp_path / "x"))

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(kind, match="cannot be read or written"):
        place.write("x", b"")


def test_a_store_is_a_folder_that_is_there_or_a_bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").mkdir()
    assert open_store("here").address == str(tmp_path / "here")  # what records name does not depend on where one is
    assert open_store("s3://models/ours/").address == "s3://models/ours"
    for wrong in ("", "there", "hdfs://x", "gs:/x"):
        with pytest.raises(UsageError, match="--store"):
            open_store(wrong)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/a", "../a", "a\\b"])
def test_names_that_lead_elsewhere_are_not_plain(name: str) -> None:
    assert not is_plain(name)
    assert is_plain("a.json")
