"""A real MLflow server on loopback: SQLite, artifacts through its proxy, with or without basic authentication.

It lives in an environment of its own (`.tools/mlflow`), which the first test that needs it makes: MLflow's server wants
other versions of packages than TFX.
"""

import fcntl
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.command_line import ROOT
from tests.patience import wait_until

MLFLOW = "mlflow[auth]==3.17.2"
USER = "admin"

# What the environment of whoever runs the tests must not decide.
_OURS = ("MLFLOW_", "PYTHONPATH", "GUNICORN_", "UVICORN_")


def mlflow_program() -> str:
    """The path of the `mlflow` program, installed where it is missing; skips the test where it cannot be had."""
    tools = (ROOT / ".tools").resolve()  # programs in it name it by this path, whoever reaches it by a link
    folder, marker = tools / "mlflow", tools / "mlflow" / MLFLOW
    tools.mkdir(exist_ok=True)
    with (tools / "mlflow.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not marker.exists():
            shutil.rmtree(folder, ignore_errors=True)
            _install(folder)
            marker.touch()
    return str(folder / "bin/mlflow")


def _install(folder: Path) -> None:
    [uv, *_] = [*map(str, sorted(ROOT.glob(".tools/uv-*/bin/uv"), reverse=True)), "uv"]  # the set-up's own
    install = [
        uv,
        "pip",
        "install",
        "--quiet",
        "--system-certs",
        "--compile-bytecode",
        "--python",
        f"{folder}/bin/python",
    ]
    for command in ([uv, "venv", "--quiet", "--python", sys.executable, str(folder)], [*install, MLFLOW]):
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except OSError as error:
            pytest.skip(f"an MLflow server needs uv: {error}")
        if done.returncode:
            pytest.skip(f"{MLFLOW} cannot be installed here: {done.stderr.strip()[-300:]}")


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
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self.uri = f"http://127.0.0.1:{self._port}"
        self._process: subprocess.Popen[bytes] | None = None
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
        log = self.folder / "server.log"
        with log.open("ab") as output:
            self._process = process = subprocess.Popen(
                command, stdout=output, stderr=output, env=self._environ, cwd=self.folder, start_new_session=True
            )
        try:
            wait_until(lambda: self._answers() or process.poll() is not None, "the MLflow server")
        except BaseException:
            self.kill()
            raise
        assert process.poll() is None, f"the MLflow server ended:\n{log.read_text()[-3000:]}"
        return self

    def kill(self) -> None:
        """Kill it and its workers at once, as a machine that loses power does."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Ask it to end, and wait for it; without effect where it has ended."""
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            os.killpg(self._process.pid, number)  # not reaped: the group is still its own
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.uri}/health", timeout=5):
                return True
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False


@contextmanager
def mlflow_server(folder: Path, *, auth: bool = False) -> Iterator[MlflowServer]:
    """A server of one's own, stopped at the end."""
    server = MlflowServer(folder, auth=auth)
    try:
        yield server.start()
    finally:
        server.stop()
