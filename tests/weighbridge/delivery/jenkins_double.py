"""A Jenkins that answers what a build's approver is asked of, made from the sources of core, Stapler and the plugin.

From hudson.model.Run: `building`. From hudson.model.Actionable: `actions`, one object per action, with `_class` as
Stapler writes it whatever `tree` names, and empty for an action that exports nothing. From pipeline-input-step:
`ApproverAction`, one per answer, with `userId`. From core's security: 401 for a wrong token, 403 for who may see
nothing at all, 404 for a job that one may not see.
"""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

APPROVER = "org.jenkinsci.plugins.workflow.support.steps.input.ApproverAction"


@dataclass
class Jenkins:
    """What the double knows, and what it was asked.

    Attributes:
        url: its address.
        build: path of the one build that it has.
        building: that has not ended.
        approvers: who approved it.
        users: name and token of those who may see it; without any, everybody may.
        status: answered to everything instead, with `location` as the header of that name.
        body: answered instead of the build.
        asked: path and user of each request.
    """

    url: str = ""
    build: str = "/job/weighbridge/job/delivery/job/main/7/"
    building: bool = True
    approvers: list[str] = field(default_factory=list)
    users: dict[str, str] = field(default_factory=dict)
    status: int = 200
    location: str = ""
    body: bytes = b""
    asked: list[tuple[str, str]] = field(default_factory=list)

    @property
    def job(self) -> str:
        """Address of the job that delivers."""
        return f"{self.url}/job/weighbridge/job/delivery/"

    @property
    def build_url(self) -> str:
        """Address of the build."""
        return self.url + self.build

    def answer(self, path: str, authorization: str) -> tuple[int, bytes]:
        """Status and body for a request."""
        user, _, token = base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
        asked = urlsplit(path)
        self.asked.append((asked.path, user))
        if self.status != 200:
            return self.status, b"<html>"
        if user and self.users.get(user) != token:
            return 401, b"<html>"
        if self.users and not user:
            return 403, b"<html>"
        if asked.path != f"{self.build}api/json":
            return 404, b"<html>"
        assert parse_qs(asked.query)["tree"] == ["building,actions[_class,userId]"]
        return 200, self.body or json.dumps(self.described()).encode()

    def described(self) -> dict[str, object]:
        """The build, as Stapler writes it."""
        others: list[dict[str, str]] = [{"_class": "hudson.model.CauseAction"}, {}, {"_class": "hudson.tasks.X"}]
        given = [{"_class": APPROVER, "userId": user} for user in self.approvers]
        # Of another class: whoever scheduled the build, say.
        others.append({"_class": "org.example.SchedulerAction", "userId": "mallory"})
        return {
            "_class": "org.jenkinsci.plugins.workflow.job.WorkflowRun",
            "actions": others[:2] + given + others[2:],
            "building": self.building,
        }


@contextmanager
def jenkins() -> Iterator[Jenkins]:
    """A double that listens on this machine."""
    made = Jenkins()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = made.answer(self.path, self.headers.get("Authorization", ""))
            self.send_response(status)
            if made.location:
                self.send_header("Location", made.location)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    made.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
