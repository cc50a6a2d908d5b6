"""What a pipeline keeps in the work directory: artifacts, production, and one folder per run."""

import contextlib
import heapq
import itertools
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from weighbridge.common import locks
from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.common.files import STAGED_PREFIX
from weighbridge.common.machine import is_machine_failure
from weighbridge.definition import Context, Definition
from weighbridge.runs.commit import commit_of
from weighbridge.runs.origin import origin_of
from weighbridge.runs.record import BROUGHT_FILE, RUN_FILE, Run, RunRecord

REHEARSAL = "rehearsal"
_LATEST = 10  # runs among which one was killed that nobody has cleared up after


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
        """Give a rehearsal the statistics of earlier spans to compare with, as a copy that it may add to.

        A run beside may be adding to them: what it has staged is none of them yet, and may be gone before it is copied.
        """
        kept, copy = self.home / "history", self.folder / "history"
        if self.rehearsal:
            shutil.rmtree(copy, ignore_errors=True)
            if kept.is_dir():
                shutil.copytree(kept, copy, ignore=shutil.ignore_patterns(f"{STAGED_PREFIX}*"))

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
        with contextlib.ExitStack() as held:
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                held.enter_context(locks.exclusive(self._lock))
                self._remove_staged()
            except BlockingIOError as error:
                who = locks.holder(self._lock)
                raise InfrastructureError(
                    f"Another run of {self.pipeline} is using {self.folder}" + (f": {who}" if who else ""),
                    "Wait for it and run again, or choose another --workdir.",
                ) from error
            except (OSError, ValueError) as error:
                kind = InfrastructureError if is_machine_failure(error) else UsageError
                raise kind(
                    f"The work directory {self.folder} cannot be written: {getattr(error, 'strerror', error)}",
                    "Choose another with --workdir, or set WEIGHBRIDGE_WORKDIR.",
                ) from error
            yield

    def _remove_staged(self) -> None:
        """Remove what a killed run had begun to write beside its files: only the holder of the lock writes there."""
        own = [folder for folder in self.run_folders()[-_LATEST:] if not (folder / BROUGHT_FILE).exists()]
        for folder in (self.folder, *own):
            for path in folder.glob(f"{STAGED_PREFIX}*"):
                path.unlink(missing_ok=True)

    @property
    def _lock(self) -> Path:
        return self.folder / ".lock"

    def new_run(
        self, definition: Definition, parameters: dict[str, Any], *, holding: bool = True, **described: Any
    ) -> Run:
        """Make the folder of a new run; `described` are further fields of its record.

        Args:
            definition: of its pipeline.
            parameters: what it is given.
            holding: whether it holds the workspace's lock; a rollback waits for nobody.
            described: further fields of its record.
        """
        told = {"commit": commit_of(definition.folder), "origin": origin_of(definition, parameters)}
        record = self._record(definition, parameters, **told, **described)
        run = Run(self.folder / "runs" / record.run_id, record)
        run.save()
        if holding:
            locks.describe(self._lock, run=record.run_id)
        return run

    def scratch(self, definition: Definition) -> Run:
        """A run that only looks at data: it has a log, and no place among the runs."""
        folder = self.folder / "schema"
        folder.mkdir(parents=True, exist_ok=True)
        return Run(folder, self._record(definition, {}))

    def _record(self, definition: Definition, parameters: dict[str, Any], **described: Any) -> RunRecord:
        """A record with an id that sorts by time, also within a second."""
        started = datetime.now(UTC)
        return RunRecord(
            run_id=f"{started:%Y%m%d-%H%M%S}-{started.microsecond * 65536 // 1_000_000:04x}",
            pipeline=self.pipeline,
            module=definition.module,
            started=started,
            parameters=parameters,
            pid=os.getpid(),
            **({"kind": REHEARSAL} if self.rehearsal else {}) | described,
        )

    def runs(self) -> list[Run]:
        """All readable runs, oldest first."""
        return list(self.newest_first())[::-1]

    def newest_first(self) -> Iterator[Run]:
        """All readable runs, the newest first. Each is read when it is asked for: most look at the last few alone."""
        for folder in reversed(self.run_folders()):
            with contextlib.suppress(UsageError):
                yield Run.read(folder)

    def run_folders(self) -> list[Path]:
        """The folders of all runs, also of those that cannot be read, oldest first."""
        return sorted(path for path in (self.folder / "runs").glob("*/") if not path.name.startswith(STAGED_PREFIX))

    def run(self, run_id: str) -> Run | None:
        """The run of an id; None where it is not here, or cannot be read."""
        folder = self.folder / "runs" / run_id
        with contextlib.suppress(UsageError):
            if folder.name == run_id and (found := Run.read(folder)).record.run_id == run_id:
                return found
        return None


def workspaces(workdir: str | Path) -> list[Workspace]:
    """All pipelines that have run in `workdir`, and their rehearsals."""
    root = Path(workdir)
    return [Workspace(workdir, path.parent.name) for path in sorted(root.glob("*/runs"))] + [
        Workspace(workdir, path.parents[1].name, rehearsal=True) for path in sorted(root.glob(f"*/{REHEARSAL}/runs"))
    ]


def latest_runs(workdir: str | Path, pipeline: str | None, last: int | None) -> tuple[list[Run], int]:
    """The latest runs of one pipeline, or of all, rehearsals too; no more of them are read.

    Args:
        workdir: the work directory.
        pipeline: its name; None for all.
        last: how many at most; None for all.

    Returns:
        The runs, the latest last; and how many there are before them.
    """
    spaces = [space for space in workspaces(workdir) if pipeline in (None, space.pipeline)]
    newest_first = heapq.merge(
        *(space.newest_first() for space in spaces), key=lambda run: run.record.started, reverse=True
    )
    found = sorted(itertools.islice(newest_first, last), key=lambda run: run.record.started)
    oldest = min((run.folder.name for run in found), default="")
    earlier = sum(
        folder.name < oldest and (folder / RUN_FILE).exists() for space in spaces for folder in space.run_folders()
    )
    return found, earlier


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
