"""How a run may be named: by its id or the beginning of one, its folder, `latest`, `production`, or `taxi@-1`.

A part before `@` names the pipeline: `taxi@latest`, `taxi@production`, and `taxi@-2` for the last but one.
"""

import difflib
import re
from pathlib import Path

from weighbridge.common.errors import UsageError
from weighbridge.components.production_model.standing import read_record
from weighbridge.definition import load
from weighbridge.runs.record import Run
from weighbridge.runs.stages import delivery_policy, stage_destinations
from weighbridge.runs.workspace import Workspace, find_run, workspaces
from weighbridge.thresholds.delivery import PRODUCTION, Delivery

LATEST = "latest"
_BACK = re.compile(r"-([1-9]\d{0,5})")


def find_reference(workdir: str | Path, reference: str | None, *, pipeline: str = "", store: str = "") -> Run:
    """The run that a reference names.

    Args:
        workdir: the work directory.
        reference: see this module; None for the latest run.
        pipeline: whose `latest` and `production` are meant where the reference names no pipeline; empty for any.
        store: what builds share, whose production is meant; empty for the work directory's own.

    Raises:
        UsageError: there is no such run, or several.
        InfrastructureError: production cannot be reached.
    """
    name, at, which = (reference or LATEST).rpartition("@")
    name = name or pipeline
    if at and not (which in (LATEST, PRODUCTION) or _BACK.fullmatch(which)):
        raise UsageError(
            f"{reference!r} names no run: {which!r} is neither {LATEST}, {PRODUCTION} nor a number such as -1",
            "E.g. taxi@latest, taxi@-2 (the last but one), taxi@production.",
        )
    if which == PRODUCTION:
        return _production(workdir, name, store)
    if at or which == LATEST:
        return _back(workdir, name, int(which) if at and which != LATEST else -1)
    try:
        return find_run(workdir, reference)
    except UsageError as error:
        raise _with_guess(error, workdir, which) from error


def _with_guess(error: UsageError, workdir: str | Path, reference: str) -> UsageError:
    """The error with the nearest thing that was meant: a pipeline's name, or a word for a run."""
    names = sorted({space.pipeline for space in workspaces(workdir)})
    if reference in names:
        return UsageError(f"{reference} is a pipeline, and no run", f"Its latest run is {reference}@{LATEST}.")
    close = difflib.get_close_matches(reference, [LATEST, PRODUCTION], n=1)
    return UsageError(error.message, f"Did you mean {close[0]!r}? {error.hint}") if close else error


def spaces_of(workdir: str | Path, pipeline: str) -> list[Workspace]:
    """The workspaces of a pipeline, of all for an empty name.

    Raises:
        UsageError: none of that name has run here; guesses what was meant.
    """
    every = workspaces(workdir)
    found = [space for space in every if pipeline in ("", space.pipeline)]
    if pipeline and not found:
        names = sorted({space.pipeline for space in every})
        close = difflib.get_close_matches(pipeline, names, n=1)
        guess = f". Did you mean {close[0]!r}?" if close else ""
        raise UsageError(
            f"No pipeline {pipeline!r} has run in {Path(workdir).absolute()}{guess}",
            f"These have: {', '.join(names)}." if names else f"Start one: weighbridge run {pipeline}",
        )
    return found


def _back(workdir: str | Path, pipeline: str, back: int) -> Run:
    """The run that is `back` from the end, as `weighbridge runs` lists them."""
    runs = sorted(
        (run for space in spaces_of(workdir, pipeline) for run in space.runs()), key=lambda run: run.record.started
    )
    if len(runs) < -back:
        there = f"There are {len(runs)} runs" if runs else "There is no run"
        of = f" of {pipeline}" if pipeline else ""
        raise UsageError(
            f"{there}{of} in {Path(workdir).absolute()}" + (f", so none is the {-back}th from the end" if runs else ""),
            "See 'weighbridge runs', or name the work directory with --workdir.",
        )
    return runs[back]


def _production(workdir: str | Path, pipeline: str, store: str) -> Run:
    """The run that weighed what is in production."""
    names = sorted({space.pipeline for space in spaces_of(workdir, pipeline)})
    if len(names) != 1:
        raise UsageError(
            f"Whose production? {len(names)} pipelines have run in {Path(workdir).absolute()}",
            f"Name one: {', '.join(f'{name}@{PRODUCTION}' for name in names) or 'weighbridge run taxi starts one'}.",
        )
    workspace = Workspace(workdir, names[0])
    address = stage_destinations(workspace, policy_of(workspace), store=store)[PRODUCTION]
    record = read_record(address)
    if record is None:
        raise UsageError(
            f"Nothing of {workspace.pipeline} is in production: {address} has no record",
            f"See: weighbridge runs {workspace.pipeline}",
        )
    found = workspace.run(record.run_id)
    if found is None:
        raise UsageError(
            f"Version {record.version} in production was made by run {record.run_id}, which is not in {workdir}",
            "It ran in another work directory (--workdir) or on another machine (--store).",
        )
    return found


def policy_of(workspace: Workspace) -> Delivery:
    """The policy of the pipeline, whose module the last run names; the default one where it is not to be found."""
    last = next(workspace.newest_first(), None)
    if last is None:
        return Delivery()
    try:
        return delivery_policy(load(last.record.module).folder)[0]
    except UsageError:
        return Delivery()
