"""`weighbridge status`, `logs` and `cancel`: a run on Kubeflow, and what commands that speak to Kubeflow share."""

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from weighbridge.cli.options import JsonOption
from weighbridge.common.errors import InfrastructureError, UsageError

if TYPE_CHECKING:
    from weighbridge.kubeflow.client.api import Api
    from weighbridge.kubeflow.client.outcome import KubeflowOutcome
    from weighbridge.kubeflow.client.runs import KubeflowRun

EndpointOption = Annotated[
    str | None, typer.Option("--endpoint", metavar="URL", help="Kubeflow's address; else WEIGHBRIDGE_KFP_ENDPOINT.")
]
NamespaceOption = Annotated[
    str | None, typer.Option("--namespace", help="Your namespace; else WEIGHBRIDGE_KFP_NAMESPACE.")
]
WaitOption = Annotated[bool, typer.Option("--wait", help="Wait for the end: a line per step, then the verdict.")]
TimeoutOption = Annotated[
    float | None, typer.Option("--timeout", min=0, metavar="SECONDS", help="Wait no longer; the run goes on.")
]
RunIdArgument = Annotated[str, typer.Argument(metavar="RUN_ID", help="Id of a run on Kubeflow, or its address there.")]


def status(
    run_id: RunIdArgument,
    wait: WaitOption = False,
    timeout: TimeoutOption = None,
    endpoint: EndpointOption = None,
    namespace: NamespaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a run on Kubeflow: its steps and its verdict. The exit code is the run's; 3 while it goes on."""
    from weighbridge.kubeflow.client.runs import get_run

    api = connect(endpoint, namespace)
    run = get_run(api, plain_id(run_id))
    if not as_json:
        tell(run.url)
    finish(api, run, wait=wait, timeout=timeout, as_json=as_json)


def cancel(
    run_id: RunIdArgument,
    endpoint: EndpointOption = None,
    namespace: NamespaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Cancel a run on Kubeflow. One that has ended stays as it is."""
    from weighbridge.kubeflow.client import runs

    api = connect(endpoint, namespace)
    before = runs.get_run(api, plain_id(run_id))
    run = runs.cancel(api, before.run_id)
    if as_json:
        print_json({"run": run_json(run)})
    elif before.ended:
        tell(f"Run {run.run_id} had ended already: {run.state}")
    else:
        tell(f"Run {run.run_id} is being cancelled: {run.state}")


def logs(
    run_id: RunIdArgument,
    step: Annotated[str | None, typer.Argument(metavar="[STEP]", help="Only this step; else all that ran.")] = None,
    endpoint: EndpointOption = None,
    namespace: NamespaceOption = None,
) -> None:
    """Print what the steps of a run on Kubeflow wrote, as far as Kubeflow still has it."""
    from weighbridge.kubeflow.client.artifacts import read_log
    from weighbridge.kubeflow.client.metadata import executions
    from weighbridge.kubeflow.client.runs import get_run
    from weighbridge.report.text import clean

    api = connect(endpoint, namespace)
    run = get_run(api, plain_id(run_id))
    tasks = [task for task in run.tasks if step in (None, task.name)]
    if not tasks:
        known = ", ".join(task.name for task in run.tasks) or "none yet"
        raise UsageError(f"Run {run.run_id} has no step {step or ''}".rstrip(), f"Its steps: {known}.")
    try:
        ran = {execution.name: execution for execution in executions(api, run.run_id)}
    except InfrastructureError:
        ran = {}  # the API server may still know the pods
    missing: list[InfrastructureError] = []
    for task in tasks:
        try:
            text = read_log(api, run, task, ran.get(task.name))
        except InfrastructureError as error:
            missing.append(error)
            continue
        typer.echo(f"--- {task.name}")
        typer.echo(clean(api.endpoint.redacted(text)).rstrip("\n"))
    if len(missing) == len(tasks):
        raise missing[0]
    for lost in missing:
        typer.echo(f"{lost.message}. {lost.hint}", err=True)


def connect(endpoint: str | None, namespace: str | None) -> "Api":
    """The server that options and environment name; nothing is asked of it yet."""
    import logging

    from weighbridge.kubeflow.client.api import Api
    from weighbridge.kubeflow.client.endpoint import from_environment

    # It would warn of every retry on stderr; what comes of them is told once.
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)
    return Api(from_environment(endpoint, namespace))


def finish(
    api: "Api",
    run: "KubeflowRun",
    *,
    wait: bool,
    timeout: float | None = None,
    reports: str = "",
    as_json: bool = False,
    extra: dict[str, Any] | None = None,
) -> None:
    """Show a run as it is, or as it ends, and leave with its exit code."""
    from weighbridge.ci.reports import write_verdict
    from weighbridge.cli.kubeflow_display import KubeflowSteps, print_kubeflow_outcome
    from weighbridge.kubeflow.client.outcome import outcome
    from weighbridge.kubeflow.client.runs import wait as wait_for

    display = KubeflowSteps(sys.stderr if as_json else sys.stdout, silent=as_json)
    try:
        if wait and not run.ended:
            run = wait_for(api, run.run_id, display.task, timeout=timeout)
        else:
            for task in run.tasks:
                display.task(task)
    except KeyboardInterrupt:
        raise InfrastructureError(
            f"Interrupted; run {run.run_id} goes on",
            f"Wait on with 'weighbridge status {run.run_id} --wait', or end it with 'weighbridge cancel {run.run_id}'.",
        ) from None
    finally:
        display.close()
    ended = outcome(api, run)
    if ended.verdict:
        write_verdict(ended.verdict, reports)
    if as_json:
        print_json(outcome_json(ended) | (extra or {}))
    else:
        print_kubeflow_outcome(ended)
    raise typer.Exit(int(ended.exit_code))


def outcome_json(ended: "KubeflowOutcome") -> dict[str, Any]:
    """A run and how it ended, for machines."""
    return {
        "run": run_json(ended.run),
        "exit_code": int(ended.exit_code),
        "message": ended.message,
        "verdict": ended.verdict.model_dump(mode="json") if ended.verdict else None,
    }


def run_json(run: "KubeflowRun") -> dict[str, Any]:
    """A run for machines."""
    return {
        "run_id": run.run_id,
        "pipeline": run.pipeline,
        "name": run.name,
        "state": run.state,
        "url": run.url,
        "key": run.marks.get("key"),
        "package": run.marks.get("package"),
        "created": run.created.isoformat() if run.created else None,
        "steps": [{"name": task.name, "state": task.state, "seconds": task.seconds} for task in run.tasks],
    }


def plain_id(reference: str) -> str:
    """The id in what was given: an id, or the address of a run in the UI."""
    return reference.rstrip("/").rpartition("/")[2] if "://" in reference else reference


def tell(text: str) -> None:
    """Print one plain line at once."""
    typer.echo(text)
    sys.stdout.flush()


def print_json(document: Any) -> None:
    """Print one JSON document."""
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
