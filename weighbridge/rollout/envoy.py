"""Divides requests by Envoy: a file with its routes, replaced in one step, and its admin interface, which tells.

Envoy watches the file for being moved to its place (filesystem RDS,
https://www.envoyproxy.io/docs/envoy/latest/start/quick-start/configuration-dynamic-filesystem) and goes on with what it
had where it takes none of it. Its bootstrap names the file and the route configuration:

```yaml
rds:
  route_config_name: weighbridge
  config_source: {path_config_source: {path: FOLDER/routes.json, watched_directory: {path: FOLDER}}}
```
"""

import json
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from weighbridge.common import files
from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.common.machine import is_machine_failure
from weighbridge.components.production_model.canary import CanaryState

ROUTES_FILE = "routes.json"
ROUTES_NAME = "weighbridge"
TOTAL = 10_000
"""Of the weights: a hundredth of a percent is the least share."""

_TYPE = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
_MOST_BYTES = 64 << 20


@dataclass
class Envoy:
    """One Envoy that reads its routes from a folder.

    A file with routes that is there is kept as it is but for what it says of the two clusters: domains, matches,
    time-outs and headers stay. Where there is none, one is made that takes everything.

    Attributes:
        folder: where `routes.json` lies.
        admin: address of the admin interface, such as http://127.0.0.1:9901; empty to ask nobody.
        stable: name of the cluster that serves production.
        canary: name of the cluster that serves the canary.
        wait_s: how long Envoy may take to read the file.
        pause: waits; for tests.
    """

    folder: Path
    admin: str = ""
    stable: str = "stable"
    canary: str = "canary"
    wait_s: float = 5.0
    pause: Callable[[float], None] = field(default=time.sleep, repr=False)
    follows: bool = field(default=False, init=False)
    _asked: str = field(default="", init=False)

    def __post_init__(self) -> None:
        if not self.folder.is_dir():
            raise UsageError(f"--envoy: there is no folder {self.folder}", "Name the one with Envoy's routes.json.")
        if self.stable == self.canary or not self.stable or not self.canary:
            told = f"--envoy-clusters: {self.stable!r} and {self.canary!r} are no two clusters"
            raise UsageError(told, "Give two names of Envoy's configuration: --envoy-clusters stable,canary")
        if self.admin and urlsplit(self.admin).scheme not in ("http", "https"):
            raise UsageError(f"--envoy-admin: {self.admin!r} is no address", "Such as http://127.0.0.1:9901")
        self.admin = self.admin.rstrip("/")

    def apply(self, state: CanaryState) -> None:
        """Replace the file.

        Raises:
            UsageError: what is there are no routes of ours, or the folder cannot be written.
            InfrastructureError: the disk is full or fails.
        """
        path = self.folder / ROUTES_FILE
        version = (
            f"{state.run_id}-{state.step}-{'shadow' if state.shadow else f'{state.percent:g}'}-{uuid.uuid4().hex[:6]}"
        )
        document = self._routes(path)
        for route in self._own(document, path):
            self._divide(route, state)
        for resource in document["resources"]:
            # Envoy leaves out an update that changes nothing, its version included: this one always does.
            told = resource.setdefault("metadata", {}).setdefault("filter_metadata", {})
            told["weighbridge"] = {"version": version}
        try:
            files.write_json(
                path, {"version_info": version, **{k: v for k, v in document.items() if k != "version_info"}}
            )
        except OSError as error:
            kind = InfrastructureError if is_machine_failure(error) else UsageError
            raise kind(
                f"{path} cannot be written: {error.strerror or error}", "The routes are as they were."
            ) from error
        self._asked = version

    def problem(self) -> str:
        """Why Envoy does not route by the file; it gets some seconds to read it."""
        if not self.admin or not self._asked:
            return ""
        waited_s = 0.0
        while True:
            found = self._in_force()
            if found is None or (not found and waited_s >= self.wait_s):
                break
            if not found:
                self.pause(0.1)
                waited_s += 0.1
                continue
            return ""
        if found is None:
            return f"Envoy at {self.admin} does not answer."
        rejected = self._rejected()
        told = f", and has rejected {rejected} of them" if rejected else ""
        return (
            f"Envoy does not route by {self.folder / ROUTES_FILE} as it is{told}: it goes on with the routes that it "
            f"had. Look at its log and at {self.admin}/config_dump."
        )

    def _in_force(self) -> bool | None:
        """Whether Envoy routes by what was written last; None where it does not tell."""
        document = self._get("/config_dump?resource=dynamic_route_configs")
        if document is None:
            return None
        try:
            configs = json.loads(document).get("configs", [])
            versions = [
                each.get("version_info")
                for each in configs
                if each.get("route_config", {}).get("name", ROUTES_NAME) == self._name
            ]
        except (ValueError, AttributeError):
            return None
        return self._asked in versions

    def _rejected(self) -> int:
        text = self._get(f"/stats?filter=rds.{self._name}.update_rejected") or b""
        lines = [line.rpartition(":")[2].strip() for line in text.decode(errors="replace").splitlines()]
        return sum(int(line) for line in lines if line.isdigit())

    @property
    def _name(self) -> str:
        try:
            return str(self._routes(self.folder / ROUTES_FILE)["resources"][0].get("name", ROUTES_NAME))
        except (UsageError, KeyError, IndexError, AttributeError):
            return ROUTES_NAME

    def _get(self, path: str) -> bytes | None:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"{self.admin}{path}", timeout=5) as answer:
                data: bytes = answer.read(_MOST_BYTES)
                return data
        except (OSError, HTTPException, urllib.error.URLError):
            return None

    def _divide(self, route: dict[str, Any], state: CanaryState) -> None:
        """Put the clusters of a state into a route's action."""
        weight = 0 if state.shadow else round(state.percent * TOTAL / 100)
        weights = ((self.stable, TOTAL - weight), (self.canary, weight))
        action = route.setdefault("route", {})
        action.pop("cluster", None)
        action["weighted_clusters"] = {"clusters": [{"name": name, "weight": part} for name, part in weights]}
        others = [each for each in action.pop("request_mirror_policies", []) if each.get("cluster") != self.canary]
        if state.shadow:
            all_of_them = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
            others.append({"cluster": self.canary, "runtime_fraction": all_of_them})
        if others:
            action["request_mirror_policies"] = others

    def _own(self, document: Mapping[str, Any], path: Path) -> list[dict[str, Any]]:
        """The routes that lead to one of the two clusters."""
        found = [route for route in _routes_in(document) if self._clusters(route) & {self.stable, self.canary}]
        if not found:
            raise UsageError(
                f"No route in {path} leads to the cluster {self.stable} or {self.canary}",
                "Name the clusters with --envoy-clusters STABLE,CANARY, or remove the file: it is made anew.",
            )
        return found

    def _clusters(self, route: Mapping[str, Any]) -> set[str]:
        action = route.get("route") or {}
        weighted = (action.get("weighted_clusters") or {}).get("clusters") or []
        return {str(action.get("cluster", ""))} | {str(each.get("name", "")) for each in weighted}

    def _routes(self, path: Path) -> dict[str, Any]:
        try:
            document = json.loads(path.read_bytes())
            list(_routes_in(document))
        except FileNotFoundError:
            route = {"match": {"prefix": "/"}, "route": {"cluster": self.stable}}
            host = {"name": ROUTES_NAME, "domains": ["*"], "routes": [route]}
            return {"resources": [{"@type": _TYPE, "name": ROUTES_NAME, "virtual_hosts": [host]}]}
        except OSError as error:
            raise UsageError(f"{path} cannot be read: {error.strerror or error}") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UsageError(
                f"{path} holds no routes of Envoy (a DiscoveryResponse with RouteConfiguration, as JSON)",
                "Move it away: it is made anew.",
            ) from error
        return dict(document)


def _routes_in(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for resource in document["resources"]:
        for host in resource["virtual_hosts"]:
            yield from host["routes"]
