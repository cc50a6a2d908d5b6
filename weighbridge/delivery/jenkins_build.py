"""Asks a Jenkins who approved a build. Imports no tfx.

The names are those of Jenkins' own API: `building` of hudson.model.Run, `actions` of hudson.model.Actionable, and
`userId` of the action that the plugin pipeline-input-step leaves on a build whose question a person answered.
"""

import json
import os
import urllib.error
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from weighbridge.common import progress
from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.common.web import NoRedirects, basic_credentials
from weighbridge.thresholds.jenkins import is_loopback

USER = "WEIGHBRIDGE_JENKINS_USER"
TOKEN = "WEIGHBRIDGE_JENKINS_TOKEN"  # noqa: S105, the name of a variable
APPROVER_ACTION = "org.jenkinsci.plugins.workflow.support.steps.input.ApproverAction"
QUESTION = "api/json?tree=building,actions[_class,userId]"
_SECONDS = 20
_MOST_BYTES = 1 << 20


@dataclass(frozen=True)
class Build:
    """What a build says of itself.

    Attributes:
        building: it has not ended.
        approvers: IDs of the users who answered its questions with yes, in the order in which they did.
    """

    building: bool
    approvers: tuple[str, ...] = ()


def read_build(address: str) -> Build:
    """Ask Jenkins for a build.

    Args:
        address: of the build, with a slash at its end; see `build_address`.

    Raises:
        UsageError: we may not see the build, there is none, half of the credentials is missing, or what answers is no
            Jenkins.
        InfrastructureError: Jenkins cannot be reached, or is not well.
    """
    try:
        document = json.loads(_get(address))
    except ValueError as error:
        raise _strange(address, "no JSON") from error
    building = document.get("building") if isinstance(document, dict) else None
    if not isinstance(building, bool):
        raise _strange(address, "no `building`")
    return Build(building, tuple(_approvers(document.get("actions"))))


def _approvers(actions: Any) -> list[str]:
    found = [action for action in actions if isinstance(action, dict)] if isinstance(actions, list) else []
    users = [action.get("userId") for action in found if action.get("_class") == APPROVER_ACTION]
    return [user.strip() for user in users if isinstance(user, str) and user.strip()]


def _get(address: str) -> bytes:
    headers = {"Accept": "application/json"} | _credentials()
    handlers: list[urllib.request.BaseHandler] = [NoRedirects()]
    if is_loopback(urlsplit(address).hostname or ""):
        handlers.append(urllib.request.ProxyHandler({}))
    opener = urllib.request.build_opener(*handlers)
    request = urllib.request.Request(address + QUESTION, headers=headers)  # noqa: S310, the scheme was looked at
    try:
        with progress.waiting(f"Jenkins at {address}"), opener.open(request, timeout=_SECONDS) as answer:
            data: bytes = answer.read(_MOST_BYTES + 1)
    except urllib.error.HTTPError as error:
        error.close()
        raise _refused(address, error.code, error.headers.get("Location", "")) from error
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise InfrastructureError(f"{address} cannot be reached: {reason}", "Run again.") from error
    if len(data) > _MOST_BYTES:
        raise _strange(address, f"more than {_MOST_BYTES:,} bytes")
    return data


def _credentials() -> dict[str, str]:
    user, token = os.environ.get(USER, "").strip(), os.environ.get(TOKEN, "").strip()
    if bool(user) != bool(token):
        missing, given = (USER, TOKEN) if token else (TOKEN, USER)
        raise UsageError(f"{given} is set, but {missing} is not", "Set both, or none to ask as nobody.")
    return basic_credentials(user, token) if user else {}


def _refused(address: str, code: int, location: str) -> UsageError | InfrastructureError:
    whom = "the user of " + USER if os.environ.get(USER) else "whoever is not logged in"
    if code >= 500 or code in (408, 429):
        return InfrastructureError(f"{address} answers with HTTP {code}", "Run again.")
    if 300 <= code < 400:
        return UsageError(
            f"{address} answers with a redirect to {location!r}, which is not followed",
            "Name the build by the address that Jenkins itself has (Manage Jenkins, System, Jenkins URL).",
        )
    if code in (401, 403, 404):
        why = {401: "does not know the credentials", 403: "refuses", 404: "shows no such build"}[code]
        return UsageError(
            f"Jenkins {why} (HTTP {code}): {address}",
            f"{whom[0].upper()}{whom[1:]} needs Overall/Read and, for this job, Job/Read. "
            f"Set {USER} and {TOKEN} to a user who has them and an API token of that user.",
        )
    return UsageError(f"{address} answers with HTTP {code}", "Look at the address: it must be that of a build.")


def _strange(address: str, what: str) -> UsageError:
    return UsageError(f"{address} does not answer as Jenkins does: {what}", "Is a login page or a proxy in between?")
