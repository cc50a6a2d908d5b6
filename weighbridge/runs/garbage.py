"""What a work directory keeps and nobody needs: older runs, and artifacts that no run, stage or cache refers to."""

import shutil
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from weighbridge.common import files, progress
from weighbridge.components.production_model.record import ProductionRecord
from weighbridge.components.production_model.standing import read_record
from weighbridge.runs.record import Run
from weighbridge.runs.workspace import Workspace
from weighbridge.tracking.entry import is_unsent

_REMOVED = ".removed"
_OF_TFX = ".system"  # in a step's folder: what an execution needed while it ran


@dataclass(frozen=True)
class Garbage:
    """What can be removed from a workspace.

    Attributes:
        runs: folders of runs.
        artifacts: folders of artifacts, and what TFX left beside them.
        left: what an earlier removal that was interrupted had taken away already.
    """

    runs: tuple[Path, ...] = ()
    artifacts: tuple[Path, ...] = ()
    left: tuple[Path, ...] = ()

    @property
    def paths(self) -> tuple[Path, ...]:
        """All of it; runs first, so that no run is listed whose artifacts are gone."""
        return (*self.runs, *self.artifacts, *self.left)

    def size(self) -> int:
        """Bytes of the files."""
        return sum(_size(path) for path in self.paths)


def find_garbage(workspace: Workspace, destinations: Mapping[str, str], keep: int) -> Garbage:
    """What nothing refers to any more.

    Kept are the last runs; of each kind of run the last one that came to a verdict, since it stands for one to come;
    the runs that made what is in production and at the stages, and the promotions that brought it there and checked it;
    and every artifact of these runs. Runs that are yet to be sent to a store or to MLflow stay, and so do those that
    came from a store, as they would come again. Versions at stages, statistics of spans, checkpoints and backtests are
    not looked at.

    Args:
        workspace: the caller holds its lock, so that no run is going on.
        destinations: of the stages, by name.
        keep: how many runs to keep, counting from the last.

    Raises:
        UsageError: the record of a stage cannot be read; then nothing can be said to be unused.
        InfrastructureError: a stage's store cannot be reached.
    """
    runs = workspace.runs()
    kept = _kept(runs, [read_record(place) for place in destinations.values()], keep)
    uris = [Path(each.uri) for run in kept if not run.brought for each in run.record.artifacts]
    used = {folder for uri in uris for folder in (uri, *uri.parents)}
    folders = {run.folder for run in kept}
    return Garbage(
        tuple(run.folder for run in runs if run.folder not in folders),
        tuple(path for path in _artifacts(workspace.folder / "artifacts") if path not in used),
        tuple(sorted((workspace.folder / _REMOVED).glob("*"))),
    )


def remove_garbage(workspace: Workspace, garbage: Garbage) -> None:
    """Remove it. Each folder is renamed first, so a killed removal leaves it whole or not there at all.

    Raises:
        OSError: something cannot be removed; what was not reached yet is there still.
    """
    away = workspace.folder / _REMOVED
    away.mkdir(exist_ok=True)
    for number, path in enumerate((*garbage.runs, *garbage.artifacts), start=1):
        progress.report(f"removing {number} of {len(garbage.paths)}")
        path.rename(away / uuid.uuid4().hex)
    files.sync_folder(away)
    shutil.rmtree(away)


def _kept(runs: list[Run], records: Iterable[ProductionRecord | None], keep: int) -> list[Run]:
    kept = {run.folder: run for run in runs[max(len(runs) - keep, 0) :]}
    outcomes = {
        (run.record.kind, run.record.to, run.record.delivered_to): run
        for run in runs
        if run.record.state in ("passed", "refused")
    }
    kept |= {run.folder: run for run in outcomes.values()}
    kept |= {run.folder: run for run in runs if run.unsent_to or run.brought or is_unsent(run.folder)}
    for record in records:
        if record is not None:
            kept |= {run.folder: run for run in runs if _made(run, record)}
    return list(kept.values())


def _made(run: Run, record: ProductionRecord) -> bool:
    """Whether a run made what a record names, or is a promotion that brought or checked it."""
    return run.record.run_id == record.run_id or record.model_digest in run.record.fingerprint.values()


def _artifacts(root: Path) -> Iterator[Path]:
    """The folders `<root>/<step>/<output>/<id>`, and those that TFX needed while a step ran."""
    for step in sorted(root.glob("*/")):
        for output in sorted(step.glob("*/")):
            yield from sorted(output.glob("*/*") if output.name == _OF_TFX else output.glob("*"))


def _size(path: Path) -> int:
    found = [path] if path.is_file() else path.rglob("*")
    return sum(each.lstat().st_size for each in found if each.is_file() or each.is_symlink())
