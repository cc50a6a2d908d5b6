"""A real MLflow server on loopback: SQLite, artifacts through its proxy, with or without basic authentication.

It lives in an environment of its own (`.tools/mlflow`), which the first test that needs it makes: MLflow's server wants
other versions of packages than TFX.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.server_process import ServerProcess, answers, free_port
from tests.tool_environment import tool_environment

MLFLOW = "mlflow[auth]==3.17.2"
USER = "admin"

# What the environment of whoever runs the tests must not decide.
_OURS = ("MLFLOW_", "PYTHONPATH", "GUNICORN_", "UVICORN_")


def mlflow_program() -> str:
    """The path of the `mlflow` program, installed where it is missing; skips the test where it cannot be had."""
    return str(tool_environment("mlflow", MLFLOW) / "bin/mlflow")


class MlflowServer:
    """A server that can be killed and started again: its address, database and artifacts stay.

    Attributes:
        uri: its address, as `MLFLOW_TRACKING_URI` takes it.
        user: who may do everything; empty without authentication.
        password: of that user.
        folder: its database, artifacts and log.
    """

    def __init__(self, folder: Path, *, auth: bool = False) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.user, self.password = (USER, secrets.token_hex(12)) if auth else ("", "")
        self._port = free_port()
        self.uri = f"http://127.0.0.1:{self._port}"
        self._process = ServerProcess("the MLflow server", folder / "server.log")
        self._environ = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
        self._environ |= {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
        if auth:
            settings = folder / "basic_auth.ini"
            settings.touch(0o600)
            settings.write_text(
                "[mlflow]\ndefault_permission = NO_PERMISSIONS\nauthorization_function = "
                "mlflow.server.auth:authenticate_request_basic_auth\n"
                f"database_uri = sqlite:///{folder}/auth.db\n"
                f"admin_username = {USER}\nadmin_password = {self.password}\n"
            )
            self._environ |= {
                "MLFLOW_AUTH_CONFIG_PATH": str(settings),
                "MLFLOW_FLASK_SERVER_SECRET_KEY": secrets.token_hex(),
            }

    @property
    def settings(self) -> dict[str, str]:
        """Environment variables for a client."""
        if not self.user:
            return {"MLFLOW_TRACKING_URI": self.uri}
        return {
            "MLFLOW_TRACKING_URI": self.uri,
            "MLFLOW_TRACKING_USERNAME": self.user,
            "MLFLOW_TRACKING_PASSWORD": self.password,
        }

    def start(self) -> "MlflowServer":
        """Start it, or start it again, and wait until it answers."""
        command = [mlflow_program(), "server", "--host", "127.0.0.1", "--port", str(self._port), "--workers", "1"]
        command += ["--backend-store-uri", f"sqlite:///{self.folder}/mlflow.db", "--serve-artifacts"]
        command += ["--artifacts-destination", str(self.folder / "artifacts")]
        if self.user:
            command += ["--app-name", "basic-auth"]
        health = f"{self.uri}/health"
        self._process.start(command, lambda: answers(health, whatever=True), cwd=self.folder, env=self._environ)
        return self

    def kill(self) -> None:
        """Kill it and its workers at once, as a machine that loses power does."""
        self._process.kill()

    def stop(self) -> None:
        """Ask it to end, and wait for it; without effect where it has ended."""
        self._process.stop()


@contextmanager
def mlflow_server(folder: Path, *, auth: bool = False) -> Iterator[MlflowServer]:
    """A server of one's own, stopped at the end."""
    server = MlflowServer(folder, auth=auth)
    try:
        yield server.start()
    finally:
        server.stop()
