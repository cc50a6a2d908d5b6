"""The comment in a merge request on GitLab, against a double of its REST API (version 4)."""

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.weighbridge.ci.builds import refused_run
from weighbridge.ci.comment.post import Posted, post_comments
from weighbridge.ci.comment.text import marker
from weighbridge.common.errors import UsageError

TOKEN = "glpat-0123456789"
NOTES = "/api/v4/projects/42/merge_requests/7/notes"


class GitLabDouble(BaseHTTPRequestHandler):
    """Project 42 and its merge request 7."""

    notes: list[dict[str, Any]]
    uploads: dict[str, bytes]
    rights: set[str]

    def _handle(self) -> None:
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, document, headers = self._answer(data)
        content = b"" if status == 204 else json.dumps(document).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_DELETE = _handle

    def _answer(self, data: bytes) -> tuple[int, Any, dict[str, str]]:
        parts = urlsplit(self.path)
        if self.headers.get("PRIVATE-TOKEN") != TOKEN:
            return 401, {"message": "401 Unauthorized"}, {}
        if parts.path == "/api/v4/user":
            return 200, {"username": "project_42_bot"}, {}
        if parts.path == "/api/v4/projects/42/uploads" and self.command == "POST":
            return self._upload(data)
        if not parts.path.startswith(NOTES):
            return 404, {"message": "404 Project Not Found"}, {}
        if self.command == "GET":
            return self._listed(parse_qs(parts.query))
        if "notes" not in self.rights:
            return 403, {"message": "403 Forbidden"}, {}
        return self._written(parts.path.removeprefix(NOTES).strip("/"), json.loads(data) if data else {})

    def _upload(self, data: bytes) -> tuple[int, Any, dict[str, str]]:
        if "uploads" not in self.rights:
            return 403, {"message": "403 Forbidden"}, {}
        part = re.search(
            rb'name="file"; filename="([^"]+)"\r\nContent-Type: image/svg\+xml\r\n\r\n(.*)\r\n--', data, re.S
        )
        if part is None:
            return 400, {"error": "file is missing"}, {}
        url = f"/uploads/{len(self.uploads):032x}/{part[1].decode()}"
        self.uploads[url] = part[2]
        return 201, {"alt": "x", "url": url, "full_path": f"/-/project/42{url}", "markdown": f"![x]({url})"}, {}

    def _listed(self, query: dict[str, list[str]]) -> tuple[int, Any, dict[str, str]]:
        size, page = int(query["per_page"][0]), int(query.get("page", ["1"])[0])
        following = f"http://{self.headers['Host']}{NOTES}?per_page={size}&page={page + 1}"
        more = {"Link": f'<{following}>; rel="next"'} if page * size < len(self.notes) else {}
        return 200, self.notes[(page - 1) * size : page * size], more

    def _written(self, number: str, body: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
        found = next((note for note in self.notes if str(note["id"]) == number), None)
        if self.command == "POST" and not number:
            self.notes.append(note("project_42_bot", body["body"], len(self.notes)))
            return 201, self.notes[-1], {}
        if found is None or found["author"]["username"] != "project_42_bot":
            return 404, {"message": "404 Note Not Found"}, {}
        if self.command == "DELETE":
            self.notes.remove(found)
            return 204, None, {}
        found["body"] = body["body"]
        return 200, found, {}

    def log_message(self, *_args: Any) -> None:
        pass


def note(author: str, text: str, number: int, system: bool = False) -> dict[str, Any]:
    return {"id": number, "body": text, "author": {"username": author}, "system": system}


@pytest.fixture
def gitlab() -> Iterator[type[GitLabDouble]]:
    state = {"notes": [], "uploads": {}, "rights": {"notes", "uploads"}}
    handler = type("Handler", (GitLabDouble,), state)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    handler.port = server.server_port  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield handler
    server.shutdown()
    server.server_close()


def post(gitlab: type[GitLabDouble], tmp_path: Path, token: str = TOKEN) -> Posted:
    if not (tmp_path / "reports").exists():
        refused_run(tmp_path / "reports")
    environment = {
        "CI_API_V4_URL": f"http://127.0.0.1:{gitlab.port}/api/v4",  # type: ignore[attr-defined]
        "CI_PROJECT_ID": "42",
        "CI_MERGE_REQUEST_IID": "7",
        "CI_PROJECT_URL": "https://gitlab.acme.org/shop",
        "CI_JOB_URL": "https://gitlab.acme.org/shop/-/jobs/5",
        "GITLAB_TOKEN": token,
    }
    [posted] = post_comments(tmp_path / "reports", environment)
    return posted


def test_two_builds_make_one_note_with_pictures(gitlab: type[GitLabDouble], tmp_path: Path) -> None:
    for number in range(120):
        gitlab.notes.append(note("ada", f"{marker('taxi')} as I said", number))
    gitlab.notes.append(note("project_42_bot", marker("taxi"), 120, system=True))
    posted = post(gitlab, tmp_path)
    assert (posted.action, posted.pictures) == ("created", 2)
    assert posted.url == "https://gitlab.acme.org/shop/-/merge_requests/7#note_121"
    assert post(gitlab, tmp_path).action == "replaced"
    assert len(gitlab.notes) == 122
    text = gitlab.notes[-1]["body"]
    assert "REFUSED" in text
    addresses = re.findall(r"!\[[^]]*\]\(([^)]+)\)", text)
    assert [gitlab.uploads[address][:4] for address in addresses] == [b"<svg", b"<svg"]


def test_without_the_right_to_upload_the_note_has_no_pictures(gitlab: type[GitLabDouble], tmp_path: Path) -> None:
    gitlab.rights -= {"uploads"}
    posted = post(gitlab, tmp_path)
    assert posted.pictures == 0
    assert "403" in posted.warning


def test_a_token_that_may_not_comment_is_told_what_it_lacks(gitlab: type[GitLabDouble], tmp_path: Path) -> None:
    gitlab.rights -= {"notes"}
    with pytest.raises(UsageError, match="403") as raised:
        post(gitlab, tmp_path)
    assert "the permission api, with the role Developer" in raised.value.hint
    with pytest.raises(UsageError, match="401") as raised:
        post(gitlab, tmp_path, token="glpat-other")
    assert "glpat-other" not in str(raised.value)
