"""Machines that share one store and nothing else: a work directory each. Of each kind of store there is one."""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.command_line import Result
from tests.components.pusher.buckets import BUCKET, GCS, S3, Kind, double_of
from tests.components.pusher.doubles import Double
from weighbridge.runs.record import Run
from weighbridge.runs.workspace import Workspace
from weighbridge.storage.place import Place, open_place

KINDS: tuple[Kind | None, ...] = (None, S3, GCS)  # None: a folder


def name_of(kind: Kind | None) -> str:
    """The name of a kind in a test's id."""
    return kind.scheme.removesuffix("://") if kind else "folder"


@dataclass
class Machines:
    """A store, and what runs commands on machines that share it.

    Attributes:
        store: its folder or address.
        double: of the client of a bucket, to fail requests; None for a folder.
    """

    store: str
    folder: Path
    run_command: Callable[..., Result] | None = None
    double: Double | None = None

    def __call__(self, machine: str, *arguments: Any) -> Result:
        """Run a command on a machine, made where it is new."""
        assert self.run_command is not None
        return self.run_command(*arguments, "--workdir", self.workdir(machine), "--store", self.store)

    def json(self, machine: str, *arguments: Any) -> Any:
        """As a call, that must end well; its JSON."""
        done = self(machine, *arguments, "--json")
        assert done.code == 0, done.out + done.err
        return json.loads(done.out)

    def workdir(self, machine: str) -> Path:
        """The work directory of a machine."""
        return self.folder / machine

    def wipe(self, machine: str) -> None:
        """Begin anew with an empty work directory."""
        shutil.rmtree(self.workdir(machine), ignore_errors=True)

    def runs(self, machine: str, pipeline: str) -> list[Run]:
        """The runs in a machine's work directory."""
        return Workspace(self.workdir(machine), pipeline).runs()

    def place(self, pipeline: str) -> Place:
        """What the store has of a pipeline."""
        return open_place(self.store).within(pipeline)

    def names(self) -> set[str]:
        """Everything in the store."""
        return set(open_place(self.store).listed(""))

    @contextmanager
    def read_only(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        """Nobody may write there while the block lasts; the folder is told so by its class, as root may write all."""
        with monkeypatch.context() as patched:
            if self.double is None:
                from weighbridge.storage.place import FolderPlace

                def refused(*_: Any) -> Any:
                    raise PermissionError(13, "Permission denied", self.store)

                patched.setattr(FolderPlace, "_staged", refused)
            else:
                double = self.double

                def forbid(request: str) -> None:
                    if request.split()[0] in ("write", "upload", "copy", "delete"):
                        raise forbidden(double)

                patched.setattr(double, "before", forbid)
            yield


def forbidden(double: Double) -> Exception:
    """What a bucket answers to who has no right to write."""
    if double.scheme == "s3://":
        from tests.components.pusher.s3_double import answer

        return answer("AccessDenied", 403)
    from google.api_core.exceptions import Forbidden

    return Forbidden("no")


class Delivered:
    """Machines and what they left, which is put back at the same paths for every test.

    Args:
        kind: of the store; a bucket is a double, which enforces preconditions.
        folder: of the machines, and of a store that is a folder.
        patch: puts the double in the client's place.
    """

    def __init__(self, kind: Kind | None, folder: Path, patch: pytest.MonkeyPatch) -> None:
        double = double_of(kind, patch) if kind else None
        store = f"{kind.scheme}{BUCKET}/shared" if kind else str(folder / "store")
        self.machines = Machines(store, folder, double=double)
        self._copy = folder.with_name(f"{folder.name}-copy")
        self._contents: dict[str, Any] = {}
        if double is None:
            (folder / "store").mkdir()

    def remember(self) -> None:
        """Keep what there is now."""
        shutil.copytree(self.machines.folder, self._copy, copy_function=shutil.copy2)
        self._contents = dict(self.machines.double.contents) if self.machines.double else {}

    def again(self, run_command: Callable[..., Result]) -> Machines:
        """The machines as they were remembered."""
        machines = self.machines
        shutil.rmtree(machines.folder)
        shutil.copytree(self._copy, machines.folder, copy_function=shutil.copy2)
        if machines.double is not None:
            machines.double.contents = dict(self._contents)
            machines.double.before = machines.double.after = lambda request: None
        machines.run_command = run_command
        return machines
