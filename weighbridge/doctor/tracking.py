"""Whether MLflow's tracking server answers and takes the credentials, and what it has not been told of yet."""

from collections.abc import Iterator

from weighbridge.doctor.finding import Finding

_BUDGET_S = 3.0


def mlflow(work: str) -> Iterator[Finding]:
    """The server that MLFLOW_TRACKING_URI names, within three seconds, and the runs that are kept for it."""
    from weighbridge.runs.tracked import kept_folders
    from weighbridge.tracking.entry import unsent_folders
    from weighbridge.tracking.probe import ask
    from weighbridge.tracking.sending import check_client
    from weighbridge.tracking.settings import URI_VARIABLE, tracking_server

    server = tracking_server()
    unsent = len(unsent_folders(kept_folders(work)))
    if unsent:
        runs = "1 run is" if unsent == 1 else f"{unsent} runs are"
        yield Finding("mlflow", "warning", f"{runs} yet to be sent", "weighbridge sync")
    if server is None:
        yield Finding("mlflow", "ok", f"{URI_VARIABLE} is not set: runs are not logged there")
        return
    check_client()
    answer = ask(server, "Default", _BUDGET_S)
    if answer.state == "ready":
        yield Finding("mlflow", "ok", server.shown)
    elif answer.state == "refused":
        mend = "Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN: docs/mlflow.md."
        yield Finding("mlflow", "wrong", f"{server.shown}: {answer.reason}", mend)
    else:
        mend = f"Is it up, and is this the address? curl -sS {server.shown}/health. Runs are kept: weighbridge sync."
        yield Finding("mlflow", "wrong", f"{server.shown}: {answer.reason}", mend, retryable=True)
