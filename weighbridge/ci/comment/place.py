"""Which pull request a build is of, as the CI server's environment tells it."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote, urlsplit

from weighbridge.common.environment import SERVICE_TOKENS
from weighbridge.common.errors import UsageError
from weighbridge.common.rest import build_page, github_api

Service = Literal["GitHub", "GitLab"]

_LOOKED_FOR = (
    "Looked for GITHUB_REPOSITORY with GITHUB_EVENT_PATH or GITHUB_REF=refs/pull/N/merge (GitHub Actions), "
    "CI_API_V4_URL with CI_PROJECT_ID and CI_MERGE_REQUEST_IID (GitLab), and CHANGE_URL with the address of a pull "
    "request on GitHub or a merge request on GitLab (Jenkins)."
)
_WHERE_FROM: dict[Service, str] = {
    "GitHub": "In GitHub Actions set GITHUB_TOKEN to ${{ github.token }}, with the permissions pull-requests: write "
    "and contents: write; in Jenkins bind a credential.",
    "GitLab": "It takes an access token with the scope api: CI_JOB_TOKEN may not comment.",
}
_REPOSITORY = r"[A-Za-z0-9][\w-]*/(?!\.{1,2}(?:/|$))[\w.-]+"
_PULL = re.compile(rf"/(?P<project>{_REPOSITORY})/pull/(?P<number>\d+)", re.ASCII)
_MERGE = re.compile(r"/(?P<project>.+)/-/merge_requests/(?P<number>\d+)")


@dataclass(frozen=True)
class Place:
    """A pull request, or merge request, and how it is reached.

    Attributes:
        service: where it is.
        api: address of the service's REST API, without a slash at its end.
        page: address of the pull request's page; empty where the environment does not tell.
        project: `owner/name`; GitLab's number of the project, or its path in percent-encoding.
        number: of the pull request in the project.
        token: what a request is authorised with.
        build: address of the build that comments; empty where the environment does not tell.
    """

    service: Service
    api: str
    page: str
    project: str
    number: int
    token: str = field(repr=False)
    build: str = ""


def place_of(environment: Mapping[str, str]) -> Place:
    """The pull request that the environment names.

    Raises:
        UsageError: it names none, or no token.
    """
    found = _gitlab_ci(environment) or _github_actions(environment) or _jenkins(environment)
    if found is None:
        raise UsageError("The environment names no pull request to comment in", _LOOKED_FOR)
    service: Service = found["service"]
    tokens = SERVICE_TOKENS[service]
    name, token = next(((name, environment[name].strip()) for name in tokens if environment.get(name)), ("", ""))
    if re.search(r"[^!-~]", token):
        raise UsageError(f"{name} is no token: it holds blanks, or characters that no token has")
    if not token:
        raise UsageError(
            f"There is no token to comment on {service} with: neither {' nor '.join(tokens)} is set",
            _WHERE_FROM[service],
        )
    return Place(token=token, build=build_page(environment), **found)


def _gitlab_ci(environment: Mapping[str, str]) -> dict[str, Any] | None:
    api, project, number = (environment.get(f"CI_{name}") for name in ("API_V4_URL", "PROJECT_ID", "MERGE_REQUEST_IID"))
    if not (api and project and number and number.isdecimal()):
        return None
    home = environment.get("CI_MERGE_REQUEST_PROJECT_URL") or environment.get("CI_PROJECT_URL")
    page = f"{home}/-/merge_requests/{number}" if home else ""
    return _place("GitLab", api, page, quote(project, safe=""), number)


def _github_actions(environment: Mapping[str, str]) -> dict[str, Any] | None:
    project = environment.get("GITHUB_REPOSITORY", "")
    if not re.fullmatch(_REPOSITORY, project, re.ASCII):
        return None
    number = _number_of_event(environment.get("GITHUB_EVENT_PATH", ""))
    if number is None:
        merged = re.fullmatch(r"refs/pull/(\d+)/(?:merge|head)", environment.get("GITHUB_REF", ""))
        number = merged[1] if merged else None
    if number is None:
        return None
    api = environment.get("GITHUB_API_URL") or "https://api.github.com"
    server = environment.get("GITHUB_SERVER_URL") or "https://github.com"
    return _place("GitHub", api, f"{server.rstrip('/')}/{project}/pull/{number}", project, number)


def _number_of_event(path: str) -> str | None:
    """The number in the event that GitHub Actions leaves as a file, for events of pull requests alone."""
    try:
        event = json.loads(Path(path).read_bytes()) if path else {}
    except (OSError, ValueError) as error:
        raise UsageError(f"The event at GITHUB_EVENT_PATH={path} cannot be read: {error}") from error
    pull = event.get("pull_request") if isinstance(event, dict) else None
    number = pull.get("number") if isinstance(pull, dict) else None
    return str(number) if isinstance(number, int) else None


def _jenkins(environment: Mapping[str, str]) -> dict[str, Any] | None:
    page = environment.get("CHANGE_URL", "").rstrip("/")
    address = urlsplit(page)
    if address.scheme != "https" or not address.hostname:
        return None
    if pull := _PULL.fullmatch(address.path):
        api = environment.get("GITHUB_API_URL") or github_api(address.netloc)
        return _place("GitHub", api, page, pull["project"], pull["number"])
    if merge := _MERGE.fullmatch(address.path):
        api = environment.get("CI_API_V4_URL") or f"https://{address.netloc}/api/v4"
        return _place("GitLab", api, page, quote(merge["project"], safe=""), merge["number"])
    return None


def _place(service: Service, api: str, page: str, project: str, number: str) -> dict[str, Any]:
    return {"service": service, "api": api.rstrip("/"), "page": page, "project": project, "number": int(number)}
