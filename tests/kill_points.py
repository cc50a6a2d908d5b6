"""Commands that are killed at every change of a folder: in forked processes, where everything is imported, by SIGKILL.

A point is one call that changes something: a file opened to write, a folder made, a rename, a removal, a sync, a
request to ML Metadata that writes. At a sync there is a point more, where half of the file is written. Points that
leave the folder as the one before are counted and not killed at again: nobody could tell them apart.
"""

import functools
import gc
import json
import mmap
import os
import shutil
import signal
import struct
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import typer

from tests.command_line import Result
from tests.components.pusher.processes import exit_code
from weighbridge.cli import main
from weighbridge.common import digests
from weighbridge.common.digests import value_digest
from weighbridge.runs import fingerprint

_CHANGES = ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate", "os.link", "os.symlink", "os.chmod")
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_GFILE = ("makedirs", "mkdir", "rmtree", "remove", "rename", "copy")


@dataclass
class Points:
    """The points that a piece of work comes to, in all of its processes, and at which of them it is killed.

    Attributes:
        folder: where changes count.
        last: number of the point at which the process group is killed, from 1; 0 for none.
        states: file that is given the state of the folder at each point; None for no such thing.
    """

    folder: Path
    last: int = 0
    states: Path | None = None
    _count: mmap.mmap = field(default_factory=lambda: mmap.mmap(-1, 8))
    _busy: bool = False

    def watch(self) -> None:
        """Begin to count in this process, which is to be thrown away."""
        os.setpgid(0, 0)
        sys.addaudithook(self._audited)
        fsync = os.fsync

        def synced(descriptor: int) -> None:
            path = _opened(descriptor)
            if path.is_relative_to(self.folder):
                if path.is_file():
                    self._come(f"half of {path}", lambda: os.truncate(path, path.stat().st_size // 2))
                self._come()
            fsync(descriptor)

        os.fsync = synced
        from ml_metadata.metadata_store import metadata_store
        from tfx.dsl.io import fileio

        for name in _GFILE:
            setattr(fileio, name, self._around(getattr(fileio, name), lambda: True))
        call = metadata_store.MetadataStore._call
        metadata_store.MetadataStore._call = self._around(call, lambda _, method, *__: method.startswith("Put"))

    def _around(self, work: Callable[..., Any], counts: Callable[..., bool]) -> Callable[..., Any]:
        @functools.wraps(work)
        def around(*given: Any, **options: Any) -> Any:
            come = counts(*given) if work.__name__ == "_call" else str(given[0]).startswith(str(self.folder))
            if come:
                self._come()
            result = work(*given, **options)
            if come:
                self._come()
            return result

        return around

    def _audited(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self._busy or not (event in _CHANGES or (event == "open" and arguments[2] and arguments[2] & _WRITES)):
            return
        beside = -1 if event == "open" else arguments[-1]
        if any(_below(self.folder, each, beside) for each in arguments[:2]):
            self._come()

    def _come(self, torn: str = "", tear: Callable[[], None] = lambda: None) -> None:
        self._busy = True
        [number] = struct.unpack("q", self._count[:])
        self._count[:] = struct.pack("q", number + 1)
        if self.states:
            with self.states.open("a") as file:
                file.write(f"{os.getpid()} {torn or state_of(self.folder)}\n")
        if number + 1 == self.last:
            tear()
            os.killpg(0, signal.SIGKILL)
        self._busy = False


def state_of(folder: Path) -> str:
    """Digest of all that is below a folder."""
    found = sorted(folder.rglob("*"))
    return value_digest([[str(each), each.read_bytes().hex() if each.is_file() else ""] for each in found])


def _below(folder: Path, path: Any, descriptor: Any) -> bool:
    if not isinstance(path, str | bytes | os.PathLike):
        return False
    found = Path(os.fsdecode(path))
    if not found.is_absolute() and isinstance(descriptor, int) and descriptor >= 0:  # as rmtree removes
        found = _opened(descriptor) / found
    return folder in found.parents


def _opened(descriptor: int) -> Path:
    return Path(f"/proc/self/fd/{descriptor}").readlink()


@dataclass
class Killing:
    """A work directory to kill commands in, put back to a state at the same path: artifacts are known by theirs.

    Attributes:
        workdir: the work directory.
        apart: a folder for what is no part of it.
    """

    workdir: Path
    apart: Path

    def keep(self) -> None:
        """Remember what the work directory is now."""
        gc.collect()
        gc.freeze()  # forked processes look for garbage in what they make alone
        self.workdir.mkdir(exist_ok=True)
        shutil.rmtree(self.apart / "kept", ignore_errors=True)
        shutil.copytree(self.workdir, self.apart / "kept", symlinks=True)

    def put_back(self) -> None:
        shutil.rmtree(self.workdir)
        shutil.copytree(self.apart / "kept", self.workdir, symlinks=True)

    def __call__(self, *commands: Sequence[str]) -> list[Result]:
        """Call commands one after another in a forked process."""
        results = self.apart / "results"
        code = exit_code(lambda: self._commands(commands, results))
        assert code == 0, (self.apart / "err").read_text()
        return [Result(*each) for each in json.loads(results.read_text())]

    def points(self, *arguments: str) -> tuple[list[int], list[int]]:
        """The points of a command that differ, in numbers: its own, and those of the processes that it starts.

        The work directory is put back before and afterwards.
        """
        states = self.apart / "states"
        states.write_text("")
        self.put_back()
        assert exit_code(lambda: self._end(arguments, Points(self.workdir, states=states))) == 0
        self.put_back()
        found = [line.split(" ", 1) for line in states.read_text().splitlines()]
        new = [number for number, (_, state) in enumerate(found, 1) if number == 1 or state != found[number - 2][1]]
        own = [number for number in new if found[number - 1][0] == found[0][0]]
        return own, [number for number in new if number not in own]

    def kill(self, point: int, *arguments: str) -> None:
        """Put the work directory back, and kill a command there at a point."""
        self.put_back()
        code = exit_code(lambda: self._end(arguments, Points(self.workdir, last=point)))
        assert code == -signal.SIGKILL, (point, code, (self.apart / "err").read_text())

    def _end(self, arguments: Sequence[str], points: Points) -> None:
        os._exit(self._command(arguments, points))

    def _commands(self, commands: Sequence[Sequence[str]], results: Path) -> None:
        found = []
        for command in commands:
            code = self._command(command)
            found.append((code, (self.apart / "out").read_text(), (self.apart / "err").read_text()))
        results.write_text(json.dumps(found))

    def _command(self, arguments: Sequence[str], points: Points | None = None) -> int:
        """Call a command in this process, which is to be thrown away."""
        sys.stdout, sys.stderr = (Path(self.apart, name).open("w") for name in ("out", "err"))  # noqa: SIM115
        for number, stream in enumerate((sys.stdout, sys.stderr), 1):
            os.dup2(stream.fileno(), number)
        sys.argv = ["weighbridge", *arguments]
        if points:
            points.watch()
        try:
            main.main()
        except SystemExit as end:
            sys.stdout.flush()
            sys.stderr.flush()
            return int(end.code or 0)
        return -1


@pytest.fixture
def killing(workdir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Killing]:
    """Whatever command is called first must load everything in this process: forked ones have it then.

    Which files are a pipeline's code is looked up once, and the commands are built once: both take longer than a run.
    """
    looked_up: dict[str, dict[str, Path]] = {}
    look_up = digests.source_files

    def source_files(modules: Any, moved: Any = None) -> dict[str, Path]:
        names = sorted(modules)
        key = json.dumps(names)
        if moved is not None or key not in looked_up:
            looked_up[key] = look_up(names, moved)
        return looked_up[key]

    monkeypatch.setattr("typer.main.get_command", functools.cache(typer.main.get_command))
    for module in (digests, fingerprint):
        monkeypatch.setattr(module, "source_files", source_files)
    monkeypatch.setenv("WEIGHBRIDGE_WORKDIR", str(workdir))
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    (tmp_path / "apart").mkdir()
    yield Killing(workdir, tmp_path / "apart")
    gc.unfreeze()
    assert not list(temporary.iterdir())


@pytest.fixture
def workdir(tmp_path: Path) -> Iterator[Path]:
    """In memory where that is a folder: a kill loses nothing that was written, wherever it is."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else tmp_path) as folder:
        yield Path(folder, "work")
