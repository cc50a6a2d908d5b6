"""Requests to a service's REST API, and what its refusals come to: a usage error, or one that a retry may mend."""

import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit

from weighbridge.common import progress
from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.common.text import clean

_TIMEOUT_S = (10, 30)  # to connect, and between two bytes
# A command may wait this long, in all, for a service that asks to be left alone for a while.
PATIENCE_S = 60.0


class Api:
    """A REST API.

    Args:
        service: its name in messages.
        root: its address.
        headers: of every request.
        secret: is never shown.
        sleep: waits so many seconds.
    """

    def __init__(
        self, service: str, root: str, headers: dict[str, str], secret: str, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        import requests

        self._service, self._root, self._headers, self._secret = service, root, headers, secret
        self._sleep, self._patience = sleep, PATIENCE_S
        self._session = requests.Session()
        self._session.auth = self._authorise

    def call(self, method: str, path: str, *, needs: str, accept: Collection[int] = (), **content: Any) -> Any:
        """One request.

        Args:
            method: such as `POST`.
            path: below the root, beginning with a slash.
            needs: the permission that it takes, for messages.
            accept: statuses for which None is returned instead of an error.
            content: the body, as `requests` takes it: `json` or `files`.

        Returns:
            The JSON document that is answered; None for a status of `accept`, or where nothing is answered.

        Raises:
            UsageError: the service refuses what is asked, or asking it with this token.
            InfrastructureError: it cannot be reached, is down, or asks to be left alone for longer than one waits.
        """
        answer = self._send(method, self._root + path, **content)
        if answer.status_code in accept:
            return None
        self._check(answer, method, path, needs)
        return self._document(answer)

    def pages(self, path: str, *, needs: str) -> Iterator[dict[str, Any]]:
        """The items of a list, from all of its pages.

        Raises:
            UsageError, InfrastructureError: see `call`.
        """
        address = self._root + path
        while address:
            answer = self._send("GET", address)
            self._check(answer, "GET", path, needs)
            yield from self._document(answer)
            following = answer.links.get("next", {}).get("url", "")
            address = urljoin(address, following) if following else ""
            if address and _origin(address) != _origin(self._root):
                raise InfrastructureError(f"{self._service} points to another host for the rest of {path}")

    def _authorise(self, request: Any) -> Any:
        # As headers of the session, a ~/.netrc of the agent would replace them.
        request.headers.update(self._headers)
        return request

    def _send(self, method: str, address: str, **content: Any) -> Any:
        import requests

        while True:
            try:
                # Where a POST is redirected it becomes a GET, which answers 200 and has written nothing.
                with progress.waiting(f"{self._service} at {_origin(address)}"):
                    answer = self._session.request(
                        method, address, timeout=_TIMEOUT_S, allow_redirects=method == "GET", **content
                    )
            except requests.RequestException as error:
                why = "no answer in time" if isinstance(error, requests.Timeout) else type(error).__name__
                raise InfrastructureError(
                    f"{self._service} cannot be reached at {_origin(address)}: {why}", "Try again."
                ) from None
            wait = _asks_to_wait(answer)
            if wait is None:
                return answer
            if wait > self._patience:
                raise InfrastructureError(
                    f"{self._service} limits the requests of this token ({answer.status_code})",
                    f"Try again in {wait:.0f} s.",
                )
            self._patience -= wait
            self._sleep(wait)

    def _check(self, answer: Any, method: str, path: str, needs: str) -> None:
        status = answer.status_code
        if status < 300:
            return
        said = f"{self._service} answers {status} to {method} {path.partition('?')[0]}{self._message(answer)}"
        if status >= 500:
            raise InfrastructureError(said, "Try again.")
        if status == 401:
            raise UsageError(said, "The token is wrong or has expired.")
        if status in (403, 404):
            # What a token may not see is told as 404, lest it learns what there is.
            raise UsageError(said, f"The token needs the permission {needs}.")
        raise UsageError(said)

    def _message(self, answer: Any) -> str:
        """What the service says itself, if it does."""
        try:
            message = answer.json()["message"]
        except (ValueError, KeyError, TypeError):
            return ""
        line = " ".join(clean(message).split()).replace(self._secret, "***")
        return f": {line if len(line) <= 200 else f'{line[:100]}…{line[-99:]}'}"

    def _document(self, answer: Any) -> Any:
        if not answer.content:
            return None
        try:
            return answer.json()
        except ValueError:
            raise InfrastructureError(
                f"{self._service} answers no JSON at {_origin(answer.url)}", "Is there a proxy in between?"
            ) from None


def _asks_to_wait(answer: Any) -> float | None:
    """Seconds until the next request is welcome; None where this one was.

    GitHub says 403 or 429 for its limits, with `Retry-After`, or with no requests left until `X-RateLimit-Reset`, or
    with neither, which means a minute. A 403 that speaks of no limit is a permission that is missing.
    """
    if answer.status_code not in (403, 429):
        return None
    headers = answer.headers
    if (after := headers.get("Retry-After", "")).isdecimal():
        return float(after)
    if headers.get("X-RateLimit-Remaining") == "0" and headers.get("X-RateLimit-Reset", "").isdecimal():
        return max(float(headers["X-RateLimit-Reset"]) - time.time(), 1.0)
    return 60.0 if answer.status_code == 429 or "rate limit" in answer.text.lower() else None


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def github_api(server: str) -> str:
    """GitHub's API: of github.com and of companies on ghe.com a host of its own, else below the server's.

    Args:
        server: its host, and port where that is not the usual one.
    """
    own = server == "github.com" or server.endswith(".ghe.com")
    return f"https://api.{server}" if own else f"https://{server}/api/v3"


def github_headers(token: str) -> dict[str, str]:
    """Headers of every request to GitHub's REST API, version 2022-11-28."""
    return {
        "Accept": "application/vnd.github+json",
        "Authorization": f"Bearer {token}",
        "X-GitHub-Api-Version": "2022-11-28",
    }


def build_page(environment: Mapping[str, str]) -> str:
    """The page of the build that this is part of: of Jenkins, GitLab or GitHub Actions; empty where none is told."""
    server, project, run = (environment.get(f"GITHUB_{name}") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID"))
    actions = f"{server}/{project}/actions/runs/{run}" if server and project and run else ""
    found = environment.get("BUILD_URL") or environment.get("CI_JOB_URL") or actions
    # It becomes a link: whatever would end one has no place in it.
    return found if re.fullmatch(r"https?://[^\s()<>\"']+", found) else ""
