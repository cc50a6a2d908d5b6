"""Puts what a build's runs came to into the pull request: one comment for each pipeline, replaced by the next build."""

import contextlib
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from weighbridge.ci.comment.github import GitHub
from weighbridge.ci.comment.gitlab import GitLab
from weighbridge.ci.comment.place import Place, place_of
from weighbridge.ci.comment.reports import Report, read_reports
from weighbridge.ci.comment.services import Comment, Service
from weighbridge.ci.comment.text import comment_text, marker
from weighbridge.common.errors import UsageError, WeighbridgeError


@dataclass(frozen=True)
class Posted:
    """A comment as it is now.

    Attributes:
        pipeline: whose it is.
        action: whether there was one before.
        url: its page.
        pictures: how many it shows.
        warning: why it shows none, where the run has some; else empty.
    """

    pipeline: str
    action: Literal["created", "replaced"]
    url: str
    pictures: int
    warning: str = ""


def post_comments(
    folder: Path, environment: Mapping[str, str], sleep: Callable[[float], None] = time.sleep
) -> list[Posted]:
    """Comment in the pull request that a CI server's environment names.

    Args:
        folder: as `--reports` of `weighbridge run` left it: a folder per run.
        environment: see `place_of`.
        sleep: waits so many seconds, where a service asks for it.

    Raises:
        UsageError: there is nothing to comment on or nowhere to, or the token must not.
        InfrastructureError: the service cannot be reached, or asks to be left alone.
    """
    reports = read_reports(folder)
    place = place_of(environment)
    service: Service = GitHub(place, sleep) if place.service == "GitHub" else GitLab(place, sleep)
    author, comments = service.author(), service.comments()
    return [_post(service, place, runs, _own(comments, author, name)) for name, runs in sorted(reports.items())]


def _own(comments: Sequence[Comment], author: str, pipeline: str) -> list[Comment]:
    """Earlier comments on a pipeline by whom the token is of; where that is not told, by any program.

    A person who quotes or copies a comment does not make it ours.
    """
    first = marker(pipeline)
    return [
        comment
        for comment in comments
        if comment.text.startswith(first) and (comment.author == author if author else comment.by_program)
    ]


def _post(service: Service, place: Place, runs: Sequence[Report], earlier: Sequence[Comment]) -> Posted:
    latest = runs[0]
    pictures: list[tuple[str, str]] = []
    warning = ""
    if drawings := latest.drawings():
        try:
            addresses = service.store(drawings, re.sub(r"[^A-Za-z0-9_-]", "_", latest.run_id))
            pictures = [(drawing.title, at) for drawing, at in zip(drawings, addresses, strict=True)]
        except WeighbridgeError as error:
            warning = " ".join(part.rstrip(".") + "." for part in (error.message, error.hint) if part)
    text = comment_text(runs, pictures, place.build)
    action, url = _put(service, earlier, text)
    return Posted(latest.pipeline, action, url, len(pictures), warning)


def _put(service: Service, earlier: Sequence[Comment], text: str) -> tuple[Literal["created", "replaced"], str]:
    """Replace the first of the earlier comments that may be replaced, or make one."""
    for place, comment in enumerate(earlier):
        # Where a program may not ask who it is, the comment may be another program's.
        with contextlib.suppress(UsageError):
            posted = service.replace(comment, text)
            _delete(service, earlier[place + 1 :])
            return "replaced", posted.url
    return "created", service.create(text).url


def _delete(service: Service, surplus: Sequence[Comment]) -> None:
    """Two builds that began together may each have made a comment: what an older build says must not stay."""
    for comment in surplus:
        with contextlib.suppress(UsageError):
            service.delete(comment)
