"""A run's end as MLflow is told of it: kept in the run's folder first, then sent without the run waiting for it."""

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from weighbridge.common.errors import WeighbridgeError
from weighbridge.common.machine import first_line
from weighbridge.common.text import mask
from weighbridge.evidence.provenance import Provenance
from weighbridge.runs.explain import log_traceback
from weighbridge.runs.record import Run, RunRecord
from weighbridge.runs.run_evidence import own_artifacts
from weighbridge.runs.workspace import workspaces
from weighbridge.tracking.settings import Server, is_off, tracking_server
from weighbridge.verdict import Verdict

if TYPE_CHECKING:
    from weighbridge.report.evidence import Evidence

REMOTE_FOLDER = "kubeflow"
"""In a pipeline's work directory: what is to be sent of runs on Kubeflow, which have no folder of their own here."""

_MODEL = ("model", "Model")


@dataclass(frozen=True)
class Tracked:
    """What a run says of MLflow; without values nothing.

    Attributes:
        line: that it is being sent.
        warning: that it is kept, and why.
    """

    line: str = ""
    warning: str = ""

    @property
    def warnings(self) -> tuple[str, ...]:
        """The warning, if there is one."""
        return (self.warning,) if self.warning else ()


def keep(folder: Path, record: RunRecord, evidence: "Evidence", *, url: str = "", model: Path | None = None) -> None:
    """Keep in a run's folder what MLflow is to be told of it. Whatever goes wrong is in the log: the run goes on.

    Args:
        folder: the run's.
        record: how it ended.
        evidence: its verdict, and what its steps measured.
        url: page of a run on Kubeflow.
        model: folder of the Model artifact that it made.
    """
    server = None if is_off() else tracking_server()
    if server is None:
        return
    from weighbridge.tracking.describe import EndedRun, describe

    try:
        ended = EndedRun(
            run_id=record.run_id,
            pipeline=record.pipeline,
            kind=record.kind,
            told=record.display_kind,
            state=record.state,
            started=record.started,
            seconds=record.seconds,
            steps={step.name: step.seconds for step in record.steps if step.state != "skipped"},
            parameters=record.parameters,
            module=record.module,
            commit=record.commit,
            delivered=record.delivered,
            error=record.error,
            url=url,
            model=model,
            provenance=_provenance(folder),
        )
        describe(ended, evidence, server.shown).write(folder)
    except Exception:  # `begin` says that nothing is kept
        log_traceback()


def keep_run(run: Run, verdict: Verdict | None, folders: Mapping[str, Path], evidence: "Evidence | None") -> None:
    """The same for a run on this machine.

    Args:
        run: its record is complete, and need not be saved.
        verdict: its verdict; None where it ended in an error.
        folders: artifact folders that its report shows, by output key.
        evidence: what its report shows; None where there is none.
    """
    if is_off() or tracking_server() is None:
        return
    from weighbridge.report.evidence import Evidence

    try:
        if evidence is None:
            nothing = Verdict.of((), pipeline=run.record.pipeline, run_id=run.record.run_id, subject={})
            evidence = Evidence.collect(verdict or nothing, dict(folders))
    except Exception:  # as in `keep`
        log_traceback()
        return
    models = [Path(each.uri) for each in own_artifacts(run) if (each.key, each.type) == _MODEL]
    keep(run.folder, run.record, evidence, model=models[-1] if models else None)


def _provenance(folder: Path) -> Provenance | None:
    """Where the run's model comes from; None where that cannot be read, which its own readers say."""
    with contextlib.suppress(WeighbridgeError):
        return Provenance.read(folder)
    return None


def begin(folder: Path, pipeline: str) -> Tracked:
    """Begin to send what `keep` kept, and say in a line what becomes of it. Takes less than a second.

    Args:
        folder: the run's.
        pipeline: its name.
    """
    server = None if is_off() else tracking_server()
    if server is None:
        return Tracked()
    from weighbridge.tracking.entry import read_entry
    from weighbridge.tracking.probe import ask
    from weighbridge.tracking.sending import check_client, start

    try:
        entry = read_entry(folder)
        if entry is None:
            return Tracked(warning=f"MLflow: nothing of this run is kept for {server.shown}; its log says why")
        check_client()
        answer = ask(server, entry.experiment)
        if answer.state in ("ready", "slow"):
            start(folder)
    except Exception as error:
        log_traceback()
        why = error.message if isinstance(error, WeighbridgeError) else first_line(error)
        return Tracked(warning=_kept(f"cannot be sent to ({mask(why)})", server, pipeline))
    if answer.state == "ready":
        return Tracked(f"MLflow: sending to {server.shown}, experiment {entry.experiment}")
    told = f"not reached at {server.shown} ({answer.reason})"
    return Tracked(warning=_kept(told, server, pipeline))


def _kept(told: str, server: Server, pipeline: str) -> str:
    return f"MLflow {told}: kept, `weighbridge sync {pipeline}` sends it"


def told(folder: Path) -> Tracked:
    """What has become of what a run kept: its page, or that it is yet to be sent."""
    from weighbridge.tracking.entry import read_entry

    try:
        entry = read_entry(folder)
    except WeighbridgeError as error:
        return Tracked(warning=error.message)
    if entry is None:
        return Tracked()
    if entry.state == "sent":
        return Tracked(f"MLflow: {entry.page}")
    why = f" ({entry.error})" if entry.error else ""
    return Tracked(warning=f"MLflow at {entry.server} has not been told yet{why}: `weighbridge sync` sends it")


def track_remote(record: RunRecord, verdict: Verdict | None, url: str) -> Tracked:
    """Keep and begin to send a run that ended on Kubeflow; what its steps measured is there: its gates say it.

    Args:
        record: what is known of it.
        verdict: its verdict, if it came to one that can be read.
        url: its page.
    """
    server = None if is_off() else tracking_server()
    if server is None:
        return Tracked()
    from weighbridge.report import Evidence, write_reports

    folder = remote_folder(record)
    nothing = Verdict.of((), pipeline=record.pipeline, run_id=record.run_id, subject={})
    evidence = Evidence.collect(verdict or nothing, {}, steps=[])
    try:
        if verdict is not None:
            write_reports(folder, evidence)
        keep(folder, record, evidence, url=url)
    except OSError as error:
        log_traceback()
        return Tracked(warning=f"MLflow: {folder} cannot be written, so nothing is sent: {first_line(error)}")
    return begin(folder, record.pipeline)


def remote_folder(record: RunRecord) -> Path:
    """Where what is to be sent of a run on Kubeflow is kept."""
    workdir = os.environ.get("WEIGHBRIDGE_WORKDIR") or "work"
    return Path(workdir).absolute() / record.pipeline / REMOTE_FOLDER / record.run_id


def kept_folders(workdir: str | Path, pipeline: str | None = None) -> list[Path]:
    """Folders of all runs that were kept for MLflow, sent ones too, oldest first.

    Args:
        workdir: the work directory.
        pipeline: its name; None for all.
    """
    from weighbridge.tracking.entry import ENTRY_FILE

    spaces = [space for space in workspaces(workdir) if pipeline in (None, space.pipeline)]
    found = [folder for space in spaces for folder in space.run_folders() if (folder / ENTRY_FILE).is_file()]
    remote = Path(workdir).glob(f"{pipeline or '*'}/{REMOTE_FOLDER}/*/{ENTRY_FILE}")
    return sorted([*found, *(path.parent for path in remote)], key=lambda folder: folder.name)
