"""The store that all builds of a pipeline share: runs, statistics of spans and results of steps, beside the stages.

```
<store>/<pipeline>/<stage>/            a stage, production the last: what the Pusher makes
<store>/<pipeline>/runs/<run id>/      started.json first: whose the id is; then verdict, reports, log; run.json last,
                                       which makes the run count. Each is written once
<store>/<pipeline>/history/span-N/     statistics of a span, see `weighbridge.runs.span_history`
<store>/<pipeline>/kept/<step>/        results of steps by content, see `weighbridge.runs.kept`
<store>/<pipeline>/mlflow/             what MLflow has not been told yet, see `weighbridge.runs.untold`
```

A work directory is a cache of it. What was brought here is marked (`brought.json`): its artifacts lie on another
machine. What is yet to be sent is marked, too (`unsent.json`), so that the next command sends it.
"""

import platform
import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from weighbridge.common import files, progress
from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.evidence.provenance import PROVENANCE_FILE
from weighbridge.report.write import CHARTS_FOLDER
from weighbridge.runs.explain import explain_outside_run
from weighbridge.runs.finish import REPORTS
from weighbridge.runs.record import BROUGHT_FILE, RUN_FILE, UNSENT_FILE, Run, RunRecord
from weighbridge.runs.references import find_reference
from weighbridge.runs.span_history import SpanHistory
from weighbridge.runs.workspace import Workspace
from weighbridge.storage.place import Place, is_plain, open_store
from weighbridge.verdict import Verdict
from weighbridge.verdict.verdict import VERDICT_FILE

NEWEST = 200  # runs that a machine brings at most
KEPT_FOLDER = "kept"
HISTORY_FOLDER = "history"
UNTOLD_FOLDER = "mlflow"

_RUNS = "runs"
_STARTED = "started.json"
_RUN_ID = re.compile(r"\d{8}-\d{6}-[0-9a-f]{4,32}")
_PIPELINE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_MOST_BYTES = {RUN_FILE: 16 << 20, VERDICT_FILE: 64 << 20}
_MOST_BYTES_OF_REPORT = 256 << 20
_MOST_CHARTS = 20
_AT_ONCE = 8  # requests

_Given = TypeVar("_Given")
_Made = TypeVar("_Made")


class RunStore:
    """What a pipeline's builds share, and the work directory that keeps some of it here.

    Args:
        store: folder or address, as `--store` has it.
        pipeline: name of the pipeline.
        workdir: the work directory.

    Raises:
        UsageError: the store is neither a folder that is there nor the address of a bucket.
    """

    def __init__(self, store: str, pipeline: str, workdir: str | Path) -> None:
        self._root = open_store(store)
        self._workspace = Workspace(workdir, pipeline)
        self._place = self._root.within(pipeline)
        self._spans = SpanHistory(self._place.within(HISTORY_FOLDER), self._workspace.folder / HISTORY_FOLDER)

    @property
    def pipeline(self) -> str:
        """Name of the pipeline."""
        return self._workspace.pipeline

    @property
    def address(self) -> str:
        """The store's address, as it is in records."""
        return self._root.address

    @property
    def kept(self) -> Place:
        """Where results of steps are kept."""
        return self._place.within(KEPT_FOLDER)

    @property
    def untold(self) -> Place:
        """Where it is kept what MLflow has not been told yet, see `weighbridge.runs.untold`."""
        return self._place.within(UNTOLD_FOLDER)

    def announce(self, run: Run) -> None:
        """Say that a run begins, before it does any work: that nothing may be written shows now and not hours later.

        Raises:
            UsageError: nothing may be written there.
            InfrastructureError: the store cannot be reached, or another machine's run has this very id.
        """
        said = files.json_text({"run_id": run.record.run_id, "pid": run.record.pid, "host": platform.node()}).encode()
        if not self._place.write(f"{_RUNS}/{run.record.run_id}/{_STARTED}", said):
            raise InfrastructureError(f"Another run has the id {run.record.run_id}", "Run again.")
        files.write_json(run.folder / UNSENT_FILE, {"store": self.address})

    def send(self, run: Run) -> None:
        """Send the folder of a run that ended; what an interrupted sending left there already stays.

        Raises:
            WeighbridgeError: it cannot be written; what is missing is sent by `send_unsent`.
        """
        folder = f"{_RUNS}/{run.record.run_id}"
        with explaining(run.folder):
            if run.record.state != "failed":
                self._spans.send()
            charts = [f"{CHARTS_FOLDER}/{path.name}" for path in sorted((run.folder / CHARTS_FOLDER).glob("*"))]
            for name in sorted([*charts, *REPORTS], key=lambda name: name == RUN_FILE):  # run.json last
                path = run.folder / name
                if not path.is_file():
                    continue
                if name not in (RUN_FILE, VERDICT_FILE):
                    self._place.upload(path, f"{folder}/{name}")
                elif not self._place.write(f"{folder}/{name}", path.read_bytes()):
                    raise InfrastructureError(
                        f"{self._place.path(folder)}/{name} is there already, and is not what this machine wrote",
                        f"Find out who wrote it; or give up this run's record: remove {run.folder / UNSENT_FILE}.",
                    )
            (run.folder / UNSENT_FILE).unlink(missing_ok=True)

    def send_unsent(self) -> None:
        """Send the runs that ended here and were not sent, as their sending failed or was killed.

        Raises:
            WeighbridgeError: they cannot be written.
        """
        for run in self._workspace.runs():
            if run.unsent_to == self.address and run.record.state != "running":
                progress.report(f"sending run {run.record.run_id} to {self.address}")
                self.send(run)

    def bring(self, newest: int = NEWEST) -> None:
        """Bring record, verdict and provenance of the newest runs that are not here yet. Unreadable ones are left out.

        Raises:
            WeighbridgeError: the store cannot be read, or the work directory cannot be written.
        """
        there = [name for name in self._place.folders(_RUNS) if _RUN_ID.fullmatch(name)]
        here = self._workspace.folder / _RUNS
        lacking = [name for name in sorted(there)[-newest:] if not (here / name).exists()]
        at_once(partial(self._bring, here), lacking)

    def bring_history(self) -> None:
        """Bring the statistics of spans that are not here as they are in the store.

        Raises:
            WeighbridgeError: the store cannot be read, or the work directory cannot be written.
        """
        with explaining(self._workspace.folder):
            self._spans.bring()

    def fetch_reports(self, run: Run) -> None:
        """Fetch the reports and the log of a run that was brought, those that are not here yet.

        Raises:
            WeighbridgeError: the store cannot be read, or the work directory cannot be written.
        """
        if not run.brought:
            return

        def fetch(name: str) -> None:
            data = self._read(f"{_RUNS}/{run.record.run_id}/{name}", _MOST_BYTES_OF_REPORT)
            if data is not None:
                files.write_bytes(run.folder / name, data)

        charts = self._place.listed(f"{_RUNS}/{run.record.run_id}/{CHARTS_FOLDER}")
        names = [*REPORTS, *(f"{CHARTS_FOLDER}/{name}" for name in sorted(charts)[:_MOST_CHARTS] if is_plain(name))]
        with explaining(run.folder):
            at_once(fetch, [name for name in names if not (run.folder / name).exists()])

    def _bring(self, here: Path, run_id: str) -> None:
        folder = f"{_RUNS}/{run_id}"
        data = self._read(f"{folder}/{RUN_FILE}", _MOST_BYTES[RUN_FILE])
        if data is None or not _is_of(data, self._workspace.pipeline, run_id):
            return  # it goes on, was killed, or is of another version
        verdict = self._read(f"{folder}/{VERDICT_FILE}", _MOST_BYTES[VERDICT_FILE])
        provenance = self._read(f"{folder}/{PROVENANCE_FILE}", _MOST_BYTES_OF_REPORT)
        with explaining(here):
            try:
                with files.staged_folder(here / run_id) as staged:
                    if verdict is not None:
                        files.write_bytes(staged / VERDICT_FILE, verdict)
                        if not _is_verdict_of(staged / VERDICT_FILE, run_id):
                            (staged / VERDICT_FILE).unlink()
                    if provenance is not None:
                        files.write_bytes(staged / PROVENANCE_FILE, provenance)
                    files.write_json(staged / BROUGHT_FILE, {"store": self.address})
                    files.write_bytes(staged / RUN_FILE, data)
            except FileExistsError:
                return  # another command brought it just now

    def _read(self, name: str, most: int) -> bytes | None:
        size = self._place.size(name)
        return None if size is None or size > most else self._place.read(name)


def find_shared_run(store: str, workdir: str | Path, reference: str | None, pipeline: str = "") -> Run:
    """The run that a reference names, also one of other machines, with its reports.

    Args:
        store: folder or address of what builds share; empty for nothing.
        workdir: the work directory.
        reference: see `weighbridge.runs.references`; None for the latest run.
        pipeline: whose `latest` and `production` are meant; empty for any.

    Raises:
        WeighbridgeError: there is none or several, or the store cannot be read.
    """
    shared = stores_of(store, workdir) if store else []
    for each in shared:
        each.bring()
    found = find_reference(workdir, reference, pipeline=pipeline, store=store)
    for each in shared:
        if each.pipeline == found.record.pipeline:
            each.fetch_reports(found)
    return found


@contextmanager
def explaining(folder: Path) -> Iterator[None]:
    """Turn errors of this machine's disk into ones that a person can act on."""
    try:
        yield
    except OSError as error:
        raise explain_outside_run(error, f"{folder} cannot be read or written") from error


def stores_of(store: str, workdir: str | Path, pipeline: str | None = None) -> list[RunStore]:
    """The shared runs of one pipeline, or of all that have any in a store.

    Raises:
        WeighbridgeError: the store cannot be read.
    """
    root = open_store(store)
    names = [pipeline] if pipeline else [name for name in root.folders() if _PIPELINE.fullmatch(name)]
    return [RunStore(store, name, workdir) for name in names if root.within(name).folders(_RUNS)]


def at_once(work: Callable[[_Given], _Made], given: Iterable[_Given]) -> list[_Made]:
    """Call `work` for each, several at a time, as each waits for an answer; the first error is raised."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(work, given))


def _is_of(data: bytes, pipeline: str, run_id: str) -> bool:
    """Whether bytes are the record of this run, ended and whole: then it is one that may be brought."""
    try:
        record = RunRecord.model_validate_json(data)
    except ValidationError:
        return False
    whole = record.kind not in ("rehearsal", "experiment") and not record.partial and record.state != "running"
    return whole and (record.pipeline, record.run_id) == (pipeline, run_id)


def _is_verdict_of(path: Path, run_id: str) -> bool:
    try:
        return Verdict.read(path).run_id == run_id
    except UsageError:
        return False
