"""Approvals that are read from a build of Jenkins: which jobs' builds count, and how their addresses must look.

An address is compared and asked for just as it is written, so one that a server could understand in another way,
such as `…/job/delivery/../other/`, is none.
"""

import ipaddress
import re
from typing import Annotated
from urllib.parse import unquote, urlsplit

from pydantic import Field, field_validator

from weighbridge.common.errors import UsageError
from weighbridge.verdict import Section, told

# What Jenkins leaves as it is in a name.
_SEGMENT = r"[\w.~%@+,=:!$&'()*-]+/"
_JOB = re.compile(rf"/(?:{_SEGMENT})*job/{_SEGMENT}", re.ASCII)
_BUILD = re.compile(rf"/(?:{_SEGMENT})*job/{_SEGMENT}[1-9]\d*/", re.ASCII)
_BELOW = re.compile(rf"(?:job/{_SEGMENT})*[1-9]\d*/", re.ASCII)

Name = Annotated[str, Field(pattern=r"^\S(.*\S)?$")]


class JenkinsApproval(Section):
    """Whose approval counts: that of a person who answered the question of a build."""

    jenkins: str = Field(
        description="Address of a job or folder; only builds of it, or of jobs in it, count.",
        json_schema_extra=told(missing="a build that cannot be read, or that nobody approved, delivers nothing"),
    )
    approvers: Annotated[tuple[Name, ...], Field(min_length=1)] | None = Field(
        default=None,
        description="IDs of the users whose approval counts; without them that of everyone whom Jenkins lets answer.",
    )

    @field_validator("jenkins")
    @classmethod
    def _address(cls, value: str) -> str:
        try:
            return job_address(value)
        except UsageError as error:
            raise ValueError(error.message) from error


def job_address(text: str) -> str:
    """The address of a job or folder, with a slash at its end.

    Raises:
        UsageError: it is none.
    """
    return _address(text, _JOB, "a job", "https://jenkins.example.org/job/weighbridge/job/delivery/")


def build_address(text: str) -> str:
    """The address of a build, as Jenkins' BUILD_URL has it.

    Raises:
        UsageError: it is none.
    """
    return _address(text, _BUILD, "a build", "https://jenkins.example.org/job/weighbridge/job/delivery/job/main/7/")


def is_below(build: str, job: str) -> bool:
    """Whether a build is one of a job, or of a job in a folder; both as the functions above return them."""
    return build.startswith(job) and _BELOW.fullmatch(build[len(job) :]) is not None


def _address(text: str, path: re.Pattern[str], kind: str, example: str) -> str:
    whole = text.strip().rstrip("/") + "/"
    wrong = UsageError(f"{text!r} is not the address of {kind} in Jenkins", f"Such as {example}")
    if re.fullmatch(r"[!-~]+", whole) is None:
        raise wrong
    try:
        parts = urlsplit(whole)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise wrong from error
    if not host or parts.scheme not in ("http", "https") or parts.netloc.rpartition("@")[1]:
        raise wrong
    if path.fullmatch(parts.path) is None or whole != f"{parts.scheme}://{parts.netloc}{parts.path}":
        raise wrong
    if {".", ".."} & set(_decoded(parts.path).split("/")):
        raise wrong
    if parts.scheme == "http" and not is_loopback(host):
        raise UsageError(f"{text} is not encrypted: whoever is in between could approve", "Write https://.")
    where = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{where}{f':{port}' if port is not None else ''}{parts.path}"


def is_loopback(host: str) -> bool:
    """Whether a host is this machine itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _decoded(path: str) -> str:
    """A path as whoever decodes it again and again would see it."""
    while (once := unquote(path)) != path:
        path = once
    return path.replace("\\", "/").replace(";", "/")
