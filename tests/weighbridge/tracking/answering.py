"""A server that gives every request the same answer: a substitute for MLflow's where that is out of order."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Answers:
    """What it answers, and what it was asked."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    uri: str = ""


@contextmanager
def answering(status: int, body: bytes = b"{}", **headers: str) -> Iterator[Answers]:
    """The server, on a free port of loopback."""
    answers = Answers(status, body, {name.replace("_", "-"): value for name, value in headers.items()})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            self.rfile.read(length)
            answers.asked.append((self.path, dict(self.headers)))
            self.send_response(answers.status)
            for name, value in {"Content-Length": str(len(answers.body)), **answers.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answers.body)

        do_POST = do_PUT = do_PATCH = do_GET

        def log_message(self, *_args: object) -> None:
            pass

    served = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=served.serve_forever, args=(0.02,), daemon=True).start()
    answers.uri = f"http://127.0.0.1:{served.server_port}"
    try:
        yield answers
    finally:
        served.shutdown()
        served.server_close()
