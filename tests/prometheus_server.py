"""A real Prometheus on loopback (Debian's): it follows a file of targets; killed, it starts again with its data."""

import json
import os
import shutil
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.patience import wait_until
from tests.server_process import ServerProcess, answers, free_port
from weighbridge.common.files import write_json

INTERVAL = "500ms"


def prometheus_program() -> str:
    """The path of the `prometheus` program; skips the test where there is none."""
    program = shutil.which("prometheus", path=f"{os.environ.get('PATH', '')}:/usr/bin:/usr/local/bin")
    if program is None:
        pytest.skip("there is no prometheus: apt-get install --no-install-recommends prometheus")
    return program


class PrometheusServer:
    """A server that can be killed and started again: its address, targets and data stay.

    Attributes:
        url: its address, as `WEIGHBRIDGE_PROMETHEUS` takes it.
        folder: its configuration, data and log.
    """

    def __init__(self, folder: Path, *, interval: str = INTERVAL) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self._process = ServerProcess("Prometheus", folder / "prometheus.log")
        self.scrape()
        (folder / "prometheus.json").write_text(  # JSON is YAML
            json.dumps(
                {
                    "global": {"scrape_interval": interval, "scrape_timeout": interval},
                    "scrape_configs": [
                        {"job_name": "models", "file_sd_configs": [{"files": [str(folder / "targets.json")]}]}
                    ],
                }
            )
        )

    def scrape(self, *ports: int, labels: Mapping[str, str] | None = None) -> None:
        """From now on, scrape `/metrics` at these ports and no others; a running server follows within some 5 s."""
        group = {"targets": [f"127.0.0.1:{port}" for port in ports], "labels": dict(labels or {})}
        write_json(self.folder / "targets.json", [group])

    def start(self) -> "PrometheusServer":
        """Start it, or start it again, and wait until it answers queries."""
        command = [prometheus_program(), f"--config.file={self.folder}/prometheus.json"]
        command += [f"--storage.tsdb.path={self.folder}/data", "--storage.tsdb.min-block-duration=2h"]
        command += [f"--web.listen-address=127.0.0.1:{self._port}", "--log.level=warn"]
        self._process.start(command, lambda: answers(f"{self.url}/-/ready"), cwd=self.folder)
        return self

    def stop(self) -> None:
        """Ask it to end, and wait for it."""
        self._process.stop()

    def kill(self) -> None:
        """Kill it at once."""
        self._process.kill()

    def query(self, promql: str) -> list[dict[str, Any]]:
        """The vector that an expression gives now: each with `metric` (labels) and `value` (time, text)."""
        address = f"{self.url}/api/v1/query?{urllib.parse.urlencode({'query': promql})}"
        with urllib.request.urlopen(address, timeout=30) as answer:
            found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        return found

    def number(self, promql: str) -> float | None:
        """The one number that an expression gives now; `None` where it finds nothing."""
        found = self.query(promql)
        assert len(found) <= 1, found
        return float(found[0]["value"][1]) if found else None

    def wait_for(self, promql: str) -> float:
        """Wait until an expression finds something; its first number."""
        wait_until(lambda: self.query(promql), f"what {promql!r} asks for")
        return float(self.query(promql)[0]["value"][1])


@contextmanager
def prometheus_server(folder: Path, *ports: int, interval: str = INTERVAL) -> Iterator[PrometheusServer]:
    """A server of one's own that scrapes these ports, stopped at the end."""
    server = PrometheusServer(folder, interval=interval)
    server.scrape(*ports)
    try:
        yield server.start()
    finally:
        server.stop()
