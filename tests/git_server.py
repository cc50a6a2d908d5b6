"""A Git server on loopback: Git's own program for it (`git http-backend`) behind Python's HTTP server, with basic auth.

It answers as GitHub does: 401 without a name and a password, 403 to a push of who may only read, 404 for what is not
there.
"""

import base64
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from tests.config_repository import ISOLATED


class GitServer:
    """Serves the repositories of a folder.

    Args:
        root: the folder.
        users: passwords by name; empty where nobody is asked.
        readers: who may not push.
    """

    def __init__(self, root: Path, users: dict[str, str] | None = None, readers: tuple[str, ...] = ()) -> None:
        self.root, self.users, self.readers = root, users or {}, readers
        self.seen: list[tuple[str, str, str]] = []  # method, path, user
        self.broken = False  # answers 503
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"git": self}))
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        """Its address, without a slash at its end."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def address(self, repository: str, folder: str = "taxi") -> str:
        """Of a folder in a repository below the root."""
        return f"git+{self.url}/{repository}//{folder}?ref=main"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def git_server(root: Path, users: dict[str, str] | None = None, readers: tuple[str, ...] = ()) -> Iterator[GitServer]:
    """A server that ends with the block."""
    server = GitServer(root, users, readers)
    try:
        yield server
    finally:
        server.close()


class _Handler(BaseHTTPRequestHandler):
    git: GitServer
    protocol_version = "HTTP/1.0"

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def log_message(self, *_: object) -> None:
        pass

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        given = self.headers.get("Authorization", "").removeprefix("Basic ")
        name, _, password = base64.b64decode(given).decode().partition(":")
        self.git.seen.append((self.command, self.path, name))
        if self.git.broken:
            self.send_error(503)
        elif self.git.users and self.git.users.get(name) != password:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="Git"')
            self.end_headers()
        elif name in self.git.readers and "git-receive-pack" in self.path:
            self.send_error(403)
        else:
            self._run(parts.path, parts.query, name)

    def _run(self, path: str, query: str, name: str) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        environment = (
            os.environ
            | ISOLATED
            | {
                "GIT_PROJECT_ROOT": str(self.git.root),
                "GIT_HTTP_EXPORT_ALL": "1",
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(len(body)),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                "REMOTE_USER": name or "nobody",  # or pushes are refused
                "REMOTE_ADDR": "127.0.0.1",
            }
        )
        done = subprocess.run(["git", "http-backend"], input=body, env=environment, capture_output=True, check=False)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines() if ": " in line)
        self.send_response(int(headers.pop("Status", "200").split()[0]))
        for key, value in headers.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(content)
