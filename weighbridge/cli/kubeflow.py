"""`weighbridge status` and `cancel`: a run on Kubeflow, and what commands that speak to Kubeflow share."""

import sys
from typing import TYPE_CHECKING, Any

import typer

from weighbridge.cli.options import (
    EndpointOption,
    JsonOption,
    NamespaceOption,
    ReportsOption,
    RunIdArgument,
    TimeoutOption,
    WaitOption,
)
from weighbridge.cli.output import print_json, print_line
from weighbridge.common.errors import InfrastructureError

if TYPE_CHECKING:
    from weighbridge.kubeflow.client.api import Api
    from weighbridge.kubeflow.client.outcome import KubeflowOutcome
    from weighbridge.kubeflow.client.runs import KubeflowRun


def status(
    run_id: RunIdArgument,
    wait: WaitOption = False,
    timeout: TimeoutOption = None,
    endpoint: EndpointOption = None,
    namespace: NamespaceOption = None,
    reports: ReportsOption = "",
    as_json: JsonOption = False,
) -> None:
    """Show a run on Kubeflow: its steps and its verdict. The exit code is the run's; 3 while it goes on."""
    from weighbridge.kubeflow.client.runs import get_run

    api = connect(endpoint, namespace)
    run = get_run(api, plain_id(run_id))
    if not as_json:
        print_line(run.url)
    finish(api, run, wait=wait, timeout=timeout, reports=reports, as_json=as_json)


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
        print_line(f"Run {run.run_id} had ended already: {run.state}")
    else:
        print_line(f"Run {run.run_id} is being cancelled: {run.state}")


def connect(endpoint: str | None, namespace: str | None) -> "Api":
    """The server that options and environment name; no request is sent yet."""
    import logging

    from weighbridge.kubeflow.client.api import Api
    from weighbridge.kubeflow.client.endpoint import from_environment

    # It would warn of every retry on stderr; what comes of them is said once.
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
    """Show a run as it is, or as it ends, and leave with its exit code.

    Hooks are called by the command that saw the run end.

    Args:
        api: the server.
        run: the run.
        wait: wait for its end.
        timeout: seconds to wait at most; None for as long as it takes.
        reports: folder to write the verdict's reports to; empty for nowhere.
        as_json: print JSON alone.
        extra: further entries of the JSON document.

    Raises:
        typer.Exit: always, with the run's exit code.
        InfrastructureError: the end could not be waited for.
    """
    from weighbridge.cli.display import print_warnings
    from weighbridge.cli.kubeflow_display import KubeflowSteps, finish_kubeflow_run, print_kubeflow_outcome
    from weighbridge.kubeflow.client.outcome import outcome
    from weighbridge.kubeflow.client.runs import wait as wait_for
    from weighbridge.runs.finish import RemoteEnd, write_remote_reports

    display = KubeflowSteps(sys.stderr if as_json else sys.stdout, silent=as_json)
    awaited = wait and not run.ended
    try:
        if awaited:
            run = wait_for(api, run.run_id, display.task, timeout=timeout, on_waiting=display.waiting)
        else:
            for task in run.tasks:
                display.task(task)
    except KeyboardInterrupt:
        raise InfrastructureError(
            f"Interrupted; run {run.run_id} goes on",
            f"Wait on with 'weighbridge status {run.run_id} --wait', or end it with 'weighbridge cancel {run.run_id}'.",
        ) from None
    finally:
        display.ended()
    ended = outcome(api, run)
    if ended.verdict:
        write_remote_reports(ended.verdict, reports)
    told = finish_kubeflow_run(ended, reports, silent=as_json) if awaited else RemoteEnd()
    if as_json:
        print_warnings(told.warnings)
        print_json(outcome_json(ended) | {"warnings": list(told.warnings), "tracking": told.tracking} | (extra or {}))
    else:
        print_kubeflow_outcome(ended, told)
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
