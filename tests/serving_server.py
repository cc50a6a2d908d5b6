"""A real model server on loopback: ours on KServe's, in the environment that its lock makes.

The environment (`.tools/serving-…`) is made by the first test that needs it: KServe wants other versions of packages
than TFX. `WEIGHBRIDGE_SERVING_PYTHON` names another one.
"""

import fcntl
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.command_line import ROOT
from tests.patience import wait_until

LOCK = ROOT / "requirements/serving-py311.lock"
_SERVING = re.compile(r"serving (\S+) version (\S+) on (http://\S+?)(?:, gRPC (\S+))?$", re.MULTILINE)


def serving_python() -> str:
    """The python of an environment that has KServe, installed where it is missing; skips where it cannot be had."""
    if given := os.environ.get("WEIGHBRIDGE_SERVING_PYTHON"):
        return given
    tools = (ROOT / ".tools").resolve()  # programs in it name it by this path, whoever reaches it by a link
    folder = tools / f"serving-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]}"
    marker = folder / ".installed"
    tools.mkdir(exist_ok=True)
    with (tools / "serving.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not marker.exists():
            shutil.rmtree(folder, ignore_errors=True)
            _install(folder)
            marker.touch()
    return str(folder / "bin/python")


def _install(folder: Path) -> None:
    [uv, *_] = [*map(str, sorted(ROOT.glob(".tools/uv-*/bin/uv"), reverse=True)), "uv"]  # the set-up's own
    install = [uv, "pip", "install", "--quiet", "--system-certs", "--compile-bytecode", "--require-hashes"]
    install += ["--python", f"{folder}/bin/python", "-r", str(LOCK)]
    for command in ([uv, "venv", "--quiet", "--python", sys.executable, str(folder)], install):
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except OSError as error:
            pytest.skip(f"a model server needs uv: {error}")
        if done.returncode:
            pytest.skip(f"{LOCK.name} cannot be installed here: {done.stderr.strip()[-300:]}")


class ServingServer:
    """A server that can be killed and started again.

    Attributes:
        name: of the model.
        uri: where it listens, such as `http://127.0.0.1:40123`; known once it has started.
        grpc: host and port of gRPC; empty for none.
        log: file with what it says.
    """

    def __init__(self, folder: Path, name: str, model: str | Path, options: Sequence[str] = (), **environ: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.name, self.uri, self.grpc = name, "", ""
        self.log = folder / "server.log"
        self._options = ["--name", name, "--model", str(model), "--port", "0", "--grpc-port", "0", *options]
        self._environ = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "2", **environ}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *, ready: bool = True) -> "ServingServer":
        """Start it, and wait until it is ready, or only until it has said anything."""
        self.log.write_bytes(b"")
        with self.log.open("ab") as output:
            command = [serving_python(), "-m", "weighbridge.serving", *self._options]
            self.process = process = subprocess.Popen(
                command, stdout=output, stderr=output, env=self._environ, start_new_session=True
            )
        if not ready:
            return self
        try:
            wait_until(lambda: self._said() or process.poll() is not None, "the model server")
        except BaseException:
            self.kill()
            raise
        assert process.poll() is None, f"the model server ended:\n{self.text()[-3000:]}"
        return self

    def _said(self) -> bool:
        found = _SERVING.search(self.text())
        if found is not None:
            self.uri, self.grpc = found[3], found[4] or ""
        return found is not None

    def text(self) -> str:
        """What it said so far."""
        return self.log.read_text(errors="replace")

    def predict(self, rows: list[Any], **more: Any) -> tuple[int, dict[str, Any], dict[str, str]]:
        """Status, answer and headers of a V1 request."""
        return self.post(f"/v1/models/{self.name}:predict", {"instances": rows, **more})

    def post(self, path: str, body: Any) -> tuple[int, dict[str, Any], dict[str, str]]:
        """Status, answer and headers of a request; `body` is a document or its bytes."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(self.uri + path, data, {"content-type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.load(answer), {key.lower(): value for key, value in answer.headers.items()}
        except urllib.error.HTTPError as error:
            with error:
                headers = {key.lower(): value for key, value in error.headers.items()}
                return error.code, json.loads(error.read() or b"{}"), headers

    def get(self, path: str) -> tuple[int, str]:
        """Status and text of a page."""
        try:
            with urllib.request.urlopen(self.uri + path, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def metric(self, name: str, **labels: str) -> float:
        """The value of a metric, summed over labels that are not given; 0 where it has none."""
        found = 0.0
        for line in self.get("/metrics")[1].splitlines():
            named = line.startswith((f"{name}{{", f"{name} "))
            if named and all(f'{key}="{value}"' in line for key, value in labels.items()):
                found += float(line.rsplit(" ", 1)[1])
        return found

    def stop(self) -> int:
        """Ask it to end, and wait for it; its exit code, 0 where it has not run."""
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill it at once."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> int:
        if self.process is None:
            return 0
        if self.process.poll() is None:
            os.killpg(self.process.pid, number)  # not reaped: the group is still its own
        code = self.process.wait()
        self.process = None
        return code


@contextmanager
def serving_server(
    folder: Path, name: str, model: str | Path, *options: str, **environ: str
) -> Iterator[ServingServer]:
    """A server of one's own, ready, stopped at the end."""
    server = ServingServer(folder, name, model, options, **environ)
    try:
        yield server.start()
    finally:
        server.stop()
