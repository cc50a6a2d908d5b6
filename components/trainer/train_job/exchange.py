"""The folder through which a step and the nodes of its TrainJob exchange files, in a volume that all of them mount.

    request.json       what to train
    inputs/<name>/     copies of the step's inputs, which Kubeflow's launcher put where only the step can see them
    outputs/<name>/    what the chief writes
    outcomes/<n>.json  how it ended on node n

A copy is compared with what it was copied from by digest, both ways.
"""

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from weighbridge.common import files, progress
from weighbridge.common.digests import folder_digest, tree_digest
from weighbridge.common.errors import ExitCode, InfrastructureError, UsageError


class Outcome(BaseModel):
    """How training ended on one node.

    Attributes:
        exit_code: 0 where it trained to the end; else one of the four.
        message: what went wrong.
        hint: what to do.
        model_digest: of the exported model, from the chief; empty where nothing was exported.
        outputs: digests of the output folders, from the chief; empty for an empty folder.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    exit_code: ExitCode = ExitCode.PASSED
    message: str = ""
    hint: str = ""
    model_digest: str = ""
    outputs: dict[str, str] = {}

    def error(self, where: str) -> UsageError | InfrastructureError:
        """The error as it was raised on the node."""
        kind = InfrastructureError if self.exit_code == ExitCode.INFRASTRUCTURE else UsageError
        return kind(f"{where}: {self.message}", self.hint)


class Request(BaseModel):
    """What a node is asked to do.

    Attributes:
        inputs: artifacts by name, in TFX's JSON, with the addresses of their copies.
        outputs: likewise, with the addresses of folders to write.
        properties: execution properties of the Trainer.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    inputs: str
    outputs: str
    properties: dict[str, Any]


class Exchange:
    """One TrainJob's folder.

    Args:
        folder: where it is or will be.
        late_s: how late a file may be seen that another machine wrote: NFS looks into a folder once a minute.
    """

    def __init__(self, folder: str | Path, *, late_s: float = 90.0) -> None:
        self.folder = Path(folder)
        self._late_s = late_s

    def stage(self, name: str, source: str | Path) -> Path:
        """Copy an input; one that an earlier attempt copied whole is left as it is.

        Raises:
            InfrastructureError: the copy is not what was copied.
        """
        target = self.folder / "inputs" / name
        digest = tree_digest(source)
        if not target.exists():
            progress.report(f"copying {name} to {self.folder}")
            with files.staged_folder(target) as staged:
                files.copy_tree(source, staged)
        _compare(target, digest)
        return target

    def output(self, name: str) -> Path:
        """Where the chief writes an output."""
        return self.folder / "outputs" / name

    def begin(self, request: Request) -> None:
        """Make the folder ready for a new TrainJob."""
        for left in ("outputs", "outcomes"):
            shutil.rmtree(self.folder / left, ignore_errors=True)
        files.write_text(self.folder / "request.json", request.model_dump_json())

    def request(self) -> Request:
        """What to train.

        Raises:
            UsageError: there is no request: the node does not see the folder that the step wrote.
        """
        path = self.folder / "request.json"
        try:
            return Request.model_validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            raise UsageError(
                f"{path} cannot be read: {type(error).__name__}",
                "Do the step and the TrainJob's nodes mount the same claim, and run the same image?",
            ) from error

    def end(self, node: int, outcome: Outcome) -> None:
        """Write down how it ended on a node."""
        files.write_text(self.folder / "outcomes" / f"{node}.json", outcome.model_dump_json())

    def outcomes(self) -> dict[int, Outcome]:
        """How it ended on the nodes that said so."""
        found = sorted((self.folder / "outcomes").glob("*.json"))
        return {int(path.stem): Outcome.model_validate_json(path.read_bytes()) for path in found}

    def take(self, name: str, digest: str, target: str | Path) -> None:
        """Copy an output to where the step leaves it.

        Raises:
            InfrastructureError: it is not what the chief wrote, not even after a while.
        """
        self.wait_for(lambda: folder_digest(self.output(name)) == digest)
        shutil.rmtree(target, ignore_errors=True)
        files.copy_tree(self.output(name), target)
        _compare(Path(target), digest)

    def wait_for(self, seen: Callable[[], object]) -> None:
        """Wait until `seen`, but not for long: a file system between machines shows new files late."""
        end = time.monotonic() + self._late_s
        while not seen() and time.monotonic() < end:
            time.sleep(min(1.0, self._late_s))

    def remove(self) -> None:
        """Remove the folder: what it held is elsewhere now."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _compare(copy: Path, digest: str) -> None:
    found = folder_digest(copy)
    if found != digest:
        raise InfrastructureError(
            f"{copy} is not what was copied: {found or 'empty'} instead of {digest or 'an empty folder'}",
            "Can all nodes see each other's files? The claim must be ReadWriteMany on several machines.",
        )
