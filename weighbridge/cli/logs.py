"""`weighbridge logs`: what the steps of a run wrote, of one on this machine or on Kubeflow."""

import os
import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from weighbridge.cli import completion
from weighbridge.cli.options import (
    WORKDIR,
    EndpointOption,
    JsonOption,
    NamespaceOption,
    StoreOption,
    WorkdirOption,
)
from weighbridge.cli.output import print_json, print_line
from weighbridge.common.errors import InfrastructureError, UsageError

if TYPE_CHECKING:
    from weighbridge.runs.record import Run

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def logs(
    run: Annotated[
        str | None,
        typer.Argument(
            metavar="RUN",
            help="A run's id, its beginning or folder, latest, or taxi@-2; or the id or address of one on Kubeflow; "
            "the latest here if left out.",
            autocompletion=completion.runs,
        ),
    ] = None,
    step: Annotated[
        str | None,
        typer.Argument(metavar="STEP", help="Only this step; else all that ran.", autocompletion=completion.steps),
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Show what is written until the run here ends.")
    ] = False,
    workdir: WorkdirOption = WORKDIR,
    store: StoreOption = "",
    endpoint: EndpointOption = None,
    namespace: NamespaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print what the steps of a run wrote: of a run here, or of one on Kubeflow as far as Kubeflow still has it.

    A run is looked for on Kubeflow where it is named by an id or address of Kubeflow's, or --endpoint is given.
    """
    if endpoint or namespace or _of_kubeflow(run or ""):
        if follow:
            raise UsageError(
                "--follow is for runs on this machine", f"Wait for one on Kubeflow: weighbridge status {run} --wait"
            )
        _on_kubeflow(run, step, endpoint, namespace, as_json)
        return
    found = _here(run, workdir, store)
    if follow:
        if as_json:
            raise UsageError("--follow and --json exclude each other", "A log that grows is no document.")
        _follow(found, step)
    else:
        _print(found, step, as_json)


def _of_kubeflow(reference: str) -> bool:
    return "://" in reference or _UUID.fullmatch(reference) is not None


def _here(reference: str | None, workdir: str, store: str) -> "Run":
    from weighbridge.runs.store import find_shared_run

    try:
        return find_shared_run(store, workdir, reference)
    except UsageError as error:
        raise _with_hint(error, reference, workdir) from error


def _with_hint(error: UsageError, reference: str | None, workdir: str) -> UsageError:
    """The error; a step that was given in place of a run is told so, and that Kubeflow was not asked."""
    from weighbridge.runs.workspace import find_run

    try:
        steps = [each.name for each in find_run(workdir).record.steps]
    except UsageError:
        steps = []
    if reference in steps:
        return UsageError(
            f"{reference} is a step, and no run", f"Of the latest run: weighbridge logs latest {reference}"
        )
    if reference and os.environ.get("WEIGHBRIDGE_KFP_ENDPOINT"):
        return UsageError(error.message, f"{error.hint} A run on Kubeflow is named by its whole id.")
    return error


def _print(found: "Run", step: str | None, as_json: bool) -> None:
    from weighbridge.runs.log import read_log

    parts = read_log(found, step)
    if as_json:
        steps = [
            {"name": part.step, "state": part.state, "note": part.note, "text": "\n".join(part.lines)} for part in parts
        ]
        print_json(
            {
                "run_id": found.record.run_id,
                "state": found.record.display_state,
                "log": str(found.log),
                "steps": steps,
            }
        )
        return
    for part in parts:
        if part.step:
            told = f"{part.state}: {part.note}" if part.state in ("skipped", "refused") and part.note else part.state
            print_line(f"--- {part.step} ({told})")
        for line in part.lines:
            print_line(line)
    if found.record.error and step is None:
        print_line(f"--- {found.record.display_state}: {found.record.error.splitlines()[0]}")


def _follow(found: "Run", step: str | None) -> None:
    from weighbridge.runs.log import follow_log, shown_mark

    current = ""
    for line in follow_log(found):
        begun = shown_mark(line)
        current = current if begun is None else begun
        if step in (None, current):
            print_line(line if begun is None else f"--- {begun}")


def _on_kubeflow(
    reference: str | None, step: str | None, endpoint: str | None, namespace: str | None, as_json: bool
) -> None:
    import difflib

    from weighbridge.cli.kubeflow import connect, plain_id
    from weighbridge.kubeflow.client.artifacts import read_log
    from weighbridge.kubeflow.client.metadata import executions
    from weighbridge.kubeflow.client.runs import get_run
    from weighbridge.report.text import clean

    if reference is None:
        raise UsageError("Which run on Kubeflow?", "Name it by its id or address: weighbridge logs RUN_ID [STEP]")
    api = connect(endpoint, namespace)
    run = get_run(api, plain_id(reference))
    tasks = [task for task in run.tasks if step in (None, task.name)]
    if not tasks:
        names = [task.name for task in run.tasks]
        close = difflib.get_close_matches(step or "", names, n=1)
        guess = f". Did you mean {close[0]!r}?" if close else ""
        raise UsageError(
            f"Run {run.run_id} has no step {step or ''}".rstrip() + guess,
            f"Its steps: {', '.join(names) or 'none yet'}.",
        )
    try:
        ran = {execution.name: execution for execution in executions(api, run.run_id)}
    except InfrastructureError:
        ran = {}  # the API server may still know the pods
    missing: list[InfrastructureError] = []
    steps: list[dict[str, Any]] = []
    for task in tasks:
        try:
            text = clean(api.endpoint.redacted(read_log(api, run, task, ran.get(task.name)))).rstrip("\n")
        except InfrastructureError as error:
            missing.append(error)
            steps.append({"name": task.name, "state": task.state, "note": error.message, "text": None})
            continue
        steps.append({"name": task.name, "state": task.state, "note": "", "text": text})
        if not as_json:
            print_line(f"--- {task.name}")
            print_line(text)
    if len(missing) == len(tasks):
        raise missing[0]
    if as_json:
        print_json({"run_id": run.run_id, "state": run.state, "log": None, "steps": steps})
    for lost in missing:
        typer.echo(f"{lost.message}. {lost.hint}", err=True)
