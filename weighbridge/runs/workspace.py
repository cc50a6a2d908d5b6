"""What a pipeline keeps in the work directory: artifacts, production, and one folder per run."""

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from weighbridge.common import files
from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.definition import Context, Definition

RUN_FILE = "run.json"
LOG_FILE = "log.txt"
REHEARSAL = "rehearsal"
_FINGERPRINT = AliasChoices("fingerprint", "facts")  # as runs of earlier versions call it

RunKind = Literal["run", "rehearsal", "promotion"]
RunState = Literal["running", "passed", "refused", "failed"]
StepState = Literal["done", "cached", "refused", "failed", "skipped"]


class StepRecord(BaseModel):
    """One step of a run.

    Attributes:
        state: how it ended.
        seconds: wall time.
        note: one line about it.
        fingerprint: `parameters` and `inputs` that its outcome depended on, see `weighbridge.runs.fingerprint.of_step`.
    """

    model_config = ConfigDict(extra="forbid")

    name: str
    state: StepState
    seconds: float = 0.0
    note: str = ""
    fingerprint: dict[str, dict[str, Any]] = Field(default_factory=dict, validation_alias=_FINGERPRINT)


class ArtifactReference(BaseModel):
    """An output by where it is and what is in it."""

    model_config = ConfigDict(extra="forbid")

    step: str
    key: str
    type: str
    uri: str
    digest: str = ""


class RunRecord(BaseModel):
    """`run.json`: what a run was asked, what it depended on, what it did and how it ended.

    Attributes:
        kind: a run; a rehearsal on a share of the data; or the promotion of a model from one place to another.
        to: the step it was to end after; empty for the whole pipeline. What ends early is not an outcome of the whole.
        delivered_to: the stage that its model went to; empty for production of the work directory.
        fingerprint: digests of everything the outcome depends on, see `weighbridge.runs.fingerprint`.
        error: the error that ended it, for state `failed`.
        pid: process that runs or ran it; tells a running run from a killed one.
    """

    model_config = ConfigDict(extra="forbid")

    run_id: str
    pipeline: str
    module: str
    kind: RunKind = "run"
    to: str = ""
    delivered_to: str = ""
    state: RunState = "running"
    exit_code: int | None = None
    started: datetime
    seconds: float = 0.0
    parameters: dict[str, Any] = Field(default_factory=dict)
    fingerprint: dict[str, Any] = Field(default_factory=dict, validation_alias=_FINGERPRINT)
    steps: list[StepRecord] = Field(default_factory=list)
    artifacts: list[ArtifactReference] = Field(default_factory=list)
    error: str = ""
    pid: int = 0

    @property
    def partial(self) -> bool:
        """Whether only the first steps were asked for."""
        return bool(self.to)

    @property
    def display_state(self) -> str:
        """The state as people see it: a run whose process is gone was killed."""
        if self.state == "running" and not _alive(self.pid):
            return "killed"
        return self.state

    @property
    def display_kind(self) -> str:
        """What it was, as people see it: `run`, `partial run to DataValidator`, `rehearsal`, `promotion to canary`."""
        if self.kind == "promotion":
            return f"promotion to {self.delivered_to}"
        return f"partial {self.kind} to {self.to}" if self.partial else self.kind

    def told(self) -> dict[str, Any]:
        """The record for machines: all but what only comparing runs needs."""
        return self.model_dump(
            mode="json", exclude={"fingerprint": True, "pid": True, "steps": {"__all__": {"fingerprint"}}}
        ) | {"partial": self.partial}


class Run:
    """A run's folder."""

    def __init__(self, folder: Path, record: RunRecord) -> None:
        self.folder = folder
        self.record = record

    def save(self) -> None:
        """Replace `run.json` atomically."""
        files.write_json(self.folder / RUN_FILE, self.record.model_dump(mode="json"))

    @property
    def log(self) -> Path:
        """The full log of the run."""
        return self.folder / LOG_FILE

    @classmethod
    def read(cls, folder: Path) -> "Run":
        """Read a run's folder.

        Raises:
            UsageError: it holds no readable `run.json`.
        """
        try:
            return cls(folder, RunRecord.model_validate_json((folder / RUN_FILE).read_bytes()))
        except (OSError, ValidationError) as error:
            raise UsageError(f"{folder} is not a run: its {RUN_FILE} cannot be read") from error


class Workspace:
    """The folder `<workdir>/<pipeline>` of one pipeline, or the one in it that rehearsals have to themselves.

    Args:
        workdir: the work directory.
        pipeline: the pipeline's name.
        rehearsal: whether it is that of rehearsals: production is the real one, everything else apart.
    """

    def __init__(self, workdir: str | Path, pipeline: str, rehearsal: bool = False) -> None:
        self.home = Path(workdir).absolute() / pipeline
        self.folder = self.home / REHEARSAL if rehearsal else self.home
        self.pipeline = pipeline
        self.rehearsal = rehearsal

    def context(self, definition: Definition) -> Context:
        """Where the pipeline keeps things when it runs here."""
        return Context(
            name=definition.name,
            folder=definition.folder,
            root=str(self.folder / "artifacts"),
            production=str(self.home / "production"),
            history=str(self.folder / "history"),
            checkpoints=str(self.folder / "checkpoints"),
            metadata=str(self.folder / "metadata.sqlite"),
        )

    def copy_history(self) -> None:
        """Give a rehearsal the statistics of earlier spans to compare with, as a copy that it may add to."""
        kept, copy = self.home / "history", self.folder / "history"
        if self.rehearsal:
            shutil.rmtree(copy, ignore_errors=True)
            if kept.is_dir():
                shutil.copytree(kept, copy)

    @property
    def code_file(self) -> Path:
        """What remembers the code of user functions, see `weighbridge.local.steps`."""
        return self.folder / "code.json"

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the workspace: one run at a time. The system lets go of it when the process ends, however it ends.

        Raises:
            UsageError: the folder cannot be written.
            InfrastructureError: another run holds it.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise UsageError(
                f"The work directory {self.folder} cannot be written: {error.strerror}",
                "Choose another with --workdir, or set WEIGHBRIDGE_WORKDIR.",
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError as error:
            raise InfrastructureError(
                f"Another run of {self.pipeline} is using {self.folder}",
                "Wait for it and run again, or choose another --workdir.",
            ) from error
        finally:
            os.close(descriptor)

    def new_run(self, definition: Definition, parameters: dict[str, Any], **described: Any) -> Run:
        """Make the folder of a new run; `described` are further fields of its record."""
        record = self._record(definition, parameters, **described)
        run = Run(self.folder / "runs" / record.run_id, record)
        run.save()
        return run

    def scratch(self, definition: Definition) -> Run:
        """A run that only looks at data: it has a log, and no place among the runs."""
        folder = self.folder / "schema"
        folder.mkdir(parents=True, exist_ok=True)
        return Run(folder, self._record(definition, {}))

    def _record(self, definition: Definition, parameters: dict[str, Any], **described: Any) -> RunRecord:
        """A record with an id that sorts by time."""
        started = datetime.now(UTC)
        return RunRecord(
            run_id=f"{started:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}",
            pipeline=self.pipeline,
            module=definition.module,
            started=started,
            parameters=parameters,
            pid=os.getpid(),
            **({"kind": REHEARSAL} if self.rehearsal else {}) | described,
        )

    def runs(self) -> list[Run]:
        """All readable runs, oldest first."""
        found = []
        for folder in sorted((self.folder / "runs").glob("*/")):
            try:
                found.append(Run.read(folder))
            except UsageError:
                continue
        return found


def workspaces(workdir: str | Path) -> list[Workspace]:
    """All pipelines that have run in `workdir`, and their rehearsals."""
    root = Path(workdir)
    return [Workspace(workdir, path.parent.name) for path in sorted(root.glob("*/runs"))] + [
        Workspace(workdir, path.parents[1].name, rehearsal=True) for path in sorted(root.glob(f"*/{REHEARSAL}/runs"))
    ]


def find_run(workdir: str | Path, reference: str | None = None) -> Run:
    """The run named by an id, the beginning of one, or a folder; the latest run if nothing is named.

    Raises:
        UsageError: there is none, or several begin so.
    """
    if reference and Path(reference, RUN_FILE).exists():
        return Run.read(Path(reference))
    runs = sorted((run for space in workspaces(workdir) for run in space.runs()), key=lambda run: run.record.started)
    matching = [run for run in runs if run.record.run_id.startswith(reference or "")]
    if not matching:
        raise UsageError(
            f"No run {reference or ''} in {Path(workdir).absolute()}".replace("  ", " "),
            "See 'weighbridge runs', or name the work directory with --workdir.",
        )
    if reference and len(matching) > 1:
        raise UsageError(f"{len(matching)} runs begin with {reference!r}", "Give more of the id.")
    return matching[-1]


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
