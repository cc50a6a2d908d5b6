"""A merge request on GitLab, through its REST API (version 4)."""

import re
import time
from collections.abc import Callable, Sequence
from typing import Any

from weighbridge.ci.comment.place import Place
from weighbridge.ci.comment.services import Comment, Drawing
from weighbridge.common.errors import InfrastructureError
from weighbridge.common.rest import Api

_NEEDS = "api, with the role Developer"


class GitLab:
    """See `Service`."""

    def __init__(self, place: Place, sleep: Callable[[float], None] = time.sleep) -> None:
        self._api = Api("GitLab", place.api, {"PRIVATE-TOKEN": place.token}, place.token, sleep)
        self._project = f"/projects/{place.project}"
        self._notes = f"{self._project}/merge_requests/{place.number}/notes"
        self._page = place.page

    def author(self) -> str:
        """The token's user; the token of a project has one of its own."""
        return self._api.call("GET", "/user", needs=_NEEDS)["username"]

    def comments(self) -> list[Comment]:
        """All notes but those that GitLab writes itself."""
        found = self._api.pages(f"{self._notes}?per_page=100&sort=asc&order_by=created_at", needs=_NEEDS)
        return [self._comment(each) for each in found if not each.get("system")]

    def create(self, text: str) -> Comment:
        """Add a note."""
        return self._comment(self._api.call("POST", self._notes, needs=_NEEDS, json={"body": text}))

    def replace(self, comment: Comment, text: str) -> Comment:
        """Give a note another text."""
        return self._comment(self._api.call("PUT", f"{self._notes}/{comment.id}", needs=_NEEDS, json={"body": text}))

    def delete(self, comment: Comment) -> None:
        """Remove a note."""
        self._api.call("DELETE", f"{self._notes}/{comment.id}", needs=_NEEDS)

    def store(self, drawings: Sequence[Drawing], label: str) -> list[str]:
        """Upload pictures to the project: they are shown to whoever may see its merge requests."""
        return [self._upload(drawing, label) for drawing in drawings]

    def _upload(self, drawing: Drawing, label: str) -> str:
        file = (f"{label}-{drawing.name}", drawing.svg.encode(), "image/svg+xml")
        answer = self._api.call("POST", f"{self._project}/uploads", needs=_NEEDS, files={"file": file})
        # `![name](/uploads/…)`, which GitLab completes to the project's address.
        found = re.search(r"\]\(([^\s()]+)\)", answer["markdown"])
        if found is None:
            raise InfrastructureError("GitLab answers an upload with no Markdown to show it by")
        return found[1]

    def _comment(self, found: dict[str, Any]) -> Comment:
        author = found.get("author") or {}
        url = f"{self._page}#note_{found['id']}" if self._page else ""
        return Comment(found["id"], found.get("body") or "", author.get("username", ""), False, url)
