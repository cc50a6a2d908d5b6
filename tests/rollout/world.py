"""All parts of a delivery together: repository, servers, proxy, monitoring, users; and what a delivery did to users."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.envoy_proxy import EnvoyProxy, envoy_proxy
from tests.prometheus_server import PrometheusServer, prometheus_server
from tests.rollout.cluster import Cluster, following
from tests.rollout.shop import MODEL, MODULE, Shop
from tests.rollout.users import Request, Users, users
from tests.server_process import free_port

VERSIONS = 20
"""So many may be delivered in one world."""

SERVER = ("--threads", "32", "--concurrency", "256")
"""Options of the model servers: their calls wait (`models.WAIT_MS`), so many may be on their way at once."""

_CLUSTERS = ("stable", "canary")

EVERY_S = "1"
"""Between two looks at the monitoring."""


@dataclass(frozen=True)
class Delivery:
    """How a canary ended, and what its users had of it.

    Attributes:
        code: exit code of the command.
        out: what it said.
        verdict: of its run.
        seconds: from the command's start to its end.
        requests: of the users meanwhile, and a little after.
        not_by_stable: how many of the users' requests production did not answer, by the proxy's count.
        copies: requests that reached the canary, copies of users' requests among them, by the proxy's count.
    """

    code: int
    out: str
    verdict: dict[str, Any]
    seconds: float
    requests: Sequence[Request]
    not_by_stable: int
    copies: int

    def gates(self, status: str = "refused") -> list[str]:
        """Names of the gates that ended with a status."""
        return [gate["name"] for gate in self.verdict["gates"] if gate["status"] == status]

    def observed(self, gate: str) -> float:
        """What a gate saw at the end."""
        [found] = [each["observed"] for each in self.verdict["gates"] if each["name"] == gate]
        return float(found)

    def answered_by(self, version: int) -> int:
        """How many requests a version answered, as users saw it."""
        return sum(each.version == str(version) for each in self.requests)


@dataclass
class World:
    """Everything that runs."""

    shop: Shop
    prometheus: PrometheusServer
    proxy: EnvoyProxy
    cluster: Cluster
    users: Users

    def arguments(self, *more: str) -> list[str]:
        """Of the command that delivers what is at staging."""
        found = ["canary", MODULE, "--from", "staging", "--prometheus", self.prometheus.url, "--every", EVERY_S]
        if not self.cluster.divides:
            found += ["--envoy", str(self.proxy.folder), "--envoy-admin", self.proxy.admin]
        return [*found, *more]

    def deliver(self, model: Path, run_id: str) -> Delivery:
        """Weigh a model, walk its canary by the command line, and count what became of users' requests."""
        self.shop.weigh(model, run_id)
        before, begin = self._counts(), time.time()
        done = self.shop.run(*self.arguments())
        seconds = time.time() - begin
        time.sleep(1.0)  # what was on its way ends
        after, end = self._counts(), time.time()
        asked, stable, canary = (now - then for now, then in zip(after, before, strict=True))
        return Delivery(
            code=done.code,
            out=done.out,
            verdict=self.shop.verdict(),
            seconds=seconds,
            requests=self.users.between(begin, end),
            not_by_stable=asked - stable,
            copies=canary,
        )

    def _counts(self) -> tuple[int, int, int]:
        """Requests that the proxy has answered, and those that production and canary have answered to it."""
        names = (
            "http.models.downstream_rq_completed",
            *(f"cluster.{each}.upstream_rq_completed" for each in _CLUSTERS),
        )
        found = self.proxy.stats("(http.models.downstream|cluster.*.upstream)_rq_completed$")
        asked, stable, canary = (found.get(name, 0) for name in names)
        return asked, stable, canary


@contextmanager
def world(
    folder: Path, first: Path, canary: Mapping[str, Any], *, rate: float, divides: bool = True
) -> Iterator[World]:
    """Everything that runs, with a first model in production and users who ask it; all is stopped at the end.

    Args:
        folder: of all files.
        first: the model in production.
        canary: section of `gates.yaml`.
        rate: of the users, requests per second.
        divides: whether the stand-in for KServe sets the traffic, and not `weighbridge canary --envoy`.
    """
    ports = {version: free_port() for version in range(1, VERSIONS + 1)}
    shop = Shop(folder, canary, {})
    servers = folder / "servers"
    servers.mkdir()
    version = shop.released(first, "first")
    with (
        prometheus_server(folder / "prometheus", *ports.values()) as prometheus,
        envoy_proxy(folder / "envoy", stable=ports[version]) as proxy,
        following(Cluster(shop.repository, proxy, shop.models, MODEL, ports, servers, divides, SERVER)) as cluster,
    ):
        cluster.wait_for(version)
        with users(proxy.url, MODEL, rate) as asking:
            prometheus.wait_for(
                f'count_over_time(weighbridge_requests_total{{version="{version}",code="200"}}[1m]) > 6'
            )
            try:
                yield World(shop, prometheus, proxy, cluster, asking)
            finally:
                shop.end()
