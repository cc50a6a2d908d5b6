"""A shop whose models are really pushed, and whose requests, servers and Prometheus are made up.

The requests follow `canary.json` as users' requests would, so a double of Prometheus tells of them what the real one
would tell: at the address that `served` gives, from the moment when it is entered.
"""

import json
import math
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.components.pusher.helpers import make_model
from tests.config_repository import ConfigRepository
from tests.weighbridge.rollout.prometheus_double import Samples, prometheus
from weighbridge.common.digests import tree_digest
from weighbridge.components.pusher import push
from weighbridge.verdict import Gate, Verdict

PIPELINE = """
from weighbridge import definition


class Parameters(definition.Parameters):
    data: str = "none"


def create_pipeline(parameters, context):
    raise NotImplementedError
"""

GATES = """
quality: {metrics: {auc: {min: 0.5}}}
latency: {batch_sizes: {1: {p99_ms: {max: 1000}}}}
delivery:
  - {stage: staging}
  - {stage: production}
canary:
  steps:
    - {shadow: true, requests: 2000, minutes: 0.01}
    - {percent: 10, requests: 1000, minutes: 0.01}
    - {percent: 50, requests: 2000, minutes: 0.01}
  hold_minutes: 0.1
  p99_ms: {max_ratio: 1.5}
  error_rate: {max_change: 0.02}
  memory_ratio: {max: 2}
"""

EDGES = tuple(0.0005 * 1.1**number for number in range(105))

PREDICTED = tuple(number / 20 for number in range(21))


@dataclass
class Server:
    """What one model's servers do with a request: how long it takes, and how often it fails."""

    median_s: float = 0.01
    failing: float = 0.0
    memory: float = 5e8
    collapsed: float | None = None  # what it predicts, whoever asks; else anything between 0 and 1
    alive: bool = True
    ready: bool = True


@dataclass
class Shop:
    """A pipeline with one model in production and another at staging.

    Attributes:
        folder: the package.
        home: the pipeline's work directory.
        rate: requests that users make in a second.
        repository: says what is in production, if it is no folder.
        servers: by version; a version that is not there has the usual ones.
    """

    folder: Path
    home: Path
    rate: float = 20_000
    repository: ConfigRepository | None = None
    servers: dict[str, Server] = field(default_factory=dict)
    samples: Samples = field(default_factory=Samples)
    before_scrape: Callable[[], None] = lambda: None
    _last: float = 0.0
    _counted: dict[tuple[str, ...], float] = field(default_factory=dict)
    _random: random.Random = field(default_factory=lambda: random.Random(0))

    @property
    def production(self) -> Path:
        return self.home / "production"

    def push(self, name: str, place: str, run_id: str = "", against: str = "") -> None:
        model = self.folder / f"model-{name}"
        if not model.exists():
            make_model(model, name)
        subject = {"model": tree_digest(model)} | ({"production": against} if against else {})
        gate = Gate(name="quality.auc.min", status="passed", observed=0.9, threshold=0.5, message="auc is 0.9.")
        evaluation = self.folder / f"evaluation-{name}"
        verdict = Verdict.of([gate], pipeline="shop", run_id=run_id or f"run-{name}", subject=subject)
        verdict.write(evaluation / "verdict.json")
        where = self.destination if place == "production" else self.home / place
        assert push(model, evaluation, where).record is not None

    @property
    def destination(self) -> str:
        return self.repository.address if self.repository else str(self.production)

    def read(self, name: str) -> bytes | None:
        """A file that says what is in production, or on its way."""
        if self.repository is not None:
            return self.repository.read(name)
        try:
            return (self.production / name).read_bytes()
        except FileNotFoundError:
            return None

    @property
    def live(self) -> str:
        """The version in production."""
        return str(json.loads(self.read("production.json") or b"{}").get("version", ""))

    def requests_since(self, seconds: float) -> dict[str, float]:
        """Requests by version, as `canary.json` and `production.json` divide them."""
        stable, text = self.live, self.read("canary.json")
        if text is None:
            return {stable: seconds * self.rate}
        state = json.loads(text)
        canary, total = str(state["canary"]["version"]), seconds * self.rate
        if state["shadow"]:
            return {stable: total, canary: total}
        share = state["percent"] / 100
        return {stable: total * (1 - share), canary: total * share}

    def scrape(self) -> None:
        """What the servers have counted by now becomes samples."""
        now = time.time()
        self.before_scrape()
        counted = self.requests_since(now - self._last)
        self._last = now
        for version in {self.live, *counted, "2"}:
            server = self.servers.setdefault(version, Server())
            if server.alive:
                self._serve(version, server, counted.get(version, 0.0), now)

    def _serve(self, version: str, server: Server, requests: float, now: float) -> None:
        labels = {"model": "shop", "version": version, "instance": f"server-{version}"}
        failed = (
            self._random.binomialvariate(round(requests), server.failing)
            if hasattr(self._random, "binomialvariate")
            else round(requests * server.failing)
        )
        for code, count in (("200", requests - failed), ("500", failed)):
            if self._grow(("requests", version, code), count):
                value = self._counted["requests", version, code]
                self.samples.add("weighbridge_requests_total", value, now, code=code, **labels)
        for edge in (*EDGES, math.inf):
            below = 1.0 if edge == math.inf else 0.5 * (1 + math.erf(math.log(edge / server.median_s) / 0.3 / 2**0.5))
            self._grow(("seconds", version, str(edge)), requests * below)
            value = round(self._counted["seconds", version, str(edge)])
            le = "+Inf" if edge == math.inf else repr(edge)
            self.samples.add("weighbridge_request_seconds_bucket", value, now, le=le, **labels)
        for edge in (*PREDICTED, math.inf):
            below = min(edge, 1.0) if server.collapsed is None else float(edge >= server.collapsed)
            self._grow(("predicted", version, str(edge)), requests * below)
            value = round(self._counted["predicted", version, str(edge)])
            le = "+Inf" if edge == math.inf else repr(edge)
            self.samples.add("weighbridge_prediction_bucket", value, now, le=le, output="tip", **labels)
        self.samples.add("weighbridge_memory_bytes", server.memory, now, **labels)
        self.samples.add("weighbridge_model_ready", float(server.ready), now, **labels)
        self.samples.add("weighbridge_started_seconds", 1000.0, now, **labels)

    def _grow(self, name: tuple[str, ...], count: float) -> bool:
        self._counted[name] = self._counted.get(name, 0.0) + count
        return self._counted[name] > 0


@contextmanager
def served(shop: Shop) -> Iterator[str]:
    """The shop's servers run, users ask, and Prometheus scrapes; its address."""
    shop._last = time.time()
    now = time.time()
    for back in range(20, 0, -1):  # somebody has looked before
        shop._last = now - back - 1
        for version in ("1",):
            shop._serve(version, shop.servers.setdefault(version, Server()), shop.rate, now - back)
    shop._last = now
    done = threading.Event()

    def scrape() -> None:
        while not done.wait(0.2):
            shop.scrape()

    thread = threading.Thread(target=scrape, daemon=True)
    thread.start()
    try:
        with prometheus(shop.samples) as address:
            yield address
    finally:
        done.set()
        thread.join()
