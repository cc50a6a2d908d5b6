"""Machines that share one store and nothing else: a work directory each. Of each kind of store there is one."""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
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
    run_command: Callable[..., Result]
    double: Double | None = None
    outputs: list[Result] = field(default_factory=list)

    def __call__(self, machine: str, *arguments: Any) -> Result:
        """Run a command on a machine, made where it is new."""
        done = self.run_command(*arguments, "--workdir", self.workdir(machine), "--store", self.store)
        self.outputs.append(done)
        return done

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


def machines_of(
    kind: Kind | None, folder: Path, run_command: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> Machines:
    """Machines with a store of a kind; a bucket is a double, which enforces preconditions."""
    if kind is None:
        store = folder / "store"
        store.mkdir()
        return Machines(str(store), folder, run_command)
    return Machines(f"{kind.scheme}{BUCKET}/shared", folder, run_command, double_of(kind, monkeypatch))
