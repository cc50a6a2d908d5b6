"""The Envoy that other tests send requests through is a real one: it weighs, mirrors, and follows its files."""

import threading
import urllib.request
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.envoy_proxy import envoy_proxy
from tests.patience import wait_until


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, name: str) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.name, self.asked = name, 0
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        self.server.asked += 1
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.server.name)))
        self.end_headers()
        self.wfile.write(self.server.name.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def servers() -> Iterator[tuple[_Server, _Server]]:
    made = _Server("stable"), _Server("canary")
    yield made
    for server in made:
        server.shutdown()
        server.server_close()


@pytest.mark.slow
def test_it_weighs_mirrors_and_follows_its_files(servers: tuple[_Server, _Server], tmp_path: Path) -> None:
    stable, canary = servers
    with envoy_proxy(tmp_path / "envoy", stable=stable.server_port, canary=canary.server_port) as proxy:

        def ask(requests: int) -> Counter[str]:
            return Counter(urllib.request.urlopen(proxy.url).read().decode() for _ in range(requests))

        assert ask(20) == {"stable": 20}
        proxy.routes({"stable": 5_000, "canary": 5_000})
        wait_until(lambda: ask(1)["canary"], "a request to the canary")
        seen = ask(200)
        assert 40 < seen["canary"] < 160  # of a fair coin, but for one time in 10^16
        proxy.routes({"stable": 10_000}, mirror="canary")
        wait_until(
            lambda: (
                proxy.stats("http.models.rds.weighbridge.update_success")
                == {"http.models.rds.weighbridge.update_success": 3}
            ),
            "the routes",
        )
        before = canary.asked
        assert ask(20) == {"stable": 20}
        wait_until(lambda: canary.asked == before + 20, "copies of all requests")
        assert proxy.answered("canary") >= before
        (proxy.folder / "new").write_text("no routes")
        (proxy.folder / "new").replace(proxy.folder / "routes.json")
        wait_until(
            lambda: any(
                "reject" in name or "fail" in name for name, value in proxy.stats("http.models.rds").items() if value
            ),
            "the refusal",
        )
        assert ask(20) == {"stable": 20}
        proxy.wait_for_clusters(stable=canary.server_port)
        wait_until(lambda: ask(1)["canary"], "the other server")
