"""What GitHub refuses, limits or does not answer: which exit code that comes to, and what the message says."""

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.weighbridge.ci.github_double import TOKEN, GitHubDouble, User
from weighbridge.ci.comment.post import Posted, post_comments
from weighbridge.common.errors import ExitCode, InfrastructureError, UsageError, WeighbridgeError


def failing(post: Callable[..., Posted], **changed: str) -> WeighbridgeError:
    with pytest.raises(WeighbridgeError) as raised:
        post(**changed)
    assert TOKEN not in str(raised.value)
    return raised.value


@pytest.mark.parametrize("denial", [403, 404])
def test_a_token_that_may_only_read_is_told_which_permission_it_lacks(
    github: GitHubDouble, post: Callable[..., Posted], denial: int
) -> None:
    github.users[TOKEN] = User("ci-bot", may=set(), denial=denial)
    error = failing(post)
    assert isinstance(error, UsageError)
    assert "pull-requests: write" in error.hint


def test_a_token_that_github_does_not_know(github: GitHubDouble, post: Callable[..., Posted]) -> None:
    error = failing(post, WEIGHBRIDGE_GITHUB_TOKEN="other")
    assert error.exit_code == ExitCode.USAGE
    assert "401" in error.message
    assert github.texts() == []


def test_what_github_says_is_shown_without_the_token(github: GitHubDouble, post: Callable[..., Posted]) -> None:
    github.refusals = [(400, {"message": f"What is {TOKEN}?\x1b[2J"}, {})]
    assert failing(post).message.endswith("What is ***?�[2J")


SECONDARY = {"message": "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."}


@pytest.mark.parametrize(
    ("status", "document", "headers", "waited"),
    [
        (403, SECONDARY, {"Retry-After": "7"}, 7),
        (429, SECONDARY, {"Retry-After": "60"}, 60),
        (403, SECONDARY, {}, 60),
        (429, {}, {}, 60),
    ],
)
def test_a_limit_is_waited_for(
    github: GitHubDouble,
    build: Path,
    environment: dict[str, str],
    status: int,
    document: dict[str, str],
    headers: dict[str, str],
    waited: int,
) -> None:
    github.refusals = [(status, document, headers)]
    slept: list[float] = []
    post_comments(build, environment, sleep=slept.append)
    assert slept == [waited]
    assert len(github.texts()) == 1


@pytest.mark.parametrize(
    "headers",
    [{"Retry-After": "120"}, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time()) + 3000)}],
)
def test_a_limit_that_lasts_longer_than_a_build_waits_is_to_be_tried_again(
    github: GitHubDouble, post: Callable[..., Posted], headers: dict[str, str]
) -> None:
    github.refusals = [(403, {"message": "API rate limit exceeded"}, headers)]
    error = failing(post)
    assert isinstance(error, InfrastructureError)
    assert re.search(r"Try again in \d{3,4} s", error.hint)


def test_a_limit_that_comes_again_and_again_is_not_waited_for_for_ever(
    github: GitHubDouble, build: Path, environment: dict[str, str]
) -> None:
    github.refusals = [(429, SECONDARY, {"Retry-After": "20"})] * 10
    slept: list[float] = []
    with pytest.raises(InfrastructureError):
        post_comments(build, environment, sleep=slept.append)
    assert slept == [20, 20, 20]


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_server_that_is_down_is_to_be_tried_again(
    github: GitHubDouble, post: Callable[..., Posted], status: int
) -> None:
    github.refusals = [(status, {}, {})]
    assert failing(post).exit_code == ExitCode.INFRASTRUCTURE


def test_nobody_listens(github: GitHubDouble, post: Callable[..., Posted]) -> None:
    error = failing(post, GITHUB_API_URL="http://127.0.0.1:9")
    assert error.exit_code == ExitCode.INFRASTRUCTURE
    assert "cannot be reached at http://127.0.0.1:9" in error.message


def test_a_repository_that_moved_is_not_taken_for_a_comment_that_was_made(
    github: GitHubDouble, post: Callable[..., Posted]
) -> None:
    moved = {"Location": f"{github.url}/repositories/1/issues/12/comments"}

    def meanwhile(method: str, path: str) -> None:
        if (method, path) == ("POST", "/repos/acme/shop/issues/12/comments"):
            github.refusals = [(301, {"message": "Moved Permanently"}, moved)]

    github.meanwhile = meanwhile
    assert "301" in failing(post).message
    assert github.texts() == []


def test_the_rest_of_a_list_is_not_fetched_from_elsewhere(github: GitHubDouble, post: Callable[..., Posted]) -> None:
    github.refusals = [
        (200, {"login": "ci-bot"}, {}),
        (200, [], {"Link": '<http://127.0.0.1:9/evil>; rel="next"'}),  # type: ignore[list-item]
    ]
    assert "another host" in failing(post).message


def test_a_netrc_of_the_agent_does_not_replace_the_token(
    github: GitHubDouble, post: Callable[..., Posted], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert post().action == "created"
