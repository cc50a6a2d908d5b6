"""Hands the reports of a run over to a CI server, in a folder that it knows."""

import shutil
from pathlib import Path

from weighbridge.report.write import HTML_FILE, JUNIT_FILE, MARKDOWN_FILE
from weighbridge.runs.workspace import LOG_FILE, RUN_FILE
from weighbridge.verdict import Verdict
from weighbridge.verdict.verdict import VERDICT_FILE

_FILES = (VERDICT_FILE, JUNIT_FILE, HTML_FILE, MARKDOWN_FILE, RUN_FILE, LOG_FILE)


def keep_reports(run: Path, target: str | Path) -> None:
    """Copy what a run left for people and machines into `<target>/<run id>`.

    Args:
        run: the run's folder. One that ended in an error has no verdict; its log is there all the same.
        target: made where it is missing; empty for nowhere.

    Raises:
        OSError: the folder cannot be written.
    """
    if not str(target):
        return
    folder = Path(target, run.name)
    folder.mkdir(parents=True, exist_ok=True)
    for name in _FILES:
        if (run / name).is_file():
            shutil.copyfile(run / name, folder / name)


def write_verdict(verdict: Verdict, target: str | Path) -> None:
    """Write the reports of a verdict that is known without its run's folder, as of one on Kubeflow."""
    if not str(target):
        return
    from weighbridge.report import Evidence, write_reports

    write_reports(Path(target, verdict.run_id), Evidence.collect(verdict, {}, steps=[]))
