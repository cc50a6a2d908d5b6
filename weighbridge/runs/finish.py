"""All that happens when a run ends, in this order: verdict, reports and record; MLflow; hooks; a copy for CI.

A run of the pipeline and a promotion end in `run_to_end`, a run that ended on Kubeflow in `finish_remote_run`.
"""

import contextlib
import dataclasses
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from weighbridge.common import files, interruption, progress
from weighbridge.common.errors import NothingRunError
from weighbridge.common.text import mask, masked
from weighbridge.evidence.delivered import Delivered
from weighbridge.evidence.provenance import PROVENANCE_FILE, Provenance
from weighbridge.report.write import CHARTS_FOLDER, HTML_FILE, JUNIT_FILE, MARKDOWN_FILE
from weighbridge.runs import tracked
from weighbridge.runs.display import Display
from weighbridge.runs.explain import explain, explain_outside_run, log_traceback, with_facts
from weighbridge.runs.hooks import HOOKS_FILE, RunEnd, call_hooks
from weighbridge.runs.outcome import RunOutcome
from weighbridge.runs.record import LOG_FILE, RUN_FILE, Run, RunRecord
from weighbridge.verdict import Verdict
from weighbridge.verdict.verdict import VERDICT_FILE

if TYPE_CHECKING:
    from weighbridge.common.errors import ExitCode
    from weighbridge.report.evidence import Evidence

REPORTS = (VERDICT_FILE, JUNIT_FILE, HTML_FILE, MARKDOWN_FILE, RUN_FILE, PROVENANCE_FILE, HOOKS_FILE, LOG_FILE)


class RemoteEnd(NamedTuple):
    """What there is to say at the end of a run that ended elsewhere.

    Attributes:
        warnings: of hooks, see `call_hooks`, and where MLflow cannot be told yet.
        tracking: a line on what MLflow is being sent; empty for nothing.
    """

    warnings: tuple[str, ...] = ()
    tracking: str = ""


def run_to_end(run: Run, display: Display, work: Callable[[], Verdict], folders: Mapping[str, Path]) -> RunOutcome:
    """Do the work of a run and finish it, however the work ends.

    The caller holds the workspace's lock, so that the hooks of two runs are called in the order of the runs, and has
    redirected the output of libraries to the run's log.

    Args:
        run: a new run.
        display: shows what hooks do.
        work: comes to the verdict. Whatever it raises is explained in the outcome.
        folders: artifact folders that the report shows, by output key; looked at when the work is done.

    Returns:
        How it ended. The run's folder holds the verdict, its reports and the record; where even these cannot be
        written, the outcome says so.

    Raises:
        NothingRunError: the work found that there is nothing to run; the run's folder is gone.
    """
    began = time.monotonic()
    with progress.lasting_facts() as facts:
        try:
            verdict = work()
            run.record.state = verdict.outcome
            outcome = RunOutcome(run, verdict)
        except NothingRunError:
            shutil.rmtree(run.folder, ignore_errors=True)
            raise
        except BaseException as error:  # code of a user that exits has not passed
            log_traceback()
            outcome = RunOutcome(run, None, error=with_facts(explain(error, run), facts))
            run.record.state, run.record.error = "failed", str(outcome.error)
    run.record.seconds = round(time.monotonic() - began, 3)
    with interruption.deferred():
        outcome = _write(run, outcome, folders, facts)
    interruption.heeded()
    tracking = tracked.begin(run.folder, run.record.pipeline)
    end = RunEnd(run.record, outcome.verdict, outcome.exit_code, run.folder)
    warnings = (*call_hooks(end, display), *tracking.warnings)
    return dataclasses.replace(outcome, warnings=warnings, tracking=tracking.line)


def finish_remote_run(
    record: RunRecord,
    verdict: Verdict | None,
    exit_code: "ExitCode",
    *,
    url: str,
    reports: str | Path,
    display: Display,
) -> RemoteEnd:
    """Tell MLflow of a run that ended elsewhere, and call the hooks.

    Args:
        record: what is known of it.
        verdict: its verdict, if it came to one that can be read.
        exit_code: what the command exits with.
        url: its page.
        reports: where `write_remote_reports` put its reports; empty for nowhere.
        display: shows what hooks do.

    Returns:
        What there is to say of it.
    """
    tracking = tracked.track_remote(record, verdict, url)
    folder = Path(reports, record.run_id) if str(reports) else None
    warnings = call_hooks(RunEnd(record, verdict, exit_code, folder, url), display)
    return RemoteEnd((*warnings, *tracking.warnings), tracking.line)


def check_reports(target: str | Path) -> None:
    """Make sure that reports can be copied to a folder, before a run that would end in them; makes the folder.

    Raises:
        WeighbridgeError: it cannot be written.
    """
    if not str(target):
        return
    with _writing(Path(target)):
        Path(target).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=target):
            pass


def copy_reports(run: Path, target: str | Path) -> None:
    """Copy what a run left for people and machines into `<target>/<run id>`, where a CI server finds it.

    Args:
        run: the run's folder. One that ended in an error has no verdict; its log is there all the same.
        target: made where it is missing; empty for nowhere.

    Raises:
        WeighbridgeError: the folder cannot be written.
    """
    if not str(target):
        return
    folder = Path(target, run.name)
    with _writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name in REPORTS:
            if (run / name).is_file():
                shutil.copyfile(run / name, folder / name)
        if (run / CHARTS_FOLDER).is_dir():
            files.copy_tree(run / CHARTS_FOLDER, folder / CHARTS_FOLDER)


def write_remote_reports(verdict: Verdict, target: str | Path) -> None:
    """Write the reports of a verdict that is known without its run's folder, as of one on Kubeflow.

    Args:
        verdict: the verdict.
        target: as for `copy_reports`.

    Raises:
        WeighbridgeError: the folder cannot be written.
    """
    if not str(target):
        return
    from weighbridge.report import Evidence, write_reports

    folder = Path(target, verdict.run_id)
    with _writing(folder):
        write_reports(folder, Evidence.collect(verdict, {}, steps=[]))


@contextlib.contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:  # a name with a zero byte is the latter
        raise explain_outside_run(error, f"--reports: {folder} cannot be written") from error


def _write(run: Run, outcome: RunOutcome, folders: Mapping[str, Path], facts: Sequence[str]) -> RunOutcome:
    evidence = None
    try:
        if outcome.verdict:
            outcome.verdict.write(run.folder / VERDICT_FILE)
            _keep_provenance(run, folders)
            run.record.verdict_digest = outcome.verdict.digest
            run.record.delivered = run.record.delivered or Delivered()
            evidence = _write_reports(run, outcome.verdict, folders)
        else:
            _write_failure(run)
        run.record.exit_code = int(outcome.exit_code)
        tracked.keep_run(run, outcome.verdict, folders, evidence)  # before the record says that it has ended
        run.save()
    except Exception as error:
        log_traceback()
        outcome = RunOutcome(run, outcome.verdict, error=outcome.error or with_facts(explain(error, run), facts))
        run.record.state, run.record.error, run.record.exit_code = "failed", str(outcome.error), int(outcome.exit_code)
        if not (run.folder / HTML_FILE).exists():
            with contextlib.suppress(Exception):
                _write_failure(run)
        tracked.keep_run(run, outcome.verdict, folders, evidence)
        with contextlib.suppress(OSError):
            run.save()
    return outcome


def _keep_provenance(run: Run, folders: Mapping[str, Path]) -> None:
    """Keep where the run's model comes from, as the Evaluator left it, with what the run was asked for."""
    found = next(filter(None, (Provenance.read(folder) for folder in folders.values())), None)
    if found is not None:
        found.model_copy(update={"origin": run.record.origin}).write(run.folder)


def _write_failure(run: Run) -> None:
    """Write `report.html` of a run that ended in an error: why, and how far it came."""
    from weighbridge.report.failure import render_failure
    from weighbridge.report.steps import StepOutcome

    record = run.record
    page = render_failure(
        pipeline=record.pipeline,
        run_id=record.run_id,
        kind=record.display_kind,
        error=mask(record.error),
        steps=[StepOutcome(**masked(step.model_dump(exclude={"fingerprint"}))) for step in record.steps],
        log=LOG_FILE,
    )
    files.write_text(run.folder / HTML_FILE, page)


def _write_reports(run: Run, verdict: Verdict, folders: Mapping[str, Path]) -> "Evidence":
    from weighbridge.report import Evidence, write_reports
    from weighbridge.runs.weighed_models import origins_of_run

    notes = list[str]()
    origins = origins_of_run(run, notes)
    steps = [step.model_dump(exclude={"fingerprint"}) for step in run.record.steps]
    evidence = Evidence.collect(verdict, dict(folders), steps=steps, notes=notes)
    record = run.record
    described = dataclasses.replace(
        evidence, started=record.started, commit=record.commit, delivered=record.delivered, origins=origins
    )
    write_reports(run.folder, described)
    return described
