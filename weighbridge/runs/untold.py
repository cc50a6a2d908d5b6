"""What MLflow has not been told of runs whose machine may be gone by then: kept in the store that builds share.

```
<store>/<pipeline>/mlflow/<run id>.json    what the run's folder keeps for MLflow; gone once MLflow has it
```
"""

import contextlib
import re
from pathlib import Path

from pydantic import ValidationError

from weighbridge.common.errors import WeighbridgeError
from weighbridge.runs.explain import log_traceback
from weighbridge.runs.record import Run
from weighbridge.runs.store import RunStore, explaining, stores_of
from weighbridge.runs.tracked import REMOTE_FOLDER
from weighbridge.runs.workspace import Workspace
from weighbridge.tracking.entry import ENTRY_FILE, Entry, is_unsent

_NAME = re.compile(r"(\d{8}-\d{6}-[0-9a-f]{4,32})\.json")


def share(store: RunStore, run: Run) -> None:
    """Keep in the store what MLflow has not been told of a run. It is kept here, too: that it fails is in the log."""
    path = run.folder / ENTRY_FILE
    if path.is_file() and is_unsent(run.folder):
        try:
            store.untold.write(f"{run.record.run_id}.json", path.read_bytes())
        except (OSError, WeighbridgeError):
            log_traceback()


class Untold:
    """What a store keeps for MLflow, brought to the folders of its runs in the work directory.

    Args:
        store: folder or address of what builds share.
        workdir: the work directory.
        pipeline: its name; None for all.

    Raises:
        WeighbridgeError: the store cannot be read, or the work directory cannot be written.
    """

    def __init__(self, store: str, workdir: str | Path, pipeline: str | None) -> None:
        self._brought: list[tuple[RunStore, str, Path]] = []
        for each in stores_of(store, workdir, pipeline):
            names = sorted(filter(_NAME.fullmatch, each.untold.listed("")))
            if names:
                each.bring()
            for name in names:
                folder = _bring(each, name, Workspace(workdir, each.pipeline))
                if folder is not None:
                    self._brought.append((each, name, folder))

    def forget(self) -> None:
        """Remove from the store what MLflow has been told."""
        for store, name, folder in self._brought:
            if not is_unsent(folder):
                store.untold.remove(name)


def _bring(store: RunStore, name: str, workspace: Workspace) -> Path | None:
    """The folder of a run, with its reports as far as the store has them; None where the file is not one of ours."""
    run = workspace.run(name.removesuffix(".json"))
    folder = run.folder if run else workspace.folder / REMOTE_FOLDER / name.removesuffix(".json")
    if not (folder / ENTRY_FILE).exists():
        try:
            entry = Entry.model_validate_json(store.untold.read(name) or b"")
        except ValidationError:
            return None
        if entry.model is not None:  # its files are on another machine
            entry = entry.model_copy(update={"model": entry.model.model_copy(update={"folder": ""})})
        with explaining(folder):
            entry.write(folder)
    if run is not None:
        with contextlib.suppress(WeighbridgeError):  # what MLflow gets of it is then less
            store.fetch_reports(run)
    return folder
