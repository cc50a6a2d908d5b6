"""The Prometheus that tests ask is a real one: it scrapes, follows its targets, and keeps its data when killed."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.patience import wait_until
from tests.prometheus_server import prometheus_server
from tests.server_process import answers


class _Exporter(ThreadingHTTPServer):
    daemon_threads = True
    scraped = 0


class _Metrics(BaseHTTPRequestHandler):
    server: _Exporter

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.server.scraped += 1
        self.wfile.write(b"scraped_total %d\n" % self.server.scraped)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def exporter() -> Iterator[_Exporter]:
    with _Exporter(("127.0.0.1", 0), _Metrics) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.mark.slow
def test_it_scrapes_keeps_its_data_and_follows_its_targets(exporter: _Exporter, tmp_path: Path) -> None:
    with prometheus_server(tmp_path / "prometheus", exporter.server_port) as server:
        server.wait_for("scraped_total > 2")
        server.kill()
        assert not answers(f"{server.url}/-/ready")
        at_the_end = exporter.scraped
        server.start()
        server.wait_for(f"scraped_total > {at_the_end + 1}")
        assert server.wait_for("min_over_time(scraped_total[10m])") <= 3  # from before it was killed
        server.scrape()
        wait_until(lambda: server.number("scraped_total") is None, "the end of scraping")
