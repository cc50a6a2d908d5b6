"""Routes for Envoy: what is written, what of others' stays, and whether a real Envoy takes it."""

import json
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.envoy_proxy import envoy_proxy
from tests.patience import wait_until
from tests.weighbridge.rollout.doubles import first_state, gates
from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.components.production_model.canary import CanaryState
from weighbridge.rollout.envoy import Envoy

SHADOW = first_state(gates())


def percent(share: float) -> CanaryState:
    return SHADOW.model_copy(update={"shadow": False, "percent": share})


def action(folder: Path) -> dict[str, Any]:
    document = json.loads((folder / "routes.json").read_text())
    found: dict[str, Any] = document["resources"][0]["virtual_hosts"][0]["routes"][0]["route"]
    return found


def weights(folder: Path) -> dict[str, int]:
    return {each["name"]: each["weight"] for each in action(folder)["weighted_clusters"]["clusters"]}


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0, (10_000, 0)), (1, (9_900, 100)), (0.01, (9_999, 1)), (50, (5_000, 5_000)), (100, (0, 10_000))],
)
def test_shares_are_weights_of_ten_thousand(tmp_path: Path, share: float, expected: tuple[int, int]) -> None:
    Envoy(tmp_path).apply(percent(share))
    assert weights(tmp_path) == {"stable": expected[0], "canary": expected[1]}
    assert "request_mirror_policies" not in action(tmp_path)


def test_a_shadow_gets_copies_of_all_requests(tmp_path: Path) -> None:
    Envoy(tmp_path).apply(SHADOW)
    assert weights(tmp_path) == {"stable": 10_000, "canary": 0}
    [mirror] = action(tmp_path)["request_mirror_policies"]
    assert (mirror["cluster"], mirror["runtime_fraction"]["default_value"]["numerator"]) == ("canary", 100)
    Envoy(tmp_path).apply(percent(0))
    assert "request_mirror_policies" not in action(tmp_path)


def test_what_people_wrote_stays(tmp_path: Path) -> None:
    own = {"match": {"path": "/v2/models/taxi/infer"}, "route": {"cluster": "taxi-stable", "timeout": "3s"}}
    other = {"match": {"prefix": "/other"}, "route": {"cluster": "other"}}
    mirrored = {
        "match": {"prefix": "/"},
        "route": {"cluster": "taxi-stable", "request_mirror_policies": [{"cluster": "log"}]},
    }
    host = {"name": "models", "domains": ["models.example.org"], "routes": [own, other, mirrored]}
    document = {"resources": [{"@type": "x", "name": "weighbridge", "virtual_hosts": [host]}], "nonce": "kept"}
    (tmp_path / "routes.json").write_text(json.dumps(document))
    Envoy(tmp_path, stable="taxi-stable", canary="taxi-canary").apply(SHADOW)
    written = json.loads((tmp_path / "routes.json").read_text())
    [first, second, third] = written["resources"][0]["virtual_hosts"][0]["routes"]
    assert written["nonce"] == "kept"
    assert first["match"] == own["match"]
    assert first["route"]["timeout"] == "3s"
    assert "cluster" not in first["route"]
    assert second == other
    assert [each["cluster"] for each in third["route"]["request_mirror_policies"]] == ["log", "taxi-canary"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "holds no routes of Envoy"),
        ("{}", "holds no routes of Envoy"),
        ('{"resources": []}', "No route in"),
        ('{"resources": [{"virtual_hosts": [{"routes": [{"route": {"cluster": "other"}}]}]}]}', "No route in"),
    ],
)
def test_a_file_that_is_none_of_ours_is_left_alone(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "routes.json"
    path.write_text(content)
    with pytest.raises(UsageError, match=words):
        Envoy(tmp_path).apply(SHADOW)
    assert path.read_text() == content


def test_options_that_are_wrong(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no folder"):
        Envoy(tmp_path / "missing")
    with pytest.raises(UsageError, match="no two clusters"):
        Envoy(tmp_path, stable="a", canary="a")
    with pytest.raises(UsageError, match="no address"):
        Envoy(tmp_path, "localhost:9901")


def test_a_full_disk_leaves_the_routes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Envoy(tmp_path).apply(percent(1))
    before = (tmp_path / "routes.json").read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("weighbridge.rollout.envoy.files.write_json", full)
    with pytest.raises(InfrastructureError, match="No space left"):
        Envoy(tmp_path).apply(percent(50))
    assert (tmp_path / "routes.json").read_bytes() == before


def test_an_envoy_that_does_not_answer_is_a_problem(tmp_path: Path) -> None:
    proxy = Envoy(tmp_path, "http://127.0.0.1:1", wait_s=0.1)
    proxy.apply(percent(1))
    assert "does not answer" in proxy.problem()


@contextmanager
def answering(name: str) -> Iterator[int]:
    """A server on loopback that answers with its name; the port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(name)))
            self.end_headers()
            self.wfile.write(name.encode())

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_real_envoy_takes_it_and_says_when_it_does_not(tmp_path: Path) -> None:
    with (
        answering("stable") as stable,
        answering("canary") as canary,
        envoy_proxy(tmp_path, stable=stable, canary=canary) as proxy,
    ):
        traffic = Envoy(tmp_path, proxy.admin)

        def answers(count: int) -> list[str]:
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            return [opener.open(proxy.url, timeout=10).read().decode() for _ in range(count)]

        traffic.apply(percent(100))
        assert traffic.problem() == ""
        assert set(answers(10)) == {"canary"}
        traffic.apply(percent(50))
        assert traffic.problem() == ""
        assert 10 < answers(100).count("canary") < 90
        before = proxy.answered("canary")
        traffic.apply(SHADOW)
        assert traffic.problem() == ""
        assert set(answers(20)) == {"stable"}
        wait_until(lambda: proxy.answered("canary") >= before + 20, "the copies")
        # A route that Envoy does not take: it goes on with the last that it took.
        document = json.loads((tmp_path / "routes.json").read_text())
        document["resources"][0]["virtual_hosts"][0]["domains"] = []
        (tmp_path / "routes.json").write_text(json.dumps(document))
        traffic.wait_s = 1.0
        traffic.apply(percent(50))
        assert "does not route by" in traffic.problem()
        assert "rejected" in traffic.problem()
        assert set(answers(10)) == {"stable"}
