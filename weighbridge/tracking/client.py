"""Sends an entry to MLflow with MLflow's own client: what is there already is completed, never doubled."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from weighbridge.common.digests import bytes_digest
from weighbridge.common.errors import InfrastructureError, UsageError, WeighbridgeError
from weighbridge.common.progress import report
from weighbridge.common.text import mask
from weighbridge.evidence.provenance import PROVENANCE_FILE
from weighbridge.report.text import one_line
from weighbridge.report.write import CHARTS_FOLDER, HTML_FILE, JUNIT_FILE, MARKDOWN_FILE
from weighbridge.tracking.describe import DIGEST_TAG, RUN_ID_TAG
from weighbridge.tracking.entry import ENTRY_FILE, Entry, ModelReference
from weighbridge.tracking.model import write_model
from weighbridge.tracking.settings import INSTALL, Server, copied_up_to, impatient
from weighbridge.verdict.verdict import VERDICT_FILE

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.models import Model
    from mlflow.tracking import MlflowClient

_REPORTS = (HTML_FILE, MARKDOWN_FILE, VERDICT_FILE, JUNIT_FILE, PROVENANCE_FILE)
# MLflow's pages show an experiment without it as one of language models.
_EXPERIMENT = {"mlflow.experimentKind": "custom_model_development"}
_GOES_ON = "RUNNING"
_VALUES_AT_ONCE = 1000  # metrics
_TEXTS_AT_ONCE = 100  # parameters, tags
_AGAIN = "weighbridge sync sends it later."
# Answers that say what is wrong with us, and not with the server.
_CREDENTIALS = (401, 403)
_NOT_NOW = (408, 425, 429)
_TOO_LARGE = 413  # of a proxy before it: a report is left out, a model only referred to

Each = TypeVar("Each")


def send(folder: Path, entry: Entry, server: Server) -> Entry:
    """Send a run, and keep in its folder that it was sent.

    Args:
        folder: the run's.
        entry: what is to be sent.
        server: where to.

    Returns:
        The entry as it is now.

    Raises:
        UsageError: the server does not take the credentials, or not this run; or MLflow's client is not installed.
        InfrastructureError: it cannot be reached, or fails. What was sent stays there, and is not sent twice.
    """
    _check_verdict(folder, entry)
    with explained(server):
        from mlflow.tracking import MlflowClient

        client = MlflowClient(tracking_uri=server.uri)
        experiment = _experiment(client, entry.experiment)
        run, began = _run(client, experiment, entry)
        run_id = run.info.run_id
        if run.info.status == _GOES_ON:
            _log_values(client, run, entry, began)
            _log_datasets(client, run_id, entry)
            _log_files(client, run_id, folder)
            _log_model(client, run, entry)
            # Last: a run that has ended there is there as a whole.
            client.set_terminated(run_id, status=entry.status, end_time=entry.ended_ms)
    return entry.became(folder, "sent", server=server.shown, page=server.page(experiment, run_id))


def _check_verdict(folder: Path, entry: Entry) -> None:
    """Refuse to tell MLflow of a verdict that the run did not come to."""
    path, digest = folder / VERDICT_FILE, entry.tags.get(f"{DIGEST_TAG}verdict", "")
    if digest and path.is_file() and bytes_digest(path.read_bytes()) != digest:
        raise UsageError(
            f"{path} is not the verdict that run {entry.run_id} came to, and is not sent",
            f"It was changed since. To give the run up, remove {folder / ENTRY_FILE}.",
        )


def _experiment(client: "MlflowClient", name: str) -> str:
    """Id of an experiment, which is made where it is missing; others may be making it."""
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            return str(client.create_experiment(name, tags=_EXPERIMENT))
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            found = client.get_experiment_by_name(name)
    if found is None or found.lifecycle_stage != "active":
        number = found.experiment_id if found else "ID"
        raise UsageError(
            f"MLflow's experiment {name} was deleted",
            f"mlflow experiments restore --experiment-id {number}, or name another: MLFLOW_EXPERIMENT_NAME.",
        )
    return str(found.experiment_id)


def _run(client: "MlflowClient", experiment: str, entry: Entry) -> tuple["Run", bool]:
    """The run in MLflow that has our run's id, made where there is none; and whether it had been begun before."""
    quoted = entry.run_id.replace("'", "")
    found = client.search_runs([experiment], f"tags.`{RUN_ID_TAG}` = '{quoted}'", max_results=1)
    if found:
        return found[0], True
    run = client.create_run(
        experiment, start_time=entry.started_ms, tags={RUN_ID_TAG: entry.run_id}, run_name=entry.run_id
    )
    return run, False


def _log_values(client: "MlflowClient", run: "Run", entry: Entry, began: bool) -> None:
    """Parameters, tags and metrics, without those that an earlier sending left there."""
    from mlflow.entities import Metric, Param, RunTag

    report("MLflow: values")
    points = entry.metrics
    if began:
        points = _missing(client, run, entry)
    params = [Param(key, value) for key, value in entry.parameters.items() if key not in run.data.params]
    tags = [RunTag(key, value) for key, value in entry.tags.items() if run.data.tags.get(key) != value]
    metrics = [Metric(point.key, point.value, point.time_ms, point.step) for point in points]
    for some_params in _chunks(params, _TEXTS_AT_ONCE):
        client.log_batch(run.info.run_id, params=some_params)
    for some_tags in _chunks(tags, _TEXTS_AT_ONCE):
        client.log_batch(run.info.run_id, tags=some_tags)
    for some_metrics in _chunks(metrics, _VALUES_AT_ONCE):
        client.log_batch(run.info.run_id, metrics=some_metrics)


def _missing(client: "MlflowClient", run: "Run", entry: Entry) -> list[Any]:
    """The values that MLflow lacks: some of its stores keep one that is sent twice twice."""
    several = {point.key for point in entry.metrics if point.step}
    there = {
        (key, metric.step)
        for key in several & set(run.data.metrics)
        for metric in client.get_metric_history(run.info.run_id, key)
    }
    single = set(run.data.metrics) - several
    return [point for point in entry.metrics if point.key not in single and (point.key, point.step) not in there]


def _log_datasets(client: "MlflowClient", run_id: str, entry: Entry) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    inputs = [
        DatasetInput(
            Dataset(each.name, each.digest, each.source_type, each.source, each.columns, each.profile),
            tags=[InputTag("mlflow.data.context", each.context)],
        )
        for each in entry.datasets
    ]
    if inputs:
        client.log_inputs(run_id, inputs)


def _log_files(client: "MlflowClient", run_id: str, folder: Path) -> None:
    charts = [f"{CHARTS_FOLDER}/{path.name}" for path in sorted((folder / CHARTS_FOLDER).glob("*.svg"))]
    left_out = []
    for name in (*_REPORTS, *charts):
        if not (folder / name).is_file():
            continue
        report(f"MLflow: {name}")
        try:
            client.log_artifact(run_id, str(folder / name), CHARTS_FOLDER if name in charts else None)
        except Exception as error:
            if _status(error) != _TOO_LARGE:
                raise
            left_out.append(name)
    if left_out:
        client.set_tag(run_id, "weighbridge.too_large", ", ".join(left_out))


def _log_model(client: "MlflowClient", run: "Run", entry: Entry) -> None:
    if entry.model is None:
        return
    report("MLflow: model")
    try:
        model = _upload_model(client, run.info.run_id, entry.model, copied_up_to())
    except Exception as error:
        if _status(error) != _TOO_LARGE:
            raise
        model = _upload_model(client, run.info.run_id, entry.model, -1)
    if "mlflow.log-model.history" not in run.data.tags:
        client._record_logged_model(run.info.run_id, model)  # type: ignore[no-untyped-call]  # as MLflow's flavours do


def _upload_model(client: "MlflowClient", run_id: str, reference: ModelReference, copied_up_to: float) -> "Model":
    with tempfile.TemporaryDirectory(prefix="weighbridge-") as scratch:
        target = Path(scratch, "model")
        model = write_model(reference, run_id, target, copied_up_to)
        client.log_artifacts(run_id, str(target), "model")
    return model


def _chunks(values: Sequence[Each], size: int) -> Iterator[list[Each]]:
    for start in range(0, len(values), size):
        yield list(values[start : start + size])


@contextmanager
def explained(server: Server) -> Iterator[None]:
    """Turn what MLflow's client raises into errors that a person can act on; its patience is limited meanwhile."""
    try:
        with impatient():
            yield
    except WeighbridgeError:
        raise
    except ImportError as error:
        raise UsageError(f"MLflow's client cannot be loaded: {one_line(mask(str(error)))}", INSTALL) from error
    except Exception as error:  # MLflow's, those of requests and of the stores of artifacts
        raise _explained(server, error) from error


def _explained(server: Server, error: Exception) -> WeighbridgeError:
    status = _status(error)
    told = one_line(mask(str(error)))[:300]
    if status in _CREDENTIALS:
        return UsageError(
            f"MLflow at {server.shown} does not take the credentials (HTTP {status}): {told}",
            "Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN.",
        )
    if 400 <= status < 500 and status not in _NOT_NOW:
        return UsageError(
            f"MLflow at {server.shown} does not take this run: {told}", f"See {ENTRY_FILE} in its folder."
        )
    return InfrastructureError(f"MLflow at {server.shown} was not reached, or fails: {told}", _AGAIN)


def _status(error: Exception) -> int:
    """The HTTP status that an error of MLflow's, or of requests, tells; 0 for none."""
    if hasattr(error, "get_http_status_code"):
        return int(error.get_http_status_code())
    return int(getattr(getattr(error, "response", None), "status_code", 0) or 0)
