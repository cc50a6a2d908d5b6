"""A pull request on GitHub, through its REST API (version 2022-11-28, Enterprise Server 3.9 or later)."""

import random
import time
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote

from weighbridge.ci.comment.place import Place
from weighbridge.ci.comment.services import Comment, Drawing
from weighbridge.common.errors import InfrastructureError
from weighbridge.common.rest import Api, github_headers

PICTURES_BRANCH = "weighbridge-pictures"

_COMMENT = "pull-requests: write"
_STORE = "contents: write"
# So many builds at once may move the branch between our reading and our writing it.
_TRIES = 6


class GitHub:
    """See `Service`."""

    def __init__(self, place: Place, sleep: Callable[[float], None] = time.sleep) -> None:
        self._api = Api("GitHub", place.api, github_headers(place.token), place.token, sleep)
        self._place, self._sleep = place, sleep
        self._repository = f"/repos/{place.project}"

    def author(self) -> str:
        """The token's user; empty for an app, such as GitHub Actions, which may not ask who it is."""
        found = self._api.call("GET", "/user", needs="to read its own user", accept=(403, 404))
        return found["login"] if found else ""

    def comments(self) -> list[Comment]:
        """All comments: to GitHub a pull request's are those of the issue of its number."""
        path = f"{self._repository}/issues/{self._place.number}/comments?per_page=100"
        return [_comment(each) for each in self._api.pages(path, needs="pull-requests: read")]

    def create(self, text: str) -> Comment:
        """Add a comment."""
        path = f"{self._repository}/issues/{self._place.number}/comments"
        return _comment(self._api.call("POST", path, needs=_COMMENT, json={"body": text}))

    def replace(self, comment: Comment, text: str) -> Comment:
        """Give a comment another text."""
        path = f"{self._repository}/issues/comments/{comment.id}"
        return _comment(self._api.call("PATCH", path, needs=_COMMENT, json={"body": text}))

    def delete(self, comment: Comment) -> None:
        """Remove a comment."""
        self._api.call("DELETE", f"{self._repository}/issues/comments/{comment.id}", needs=_COMMENT)

    def store(self, drawings: Sequence[Drawing], label: str) -> list[str]:
        """Commit pictures onto a branch of their own, which has nothing of the code in its history.

        A comment shows no data URI, and GitHub's proxy for pictures reaches no private CI server; a file of the
        repository is shown to whoever may read the repository. Each commit holds its own pictures alone: earlier
        ones stay in the history, where earlier comments point to.
        """
        paths = [f"pull-{self._place.number}/{label}/{drawing.name}" for drawing in drawings]
        entries = [
            {"path": path, "mode": "100644", "type": "blob", "content": drawing.svg}
            for path, drawing in zip(paths, drawings, strict=True)
        ]
        tree = self._git("POST", "trees", json={"tree": entries})["sha"]
        commit = self._commit(tree, f"Pictures of pull request {self._place.number}, {label}")
        home = self._place.page.rpartition("/pull/")[0]
        return [f"{home}/blob/{commit}/{quote(path)}?raw=true" for path in paths]

    def _commit(self, tree: str, message: str) -> str:
        """Commit a tree on top of the branch, or as its first commit; again where another build was faster."""
        for attempt in range(_TRIES):
            if attempt:
                self._sleep(random.uniform(0.5, 1.5) * attempt)  # noqa: S311  # no secret: it parts two builds
            found = self._git("GET", f"ref/heads/{PICTURES_BRANCH}", accept=(404,))
            parents = [found["object"]["sha"]] if found else []
            content = {"message": message, "tree": tree, "parents": parents}
            commit = self._git("POST", "commits", json=content)["sha"]
            # 422 is GitHub's word for a branch that is there by now, and for one that moved on.
            if found:
                moved = {"sha": commit, "force": False}
                done = self._git("PATCH", f"refs/heads/{PICTURES_BRANCH}", json=moved, accept=(422,))
            else:
                made = {"ref": f"refs/heads/{PICTURES_BRANCH}", "sha": commit}
                done = self._git("POST", "refs", json=made, accept=(422,))
            if done:
                return commit
        raise InfrastructureError(
            f"The branch {PICTURES_BRANCH} of {self._place.project} could not be moved forward in {_TRIES} tries",
            "Is it protected? Other builds may be writing to it: try again.",
        )

    def _git(self, method: str, path: str, **content: Any) -> Any:
        return self._api.call(method, f"{self._repository}/git/{path}", needs=_STORE, **content)


def _comment(found: dict[str, Any]) -> Comment:
    # The author of a comment may have left GitHub, and the text may be empty.
    user = found.get("user") or {}
    program = user.get("type") == "Bot"
    return Comment(found["id"], found.get("body") or "", user.get("login", ""), program, found.get("html_url", ""))
