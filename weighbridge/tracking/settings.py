"""MLflow's own environment variables, as far as more than MLflow's client reads them. Imports no mlflow."""

import base64
import configparser
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from weighbridge.common.environment import HOOKS_VARIABLE
from weighbridge.common.errors import UsageError
from weighbridge.common.text import hide, mask

URI_VARIABLE = "MLFLOW_TRACKING_URI"
MODELS_VARIABLE = "WEIGHBRIDGE_MLFLOW_MODELS"
INSTALL = "uv pip install 'weighbridge[mlflow]'"
COPIED_UP_TO = 100_000_000  # bytes

_OWN_SECRETS = ("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kMG])i?B")
_UNITS = {"k": 1e3, "M": 1e6, "G": 1e9}

# What a server that does not answer may take, unless the user says otherwise; MLflow's client would try for minutes,
# and sleep for as long as a server's Retry-After asks. And what it would print or send on its own.
_PATIENCE = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "60",  # also to an upload, which waits for the server's own store
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_RESPECT_RETRY_AFTER_HEADER": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "GIT_PYTHON_REFRESH": "quiet",
}


@dataclass(frozen=True)
class Server:
    """A tracking server.

    Attributes:
        uri: its address as it was given, secrets included.
    """

    uri: str

    @property
    def shown(self) -> str:
        """The address as people and files may see it."""
        return mask(self.uri).rstrip("/")

    @property
    def speaks_http(self) -> bool:
        """Whether it is a server, and not a folder or a database."""
        return self.uri.startswith(("http://", "https://"))

    @property
    def headers(self) -> dict[str, str]:
        """What authenticates, as far as that is known without MLflow's plugins."""
        name, password = _credentials()
        if name and password:
            return {"Authorization": f"Basic {base64.b64encode(f'{name}:{password}'.encode()).decode()}"}
        token = os.environ.get("MLFLOW_TRACKING_TOKEN", "")
        return {"Authorization": f"Bearer {token}"} if token else {}

    def page(self, experiment_id: str, run_id: str) -> str:
        """Address of MLflow's page of a run; for a folder or a database, which have none, its own address."""
        return f"{self.shown}/#/experiments/{experiment_id}/runs/{run_id}" if self.speaks_http else self.shown


def tracking_server() -> Server | None:
    """The server that `MLFLOW_TRACKING_URI` names; None where it names none. Its secrets are masked from now on."""
    for variable in _OWN_SECRETS:
        hide(os.environ.get(variable, ""))
    uri = os.environ.get(URI_VARIABLE, "").strip()
    return Server(uri) if uri else None


def is_off() -> bool:
    """Whether nobody is to hear of this run, as within a backtest."""
    return os.environ.get(HOOKS_VARIABLE, "").lower() == "off"


def experiment_of(pipeline: str) -> str:
    """The experiment of a pipeline: its name, unless MLflow's own variable names another."""
    return os.environ.get("MLFLOW_EXPERIMENT_NAME") or pipeline


def copied_up_to() -> float:
    """How large a model may be whose files are copied to MLflow, in bytes; of a larger one it gets the reference.

    Raises:
        UsageError: `WEIGHBRIDGE_MLFLOW_MODELS` is neither `copy`, `reference` nor a size.
    """
    given = os.environ.get(MODELS_VARIABLE, "").strip()
    if given in ("", "copy", "reference"):
        return {"": COPIED_UP_TO, "copy": float("inf"), "reference": -1.0}[given]
    size = _SIZE.fullmatch(given)
    if size is None:
        raise UsageError(
            f"{MODELS_VARIABLE}={given!r} is not known",
            "Allowed are copy, reference, or the size up to which models are copied, such as 500MB.",
        )
    return float(size[1]) * _UNITS[size[2]]


@contextmanager
def impatient() -> Iterator[None]:
    """Let MLflow's client give up in the block after a minute or two, unless the environment says otherwise."""
    missing = [name for name in _PATIENCE if name not in os.environ]
    os.environ.update({name: _PATIENCE[name] for name in missing})
    try:
        yield
    finally:
        for name in missing:
            os.environ.pop(name, None)


def _credentials() -> tuple[str, str]:
    """User and password by MLflow's variables, else by its file."""
    name, password = (os.environ.get(f"MLFLOW_TRACKING_{each}", "") for each in ("USERNAME", "PASSWORD"))
    if name and password:
        return name, password
    kept = configparser.ConfigParser(interpolation=None)
    try:
        kept.read(Path("~/.mlflow/credentials").expanduser())
    except (configparser.Error, OSError, UnicodeDecodeError):
        return name, password
    found = dict(kept.items("mlflow")) if kept.has_section("mlflow") else {}
    password = password or found.get("mlflow_tracking_password", "")
    hide(password)
    return name or found.get("mlflow_tracking_username", ""), password
