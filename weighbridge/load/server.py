"""A model server of our own on loopback, in the environment that it needs, for as long as it is measured."""

import contextlib
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from weighbridge.common import interruption, parent
from weighbridge.common.environment import VERIFY_IDENTITY_VARIABLE, VERIFY_KEY_VARIABLE
from weighbridge.common.serving_python import serving_python
from weighbridge.load.usage import Usage, usage

_ROOT = Path(__file__).absolute().parents[2]
_SERVING = re.compile(r"serving \S+ version \S+ on (http://[^\s,]+)")
_PATIENCE_S = 300.0  # importing and warming up, on however busy a machine
_GRACE_S = 15.0
_ENDED = 70
_SAID = 300


class ServerFailed(Exception):
    """The server could not be started, or ended."""


@dataclass(frozen=True)
class ModelServer:
    """A server that is ready.

    Attributes:
        url: where it listens: `http://127.0.0.1:40123`.
        pid: of its process.
    """

    url: str
    pid: int

    def used(self) -> Usage | None:
        """What it has used so far."""
        return usage(self.pid)


@contextlib.contextmanager
def model_server(
    name: str,
    model: str | Path,
    folder: Path,
    *,
    signature: str = "serving_default",
    inputs: Mapping[str, Any] | None = None,
    label: str = "",
    samples: Sequence[Mapping[str, Any]] = (),
    version: int = 1,
) -> Iterator[ModelServer]:
    """Serve a model for as long as the block lasts, on a free port of loopback.

    Args:
        name: of the model.
        model: folder with its files.
        folder: that exists, for what the server says.
        signature: that is called.
        inputs: of it that have one value in all requests.
        label: column that is not sent to the model.
        samples: rows that it is warmed up with.
        version: that it is served as.

    Raises:
        ServerFailed: it did not get ready.
        UsageError: there is no environment for it.
    """
    log = folder / f"{name}.log"
    options = ["--name", name, "--model", str(model), "--version", str(version), "--port", "0", "--grpc-port", "-1"]
    options += ["--signature", signature, *(["--label", label] if label else [])]
    options += ["--inputs", json.dumps(dict(inputs))] if inputs else []
    if samples:
        rows = folder / f"{name}.samples.jsonl"
        rows.write_text("".join(json.dumps(dict(row)) + "\n" for row in samples))
        options += ["--samples", str(rows)]
    command = [str(serving_python()), "-m", "weighbridge.serving", *options]
    own = os.getpid()
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=_environment(),
            start_new_session=True,
            preexec_fn=lambda: parent.die_with(own, _ENDED),
        ) as process,
    ):
        try:
            yield ModelServer(_wait(process, log), process.pid)
        finally:
            _stop(process)


def _environment() -> dict[str, str]:
    """This process' own, in which the server finds our code, and believes a model that nobody can have signed yet."""
    found = {
        name: value for name, value in os.environ.items() if name not in (VERIFY_KEY_VARIABLE, VERIFY_IDENTITY_VARIABLE)
    }
    found["TF_CPP_MIN_LOG_LEVEL"] = "2"
    if (_ROOT / "pyproject.toml").is_file():  # a checkout; what is installed has its own copy in that environment
        found["PYTHONPATH"] = str(_ROOT)
    else:
        found.pop("PYTHONPATH", None)
    return found


def _wait(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        said = log.read_text(errors="replace")
        if found := _SERVING.search(said):
            return found[1]
        if process.poll() is not None:
            raise ServerFailed(f"the server ended with {process.returncode}: {_last(said)}")
        if time.monotonic() > deadline:
            raise ServerFailed(f"the server was not ready after {_PATIENCE_S:g} s: {_last(said)}")
        interruption.check()
        time.sleep(0.1)


def _last(said: str) -> str:
    """What is wrong, by its own words: from the last line that says so, else the last line."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    wrong = [number for number, line in enumerate(lines) if line.startswith("error:")]
    told = " ".join(lines[wrong[-1] :]).removeprefix("error: ") if wrong else "".join(lines[-1:])
    return told.rstrip(".")[:_SAID] or "it said nothing"


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the server and what it started; they are a session of their own."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_S)
            return
