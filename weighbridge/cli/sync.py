"""`weighbridge sync`: sends what MLflow has not been told of yet."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from weighbridge.cli.options import WORKDIR, JsonOption, StoreOption, WorkdirOption
from weighbridge.cli.output import print_json, print_line
from weighbridge.common.errors import UsageError, WeighbridgeError

if TYPE_CHECKING:
    from weighbridge.tracking.entry import Entry
    from weighbridge.tracking.settings import Server

NameArgument = Annotated[
    str | None, typer.Argument(metavar="[PIPELINE]", help="Name of a pipeline; of all by default.", show_default=False)
]


def sync(
    pipeline: NameArgument = None,
    workdir: WorkdirOption = WORKDIR,
    store: StoreOption = "",
    as_json: JsonOption = False,
) -> None:
    """Send the runs that MLflow has not been told of, oldest first.

    A run keeps what MLflow is to be told in its folder, and sends it without waiting. What a server that was down, slow
    or full did not take stays there until this command sends it. What is there in part is completed; nothing is sent
    twice. With --store so do runs of other machines, which may be gone. MLflow's own variables say where to and as
    whom: MLFLOW_TRACKING_URI, MLFLOW_TRACKING_USERNAME, ….
    """
    import difflib

    from weighbridge.runs.references import spaces_of
    from weighbridge.runs.tracked import kept_folders
    from weighbridge.runs.untold import Untold
    from weighbridge.runs.workspace import workspaces
    from weighbridge.tracking.entry import unsent_folders
    from weighbridge.tracking.sending import Synced, send_all
    from weighbridge.tracking.settings import URI_VARIABLE, tracking_server

    server = tracking_server()
    untold = Untold(store, workdir, pipeline) if store else None
    kept = kept_folders(workdir, pipeline)
    if pipeline and not kept and difflib.get_close_matches(pipeline, [each.pipeline for each in workspaces(workdir)]):
        spaces_of(workdir, pipeline)  # a mistyped name has nothing to send, and must not look like a run that was sent
    unsent = unsent_folders(kept)
    if not unsent:
        synced = Synced()
    elif server is None:
        raise UsageError(
            f"{_runs(len(unsent))} of {len(kept)} in {Path(workdir).absolute()} yet to be sent to MLflow, and "
            f"{URI_VARIABLE} is not set",
            f"export {URI_VARIABLE}=https://…",
        )
    else:
        _check_reached(server)
        synced = send_all(unsent, server, _say_waiting, lambda folder, what: None if as_json else _say(folder, what))
    if untold is not None:
        untold.forget()
    if as_json:
        print_json(
            {
                "server": server.shown if server else "",
                "sent": [{"run_id": entry.run_id, "page": entry.page} for entry in synced.sent],
                "left": [{"run_id": folder.name, "error": error.message} for folder, error in synced.left],
            }
        )
    elif not kept:
        print_line(_NOTHING)
    elif not synced.sent and not synced.left:  # or another process has just sent it
        print_line(f"Nothing to send: MLflow has {_runs(len(kept))} of {len(kept)}.")
    elif synced.left:
        print_line(f"{_runs(len(synced.left))} left, {len(synced.sent)} sent. weighbridge sync sends them later.")
    else:
        print_line(f"Sent {_runs(len(synced.sent))}; nothing is left.")
    raise typer.Exit(int(synced.exit_code))


_NOTHING = "Nothing to send: no run here was kept for MLflow. Runs are where MLFLOW_TRACKING_URI is set."


def _check_reached(server: "Server") -> None:
    """Import MLflow's client, which takes a second, only for a server that answers.

    Raises:
        UsageError: it does not take the credentials.
        InfrastructureError: it does not answer.
    """
    from weighbridge.common.errors import InfrastructureError
    from weighbridge.tracking.probe import ask

    answer = ask(server, "Default", budget_s=10)
    if answer.state == "refused":
        raise UsageError(
            f"MLflow at {server.shown}: {answer.reason}",
            "Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN.",
        )
    if answer.state != "ready":
        raise InfrastructureError(
            f"MLflow not reached at {server.shown}: {answer.reason}",
            "Everything is kept; run weighbridge sync again when it answers.",
        )


def _say(folder: Path, what: "Entry | WeighbridgeError") -> None:
    if isinstance(what, WeighbridgeError):
        print_line(f"✗ {folder.name}  {what.message}")
    else:
        print_line(f"✓ {what.run_id}  {what.experiment}  {what.page}")


def _say_waiting(who: str) -> None:
    print_line(f"… waiting for {who or 'another process'}, which is sending")


def _runs(number: int) -> str:
    return f"{number} {'run' if number == 1 else 'runs'}"
