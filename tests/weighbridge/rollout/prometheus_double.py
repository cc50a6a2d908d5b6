"""A stand-in for Prometheus: its HTTP API for `time()` and for ranges of a selector, over samples that a test writes.

As unkind as the real one: it knows no series before their first sample, answers an unknown name with success and
nothing, and can be told to answer with errors, something else, or not at all.
"""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

_RANGE = re.compile(r"(?P<name>[a-zA-Z_:][\w:]*)(?P<labels>\{.*\})?\[(?P<ms>\d+)ms\]", re.DOTALL)
_LABEL = re.compile(r'(\w+)(=~|=)"((?:[^"\\]|\\.)*)"')


@dataclass
class Samples:
    """Series by name and labels; times are those of the clock, or of `now`."""

    clock: Callable[[], float] = time.time
    series: dict[tuple[str, tuple[tuple[str, str], ...]], list[tuple[float, float]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    answer: Callable[[str], tuple[int, bytes] | None] = lambda query: None  # in place of the right one
    warnings: list[str] = field(default_factory=list)  # as Thanos has where a store does not answer
    before: Callable[[], None] = lambda: None  # is called before each answer, to scrape

    def add(self, name: str, value: float, at: float, **labels: str) -> None:
        self.series.setdefault((name, tuple(sorted(labels.items()))), []).append((at, value))

    def query(self, query: str, at: float) -> dict[str, Any]:
        if query == "time()":
            return {"resultType": "scalar", "result": [self.clock(), str(self.clock())]}
        asked = _RANGE.fullmatch(query)
        if asked is None:
            raise ValueError(f"parse error: {query}")
        wanted = _LABEL.findall(asked["labels"] or "")
        start = at - int(asked["ms"]) / 1000
        result = []
        for (name, labels), samples in list(self.series.items()):
            if name != asked["name"] or not all(_matches(dict(labels), *each) for each in wanted):
                continue
            values = [[when, str(value)] for when, value in samples if start < when <= at]
            if values:
                result.append({"metric": {"__name__": name, **dict(labels)}, "values": values})
        return {"resultType": "matrix", "result": result}


@contextmanager
def prometheus(samples: Samples) -> Iterator[str]:
    """Serve the samples on loopback; the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            fields = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            query = fields["query"][0]
            samples.asked.append(query)
            samples.headers.append(dict(self.headers))
            samples.before()
            other = samples.answer(query)
            if other is not None:
                self._send(*other)
                return
            try:
                data = samples.query(query, float(fields.get("time", [samples.clock()])[0]))
                told = {"warnings": samples.warnings} if samples.warnings else {}
                self._send(200, json.dumps({"status": "success", "data": data, **told}).encode())
            except ValueError as error:
                wrong = {"status": "error", "errorType": "bad_data", "error": str(error)}
                self._send(400, json.dumps(wrong).encode())

        def _send(self, code: int, data: bytes) -> None:
            self.send_response(code)
            if code in (301, 302):
                self.send_header("Location", "http://127.0.0.1:1/login")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _matches(labels: dict[str, str], name: str, sign: str, value: str) -> bool:
    there = labels.get(name, "")
    return there == value if sign == "=" else re.fullmatch(value, there) is not None
