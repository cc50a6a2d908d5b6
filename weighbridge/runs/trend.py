"""The trend of a pipeline's runs, gathered from their records and verdicts, as a page."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

from weighbridge.common import files
from weighbridge.common.errors import UsageError
from weighbridge.common.machine import first_line
from weighbridge.report.write import HTML_FILE
from weighbridge.runs.own_verdict import read_verdict
from weighbridge.runs.record import Run, RunRecord
from weighbridge.runs.workspace import Workspace

if TYPE_CHECKING:
    from weighbridge.report.trend import Trend, TrendRun

TREND_FILE = "trend.html"
LAST = 50


def trend_of(workspace: Workspace, last: int = LAST, page: Path | None = None, reports: Path | None = None) -> "Trend":
    """The trend of a workspace's whole runs that have ended.

    Runs that ended early on request, promotions and rollbacks, are no outcome of the whole and are left out.

    Args:
        workspace: of a pipeline, or of its rehearsals.
        last: how many runs are shown at most.
        page: where the page will be; links to reports are relative to it.
        reports: look for reports in this folder, as `--reports` left them, instead of in the workspace.
    """
    from weighbridge.report.trend import Trend

    found = workspace.runs()
    unreadable = max(_folders(workspace) - len(found), 0)
    whole = sorted((run for run in found if _is_whole_outcome(run.record)), key=lambda run: run.record.started)
    shown: list[TrendRun] = []
    while whole and len(shown) < last:
        latest = whole.pop()
        try:
            shown.append(_trend_run(latest, _link(latest, page, reports)))
        except UsageError:
            unreadable += 1
    kind: Literal["run", "rehearsal"] = "rehearsal" if workspace.rehearsal else "run"
    return Trend(workspace.pipeline, kind, tuple(reversed(shown)), earlier=len(whole), unreadable=unreadable)


def _is_whole_outcome(record: RunRecord) -> bool:
    return not record.is_delivery and not record.partial and record.display_state != "running"


def write_trend(workspace: Workspace, page: Path, last: int = LAST, reports: Path | None = None) -> "Trend":
    """Write the page of a workspace's trend in one step.

    Args:
        workspace: of a pipeline, or of its rehearsals.
        page: the file.
        last: how many runs are shown at most.
        reports: see `trend_of`.

    Raises:
        UsageError: there is no run to show.
        OSError: the file cannot be written.
    """
    from weighbridge.report.trend_page import render_trend

    trend = trend_of(workspace, last, page, reports)
    if not trend.runs:
        kind = "rehearsal" if workspace.rehearsal else "whole run"
        raise UsageError(
            f"No {kind} of {workspace.pipeline} has ended in {workspace.folder}",
            f"Start one: weighbridge run {workspace.pipeline}{' --sample 0.5' if workspace.rehearsal else ''}",
        )
    files.write_text(page, render_trend(trend))
    return trend


def copy_trend(pipeline: str, workdir: str | Path, target: str | Path) -> str:
    """Leave the trend of a pipeline's whole runs in the folder of `--reports`, where a CI server shows it.

    It links the reports that are in that folder. Whatever is wrong with it changes nothing for the run that ended.

    Args:
        pipeline: its name.
        workdir: the work directory.
        target: the folder; empty for nowhere.

    Returns:
        Why there is none, in a line; empty where there is one, or nothing to show yet.
    """
    workspace = Workspace(workdir, pipeline)
    if not str(target):
        return ""
    try:
        write_trend(workspace, Path(target, TREND_FILE), reports=Path(target))
    except UsageError:
        return ""  # no whole run has ended yet
    except Exception as error:
        return f"{Path(target, TREND_FILE)} could not be written: {type(error).__name__}: {first_line(error)}"
    return ""


def _trend_run(run: Run, report: str) -> "TrendRun":
    """A run as the trend shows it; the record says how it ended, the verdict why.

    Raises:
        UsageError: its verdict cannot be read, or is not what the record says.
    """
    from weighbridge.report.trend import TrendRun

    record = run.record
    verdict = read_verdict(run) if record.state in ("passed", "refused") else None
    return TrendRun(
        run_id=record.run_id,
        started=record.started,
        outcome=verdict.outcome if verdict else "failed",
        seconds=record.seconds,
        verdict=verdict,
        note="" if verdict else (record.error.strip().splitlines() or [record.display_state])[0],
        report=report,
    )


def _link(run: Run, page: Path | None, reports: Path | None) -> str:
    folder = reports / run.record.run_id if reports else run.folder
    if page is None or not (folder / HTML_FILE).is_file():
        return ""
    return quote(Path(os.path.relpath(folder.resolve() / HTML_FILE, page.parent.resolve())).as_posix())


def _folders(workspace: Workspace) -> int:
    return sum(1 for path in _listed(workspace.folder / "runs") if path.is_dir() and not path.name.startswith("."))


def _listed(folder: Path) -> Iterator[Path]:
    return folder.iterdir() if folder.is_dir() else iter(())
