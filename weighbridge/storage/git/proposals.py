"""Proposes a branch: a pull request on GitHub, a merge request on GitLab, or the address where a person opens one.

One that is open for the branch already is found again and gets the new words; none is ever opened twice.
"""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import sleep as _sleep
from typing import Any, Literal
from urllib.parse import quote, urlencode, urlsplit

from weighbridge.common.environment import GIT_TOKEN_VARIABLE, SERVICE_TOKENS
from weighbridge.common.rest import Api, github_api, github_headers
from weighbridge.storage.git.address import GitAddress

Service = Literal["GitHub", "GitLab", ""]


@dataclass(frozen=True)
class Proposal:
    """What was proposed.

    Attributes:
        url: page of the pull request; where nobody opened one yet, the page to open it on; the repository and branch
            where the server has no such page.
        opened: whether there is one.
        note: why there is none; empty where there is.
    """

    url: str
    opened: bool
    note: str = ""


def propose(
    address: GitAddress,
    branch: str,
    base: str,
    title: str,
    body: str,
    *,
    reviewers: Sequence[str] = (),
    said: str = "",
    environment: Mapping[str, str] = os.environ,
    sleep: Callable[[float], None] = _sleep,
) -> Proposal:
    """Open a pull request for a branch that was pushed, or find the open one again.

    Args:
        address: of the repository.
        branch: that is proposed.
        base: branch that it is to be merged into.
        title: of the pull request.
        body: its text, in Markdown.
        reviewers: who is asked, by their names there.
        said: what the server said of the push; GitLab tells there which merge request it made for `push_options`.
        environment: has the token, and what a CI server tells of its service.
        sleep: waits so many seconds.

    Raises:
        UsageError: the token may not do that.
        InfrastructureError: the service cannot be reached.
    """
    service = service_of(address, environment)
    by_hand = _page_to_open(service, address, branch, base)
    if not service:
        return Proposal(by_hand, False, f"{address.host or 'This repository'} is neither GitHub nor GitLab.")
    token = _token(service, address, environment)
    if not token and (found := re.search(r"https://\S+/-/merge_requests/\d+", said)):
        return Proposal(found[0], True)
    if not token:
        return Proposal(by_hand, False, _without_token(service, address, environment))
    if service == "GitHub":
        return _on_github(address, branch, base, title, body, reviewers, token, environment, sleep)
    return _on_gitlab(address, branch, base, title, body, reviewers, token, environment, sleep)


def push_options(
    address: GitAddress, base: str, title: str, environment: Mapping[str, str] = os.environ
) -> tuple[str, ...]:
    """What a push asks GitLab for, where no token does: a merge request, as whoever pushes it by ssh."""
    if service_of(address, environment) != "GitLab" or _token("GitLab", address, environment):
        return ()
    asked = ("create", f"target={base}", f"title={title}", "remove_source_branch")
    return tuple(f"merge_request.{each}" for each in asked)


def service_of(address: GitAddress, environment: Mapping[str, str]) -> Service:
    """Which service a repository is on, by its host, or as a CI server's environment tells; empty for neither."""
    name = _hostname(address)
    if not name:
        return ""
    if name in ("github.com", _own_host("GitHub", environment)) or name.endswith(".ghe.com"):
        return "GitHub"
    if name in ("gitlab.com", _own_host("GitLab", environment)):
        return "GitLab"
    return "GitHub" if name.startswith("github.") else "GitLab" if name.startswith("gitlab.") else ""


def _own_host(service: str, environment: Mapping[str, str]) -> str:
    """The host that the service's own variable for a token speaks of: the CI server's, else that of everybody."""
    if service == "GitHub":
        return urlsplit(environment.get("GITHUB_SERVER_URL", "")).hostname or "github.com"
    told = environment.get("CI_SERVER_HOST") or urlsplit(environment.get("CI_SERVER_URL", "")).hostname
    return (told or "gitlab.com").lower()


def _variables(service: str, address: GitAddress, environment: Mapping[str, str]) -> tuple[str, ...]:
    """The variables whose token may be sent to a server, the first first.

    What CI servers and people set as GITHUB_TOKEN is a secret of one server, and a host that is called `github.…` may
    be anybody's; what is called WEIGHBRIDGE_… was set for the repository that the destination names.
    """
    ours, ambient = SERVICE_TOKENS[service]
    own = _hostname(address) == _own_host(service, environment)
    return (ours, ambient, GIT_TOKEN_VARIABLE) if own else (ours, GIT_TOKEN_VARIABLE)


def _token(service: str, address: GitAddress, environment: Mapping[str, str]) -> str:
    given = (environment.get(name, "").strip() for name in _variables(service, address, environment))
    return next((token for token in given if token), "")


def _without_token(service: str, address: GitAddress, environment: Mapping[str, str]) -> str:
    """Why nobody could be asked."""
    names = _variables(service, address, environment)
    ambient = SERVICE_TOKENS[service][1]
    note = f"None of {', '.join(names)} is set, so nobody could ask {service} for it."
    if ambient in names or not environment.get(ambient):
        return note
    return f"{note} {ambient} is for {_own_host(service, environment)}, and not sent to {address.host}."


def _on_github(
    address: GitAddress,
    branch: str,
    base: str,
    title: str,
    body: str,
    reviewers: Sequence[str],
    token: str,
    environment: Mapping[str, str],
    sleep: Callable[[float], None],
) -> Proposal:
    ours = urlsplit(environment.get("GITHUB_SERVER_URL", "")).netloc == _web_host(address)
    root = (environment.get("GITHUB_API_URL", "") if ours else "") or github_api(_web_host(address))
    api = Api("GitHub", root.rstrip("/"), github_headers(token), token, sleep)
    pulls, owner = f"/repos/{address.project}/pulls", address.project.partition("/")[0]
    needs = "pull-requests: write"
    query = urlencode({"state": "open", "head": f"{owner}:{branch}", "base": base})
    found: Any = api.call("GET", f"{pulls}?{query}", needs="pull-requests: read")
    content = {"title": title, "body": body}
    if found:
        answer = api.call("PATCH", f"{pulls}/{found[0]['number']}", needs=needs, json=content)
    else:
        answer = api.call("POST", pulls, needs=needs, json=content | {"head": branch, "base": base})
        if reviewers:
            path = f"{pulls}/{answer['number']}/requested_reviewers"
            # Who is no collaborator cannot be asked: the pull request is there all the same.
            api.call("POST", path, needs=needs, accept=(422,), json={"reviewers": list(reviewers)})
    return Proposal(answer["html_url"], True)


def _on_gitlab(
    address: GitAddress,
    branch: str,
    base: str,
    title: str,
    body: str,
    reviewers: Sequence[str],
    token: str,
    environment: Mapping[str, str],
    sleep: Callable[[float], None],
) -> Proposal:
    ours = environment.get("CI_SERVER_HOST") == _web_host(address).partition(":")[0]
    root = (environment.get("CI_API_V4_URL", "") if ours else "") or f"https://{_web_host(address)}/api/v4"
    api = Api("GitLab", root.rstrip("/"), {"PRIVATE-TOKEN": token}, token, sleep)
    requests = f"/projects/{quote(address.project, safe='')}/merge_requests"
    needs = "api, with the role Developer"
    query = urlencode({"state": "opened", "source_branch": branch, "target_branch": base})
    found: Any = api.call("GET", f"{requests}?{query}", needs=needs)
    content = {"title": title, "description": body}
    if found:
        answer = api.call("PUT", f"{requests}/{found[0]['iid']}", needs=needs, json=content)
    else:
        more: dict[str, Any] = {"source_branch": branch, "target_branch": base, "remove_source_branch": True}
        if ids := [each["id"] for name in reviewers for each in _users(api, name)]:
            more["reviewer_ids"] = ids
        answer = api.call("POST", requests, needs=needs, json=content | more)
    return Proposal(answer["web_url"], True)


def _users(api: Api, name: str) -> list[dict[str, Any]]:
    return api.call("GET", f"/users?{urlencode({'username': name})}", needs="read_user") or []


def _page_to_open(service: Service, address: GitAddress, branch: str, base: str) -> str:
    home = f"https://{_web_host(address)}/{address.project}"
    if service == "GitHub":
        return f"{home}/compare/{quote(base)}...{quote(branch)}?expand=1"
    if service == "GitLab":
        chosen = {"merge_request[source_branch]": branch, "merge_request[target_branch]": base}
        return f"{home}/-/merge_requests/new?{urlencode(chosen)}"
    return f"{address.remote} {branch}"


def _hostname(address: GitAddress) -> str:
    return address.host.partition(":")[0].lower()


def _web_host(address: GitAddress) -> str:
    """The host of pages: that of ssh without its port."""
    return address.host.partition(":")[0] if address.scheme == "ssh" else address.host
