"""A stand-in for Argo CD and KServe: what a configuration repository says is what runs, on this machine.

Substituted: the controllers that would follow the repository in a cluster. Real: the repository, model servers, proxy
and monitoring. It reads `production.json` and `canary.json`, starts a real model server for each version that they
name, divides the traffic where nobody else does, and stops servers that nobody names any more.
"""

import json
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.config_repository import ConfigRepository
from tests.envoy_proxy import EnvoyProxy
from tests.patience import wait_until
from tests.server_process import ServerProcess, answers
from tests.serving_server import serving_python

_LOOK_S = 0.3
_DRAIN_S = 2.0
"""How long a server that gets no more requests is left alone: those on their way are answered."""

# One thread each: a model's time must not depend on what else the two processors do, more than it has to.
_SERVER_ENVIRONMENT = {
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "OMP_NUM_THREADS": "1",
}


@dataclass
class Cluster:
    """What follows one configuration repository.

    Attributes:
        repository: that says what is to run.
        proxy: in front of the servers.
        models: folder of the versions.
        model: name that the servers give it.
        ports: of each version's server; fixed, so that the monitoring knows them from the start.
        folder: of logs.
        divides: whether it sets the traffic, as KServe does; else `weighbridge canary --envoy` does.
        options: more options of the model servers.
        revive: whether a server that died is started again, as Kubernetes does.
    """

    repository: ConfigRepository
    proxy: EnvoyProxy
    models: Path
    model: str
    ports: Mapping[int, int]
    folder: Path
    divides: bool = True
    options: Sequence[str] = ()
    revive: bool = True
    servers: dict[int, ServerProcess] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    _in_force: tuple[Any, ...] = ()
    _unused: dict[int, float] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)

    def follow(self) -> None:
        """Look at the repository again and again, until stopped."""
        while not self._stop.wait(_LOOK_S):
            try:
                self.look()
            except Exception as error:  # the repository may be gone for a while: go on as it was
                self.problems.append(f"{type(error).__name__}: {error}")

    def look(self) -> None:
        """Bring about what the repository says."""
        production, canary = self._read("production.json"), self._read("canary.json")
        stable = int(production["version"]) if production else 0
        other = int(canary["canary"]["version"]) if canary else 0
        for version in {stable, other} - {0}:
            self._start(version)
        self._route(stable, other, canary)
        for version in list(self.servers):
            if version in (stable, other, *self._in_force[:2]):  # what gets requests goes on until others take them
                self._unused.pop(version, None)
            elif time.monotonic() - self._unused.setdefault(version, time.monotonic()) > _DRAIN_S:
                self.servers.pop(version).stop()

    def ready(self, version: int) -> bool:
        """Whether a version's server takes requests."""
        server = self.servers.get(version)
        return server is not None and server.running() and answers(self._health(version))

    def wait_for(self, version: int) -> None:
        """Wait until the proxy's `stable` is this version."""
        wait_until(lambda: self._in_force[:1] == (version,), f"version {version} as stable")

    def stop(self) -> None:
        """Stop looking, and all servers."""
        self._stop.set()
        for server in self.servers.values():
            server.stop()

    def _read(self, name: str) -> dict[str, Any] | None:
        if not self.repository.head():
            raise OSError("the repository is gone")
        found = self.repository.read(name)
        return json.loads(found) if found else None

    def _health(self, version: int) -> str:
        return f"http://127.0.0.1:{self.ports[version]}/v2/health/ready"

    def _start(self, version: int) -> None:
        server = self.servers.get(version)
        if server is not None and (server.running() or not self.revive):
            return
        server = self.servers[version] = server or ServerProcess(f"version {version}", self.folder / f"{version}.log")
        command = [serving_python(), "-m", "weighbridge.serving", "--name", self.model, "--model", str(self.models)]
        command += ["--version", str(version), "--port", str(self.ports[version]), "--grpc-port", "-1", *self.options]
        root = str(Path(__file__).parents[2])
        server.start(command, None, cwd=self.folder, env=os.environ | _SERVER_ENVIRONMENT | {"PYTHONPATH": root})

    def _route(self, stable: int, other: int, canary: dict[str, Any] | None) -> None:
        """Clusters, and the routes where it sets them; a version gets no request before its server is ready."""
        if not stable or not self.ready(stable):
            return
        share, shadow = (canary["percent"], canary["shadow"]) if canary and other and self.ready(other) else (0, False)
        wanted = (stable, other, share, shadow)
        if wanted == self._in_force:
            return
        ports = {"stable": self.ports[stable]} | ({"canary": self.ports[other]} if other else {})
        if self._in_force[:2] != wanted[:2]:
            # A canary that has just become production still has the requests that its cluster gets.
            kept = {"canary": self.ports[stable]} if not other else {}
            self.proxy.wait_for_clusters(**(kept | ports))
        if self.divides or not canary:
            part = round(share * 100)
            weights = {"stable": 10_000 - part, "canary": part}
            self.proxy.routes(weights, mirror="canary" if shadow else "")
        self._in_force = wanted


@contextmanager
def following(cluster: Cluster) -> Iterator[Cluster]:
    """A cluster that follows its repository in a thread, stopped at the end."""
    thread = threading.Thread(target=cluster.follow, daemon=True, name="cluster")
    thread.start()
    try:
        yield cluster
    finally:
        cluster._stop.set()
        thread.join(60)
        with suppress(Exception):
            cluster.stop()
