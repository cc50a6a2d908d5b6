"""What `weighbridge canary --envoy` writes is taken by a real Envoy, and what Envoy does not take is told."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.components.pusher.helpers import make_model, weigh
from tests.envoy_proxy import EnvoyProxy, envoy_proxy
from tests.patience import wait_until
from tests.server_process import free_port
from weighbridge.common.files import write_json
from weighbridge.components.production_model.canary import CanaryState
from weighbridge.components.pusher import push
from weighbridge.rollout.envoy import Envoy
from weighbridge.rollout.traffic import stable_alone

pytestmark = pytest.mark.slow


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[EnvoyProxy]:
    with envoy_proxy(tmp_path / "envoy", stable=free_port(), canary=free_port()) as made:
        yield made


@pytest.fixture
def state(tmp_path: Path) -> CanaryState:
    model = make_model(tmp_path / "model")
    record = push(model, weigh(tmp_path / "evaluation", model), tmp_path / "models").record
    assert record is not None
    now = datetime.now(UTC)
    return CanaryState(canary=record, stable=1, step=0, percent=10, step_since=now, since=now, run_id="run-1")


def in_force(proxy: EnvoyProxy) -> dict[str, int]:
    """The weights of the clusters, as the proxy tells."""
    import urllib.request

    with urllib.request.urlopen(f"{proxy.admin}/config_dump?resource=dynamic_route_configs", timeout=30) as answer:
        [config] = json.load(answer)["configs"]
    [route] = config["route_config"]["virtual_hosts"][0]["routes"]
    return {each["name"]: each.get("weight", 0) for each in route["route"]["weighted_clusters"]["clusters"]}


def test_shares_and_copies_are_taken_and_so_is_what_changes_nothing(proxy: EnvoyProxy, state: CanaryState) -> None:
    traffic = Envoy(proxy.folder, proxy.admin)
    for each in (stable_alone(state), stable_alone(state), state, state, stable_alone(state)):
        traffic.apply(each)
        assert traffic.problem() == ""
        assert in_force(proxy).get("canary", 0) == each.percent * 100
    traffic.apply(state.model_copy(update={"percent": 0.0, "shadow": True}))
    assert traffic.problem() == ""
    assert in_force(proxy) == {"stable": 10_000, "canary": 0}


def test_what_envoy_rejects_is_told_and_it_goes_on_as_it_was(proxy: EnvoyProxy, state: CanaryState) -> None:
    traffic = Envoy(proxy.folder, proxy.admin, wait_s=1.0)
    traffic.apply(state)
    assert traffic.problem() == ""
    routes: dict[str, Any] = json.loads((proxy.folder / "routes.json").read_text())
    routes["resources"][0]["virtual_hosts"][0]["domains"] = ["*", "*"]  # twice: not allowed
    write_json(proxy.folder / "routes.json", routes)
    traffic.apply(stable_alone(state))
    assert "has rejected" in traffic.problem()
    assert in_force(proxy) == {"stable": 9_000, "canary": 1_000}


def test_an_envoy_that_is_gone_is_told(proxy: EnvoyProxy, state: CanaryState) -> None:
    traffic = Envoy(proxy.folder, proxy.admin, wait_s=1.0)
    proxy.kill()
    traffic.apply(state)
    assert "does not answer" in traffic.problem()
    proxy.start()
    wait_until(lambda: traffic.problem() == "", "the routes of before it was killed")
    assert in_force(proxy) == {"stable": 9_000, "canary": 1_000}
