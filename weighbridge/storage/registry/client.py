"""MLflow's client: one for each server, every wait with an end, its errors as ones that a person can act on.

The server is the one that MLflow's own variables name (`MLFLOW_TRACKING_URI`, `MLFLOW_REGISTRY_URI`), and they say who
asks. MLflow waits two minutes for each answer and asks eight times; where the user chose nothing else, less is waited.
"""

import functools
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from weighbridge.common.errors import InfrastructureError, UsageError, WeighbridgeError
from weighbridge.common.text import mask
from weighbridge.storage.explain import explaining

TRACKING = "MLFLOW_TRACKING_URI"
REGISTRY = "MLFLOW_REGISTRY_URI"

# For as long as something is asked, where the environment says nothing else.
DEFAULTS = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "60",  # seconds for one answer: one to an upload waits for the server's own store
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
_SIGN_IN = (
    "Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN, as the server asks for; in a "
    "pipeline on Kubeflow, as secrets of the steps."
)
_RIGHTS = (
    "Looking up needs READ on the registered model and on the experiment that holds its files; pushing needs EDIT on "
    "the experiment and MANAGE on the model, which whoever creates it has."
)
_STATUS = re.compile(r"error code (\d{3})")
_MISSING = {"RESOURCE_DOES_NOT_EXIST", "NOT_FOUND"}
_TAKEN = {"RESOURCE_ALREADY_EXISTS", "ALREADY_EXISTS"}


def servers() -> tuple[str, str]:
    """Addresses of the servers of runs and of registered models.

    Raises:
        UsageError: the environment names none, or a folder: files have no order in which versions are made.
    """
    tracking = os.environ.get(TRACKING, "") or os.environ.get(REGISTRY, "")
    registry = os.environ.get(REGISTRY, "") or tracking
    if not registry:
        raise UsageError(
            "models:/ is in MLflow's registry, but no server is named",
            f"Set {TRACKING}, e.g. export {TRACKING}=http://mlflow.example:5000",
        )
    for address in (tracking, registry):
        if "://" not in address or address.startswith("file:"):
            raise UsageError(
                f"{mask(address)} is no MLflow server, and its files keep no order between two pushes",
                f"Set {TRACKING} to a server, or to a database such as sqlite:////models/mlflow.db.",
            )
    return tracking, registry


@functools.cache
def _client(tracking: str, registry: str) -> Any:
    try:
        from mlflow import MlflowClient
    except ImportError as error:
        raise UsageError("Using models:/ needs MLflow's client", "pip install 'weighbridge[mlflow]'") from error
    return MlflowClient(tracking_uri=tracking, registry_uri=registry)


def client() -> Any:
    """MLflow's client.

    Raises:
        UsageError: it is not installed, or no server is named.
    """
    return _client(*servers())


def artifacts(uri: str) -> Any:
    """MLflow's access to what lies below an artifact address, of whatever store that is."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    return get_artifact_repository(uri, tracking_uri=servers()[0])


def is_missing(error: Exception) -> bool:
    """Whether the server says that what was asked for is not there."""
    return getattr(error, "error_code", "") in _MISSING or _status_of(error) == 404


def is_taken(error: Exception) -> bool:
    """Whether the server says that a name is taken."""
    return getattr(error, "error_code", "") in _TAKEN


@contextmanager
def explained(address: str) -> Iterator[None]:
    """Turn errors of the client inside the block into ones that name `address` and what to do.

    Raises:
        UsageError: no permission, or credentials that are refused or missing.
        InfrastructureError: the server, or the way to it, fails.
    """
    missing = [name for name in DEFAULTS if name not in os.environ]
    os.environ.update({name: DEFAULTS[name] for name in missing})
    try:
        with explaining(partial(_explanation, address), f"MLflow at {address}"):
            yield
    finally:
        for name in missing:
            os.environ.pop(name, None)


def _status_of(error: Exception) -> int:
    answer = getattr(error, "response", None)  # of what asks for files
    if answer is not None:
        return int(getattr(answer, "status_code", 0) or 0)
    found = _STATUS.search(str(error))
    return int(found[1]) if found else 0


def _explanation(address: str, error: Exception) -> WeighbridgeError | None:
    """What to raise instead of `error`; None if it is not the client's."""
    from mlflow.exceptions import MlflowException
    from requests import RequestException

    if not isinstance(error, MlflowException | RequestException | ConnectionError | TimeoutError):
        return None
    code, status = str(getattr(error, "error_code", "")), _status_of(error)
    reason = mask(" ".join(str(error).split()))[:400]
    if status == 401 or code in ("UNAUTHENTICATED", "CUSTOMER_UNAUTHORIZED"):
        return UsageError(f"MLflow refuses who asks for {address}: {reason}", _SIGN_IN)
    if status == 403 or code == "PERMISSION_DENIED":
        return UsageError(f"No permission for {address}: {reason}", _RIGHTS)
    if code == "INVALID_PARAMETER_VALUE":
        return UsageError(f"MLflow refuses {address}: {reason}", "Is it a valid name, on the right server?")
    if is_missing(error):
        return UsageError(f"MLflow finds nothing at {address}: {reason}", f"Is {TRACKING} the right server?")
    return InfrastructureError(f"MLflow fails at {address}: {reason}", "It is safe to run again.")
