"""A double of GitHub's REST API on loopback: no more than a comment takes, with the refusals that GitHub has.

Its shapes are those of GitHub's documentation, version 2022-11-28. It keeps git objects as git does: a tree and a
commit are named by what they hold, a branch moves forward only.
"""

import hashlib
import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

BRANCH = "weighbridge-pictures"
TOKEN = "ghp_0123456789abcdef"
Refusal = tuple[int, dict[str, Any], dict[str, str]]


@dataclass
class User:
    """Whose a token is; one of an app may not ask who it is."""

    login: str
    app: bool = False
    may: set[str] = field(default_factory=lambda: {"pull-requests", "contents"})
    # What GitHub says to a token that lacks a permission: 403, or 404 where it must not learn what there is.
    denial: int = 403


class GitHubDouble:
    """The repository acme/shop with its pull request 12."""

    def __init__(self) -> None:
        self.users: dict[str, User] = {}
        self.comments: list[dict[str, Any]] = []
        self.objects: dict[str, dict[str, Any]] = {"main-commit": {"kind": "commit", "parents": [], "tree": ""}}
        self.refs = {"refs/heads/main": "main-commit"}
        self.requests: list[tuple[str, str]] = []
        # Answers that come before those of the repository, in this order.
        self.refusals: list[Refusal] = []
        # Called before a request is answered, for what another build does meanwhile.
        self.meanwhile: Callable[[str, str], None] = lambda method, path: None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"double": self}))
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def add_comment(self, login: str, text: str, app: bool = False) -> dict[str, Any]:
        number = 1000 + len(self.comments)
        user = {"login": login, "type": "Bot" if app else "User"}
        url = f"https://github.com/acme/shop/pull/12#issuecomment-{number}"
        self.comments.append({"id": number, "body": text, "user": user, "html_url": url})
        return self.comments[-1]

    def texts(self) -> list[str]:
        return [comment["body"] for comment in self.comments]

    def written(self) -> list[tuple[str, str]]:
        return [(method, path) for method, path in self.requests if method != "GET"]

    def put(self, kind: str, **content: Any) -> str:
        name = hashlib.sha1(json.dumps([kind, content], sort_keys=True).encode()).hexdigest()
        self.objects[name] = {"kind": kind, **content}
        return name

    def commit_elsewhere(self) -> None:
        """What another build does: it stores pictures of its own."""
        branch = f"refs/heads/{BRANCH}"
        parents = [self.refs[branch]] if branch in self.refs else []
        self.refs[branch] = self.put("commit", tree=self.put("tree", entries={}), parents=parents, message="other")

    def history(self, name: str = BRANCH) -> list[str]:
        """Commits of a branch, the latest first."""
        found = [self.refs[f"refs/heads/{name}"]]
        while parents := self.objects[found[-1]]["parents"]:
            found.append(parents[0])
        return found

    def file(self, address: str) -> str:
        """What a reader sees at an address `https://github.com/acme/shop/blob/<commit>/<path>?raw=true`."""
        parts = urlsplit(address)
        assert parts.query == "raw=true"
        found = re.fullmatch(r"/acme/shop/blob/([0-9a-f]{40})/(.+)", parts.path)
        assert found is not None
        return self.objects[self.objects[found[1]]["tree"]]["entries"][unquote(found[2])]

    def answer(self, method: str, address: str, headers: Any, body: dict[str, Any]) -> Refusal:
        parts = urlsplit(address)
        path = re.sub(r"^/repositories/1/", "/repos/acme/shop/", parts.path)
        self.requests.append((method, path))
        self.meanwhile(method, path)
        if self.refusals:
            return self.refusals.pop(0)
        if not headers.get("User-Agent"):
            return _refused(403, "Request forbidden by administrative rules.")
        user = self.users.get(headers.get("Authorization", "").removeprefix("Bearer "))
        if user is None:
            return _refused(401, "Bad credentials")
        if path == "/user":
            if user.app:
                return _refused(403, "Resource not accessible by integration")
            return 200, {"login": user.login, "type": "User"}, {}
        if path.startswith("/repos/acme/shop/issues/"):
            return self._issues(method, path.removeprefix("/repos/acme/shop/issues/"), parts.query, user, body)
        if path.startswith("/repos/acme/shop/git/"):
            return self._git(method, path.removeprefix("/repos/acme/shop/git/"), user, body)
        return _refused(404, "Not Found")

    def _issues(self, method: str, path: str, query: str, user: User, body: dict[str, Any]) -> Refusal:
        if method != "GET" and "pull-requests" not in user.may:
            return _denied(user)
        if method != "GET" and method != "DELETE" and (refusal := _wrong_text(body)):
            return refusal
        if path == "12/comments" and method == "GET":
            return self._listed(parse_qs(query))
        if path == "12/comments" and method == "POST":
            return 201, self.add_comment(user.login, body["body"], user.app), {}
        found = re.fullmatch(r"comments/(\d+)", path)
        comment = next((each for each in self.comments if found and str(each["id"]) == found[1]), None)
        if comment is None:
            return _refused(404, "Not Found")
        if comment["user"]["login"] != user.login:
            return _refused(403, "Must have admin rights to Repository.")
        if method == "DELETE":
            self.comments.remove(comment)
            return 204, {}, {}
        comment["body"] = body["body"]
        return 200, comment, {}

    def _listed(self, query: dict[str, list[str]]) -> Refusal:
        size = min(int(query.get("per_page", ["30"])[0]), 100)
        page = int(query.get("page", ["1"])[0])
        shown = self.comments[(page - 1) * size : page * size]
        links = {}
        if page * size < len(self.comments):
            # GitHub leads on by the repository's number, not by its name.
            following = f"{self.url}/repositories/1/issues/12/comments?per_page={size}&page={page + 1}"
            links = {"Link": f'<{following}>; rel="next", <{following}>; rel="last"'}
        return 200, shown, links  # type: ignore[return-value]

    def _git(self, method: str, path: str, user: User, body: dict[str, Any]) -> Refusal:
        if method != "GET" and "contents" not in user.may:
            return _denied(user)
        if method == "GET":
            name = path.replace("ref/", "refs/", 1)
            if name not in self.refs:
                return _refused(404, "Not Found")
            return 200, {"ref": name, "object": {"type": "commit", "sha": self.refs[name]}}, {}
        if path == "trees":
            return self._tree(body)
        if path == "commits":
            if not body.get("message") or self._kind(body.get("tree")) != "tree":
                return _refused(422, "Tree SHA does not exist")
            if [parent for parent in body.get("parents", []) if self._kind(parent) != "commit"]:
                return _refused(422, "Parent SHA does not exist or is not a commit object")
            return 201, {"sha": self.put("commit", **body)}, {}
        return self._ref(method, path, body)

    def _tree(self, body: dict[str, Any]) -> Refusal:
        entries = body.get("tree")
        if not isinstance(entries, list) or not entries:
            return _refused(422, "Invalid request. Missing required keys.")
        for entry in entries:
            if entry.get("mode") != "100644" or entry.get("type") != "blob" or not entry.get("path"):
                return _refused(422, "tree.mode must be one of 100644 and tree.type one of blob")
            if entry["path"].startswith("/") or ".." in entry["path"].split("/"):
                return _refused(422, "tree.path contains a malformed path component")
        return 201, {"sha": self.put("tree", entries={entry["path"]: entry["content"] for entry in entries})}, {}

    def _ref(self, method: str, path: str, body: dict[str, Any]) -> Refusal:
        if self._kind(body.get("sha")) != "commit":
            return _refused(422, "Object does not exist")
        if path == "refs" and method == "POST":
            if body["ref"] in self.refs:
                return _refused(422, "Reference already exists")
            self.refs[body["ref"]] = body["sha"]
            return 201, {"ref": body["ref"], "object": {"sha": body["sha"]}}, {}
        if path not in self.refs:
            return _refused(422, "Reference does not exist")
        if not body.get("force") and self.refs[path] not in self.objects[body["sha"]]["parents"]:
            return _refused(422, "Update is not a fast forward")
        self.refs[path] = body["sha"]
        return 200, {"ref": path, "object": {"sha": body["sha"]}}, {}

    def _kind(self, name: Any) -> str:
        return self.objects.get(name, {}).get("kind", "")


def _refused(status: int, message: str) -> Refusal:
    return status, {"message": message, "documentation_url": "https://docs.github.com/rest", "status": str(status)}, {}


def _denied(user: User) -> Refusal:
    return _refused(user.denial, "Not Found" if user.denial == 404 else "Resource not accessible by integration")


def _wrong_text(body: dict[str, Any]) -> Refusal | None:
    text = body.get("body")
    if not isinstance(text, str) or not text.strip():
        return _refused(422, "Validation Failed: Body can't be blank")
    if len(text) > 65_536:
        return _refused(422, "Validation Failed: Body is too long (maximum is 65536 characters)")
    return None


class _Handler(BaseHTTPRequestHandler):
    double: GitHubDouble

    def _handle(self) -> None:
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, document, headers = self.double.answer(
            self.command, self.path, self.headers, json.loads(data) if data else {}
        )
        content = b"" if status == 204 else json.dumps(document).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json; charset=utf-8", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PATCH = do_DELETE = _handle

    def log_message(self, *_args: Any) -> None:
        pass
