"""A pull request on a double of GitHub, and a build that comments in it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.weighbridge.ci.builds import refused_run
from tests.weighbridge.ci.github_double import TOKEN, GitHubDouble, User
from weighbridge.ci.comment.post import Posted, post_comments


@pytest.fixture
def github() -> Iterator[GitHubDouble]:
    double = GitHubDouble()
    double.users[TOKEN] = User("ci-bot")
    yield double
    double.close()


@pytest.fixture
def build(tmp_path: Path) -> Path:
    """The reports of a build that was refused."""
    refused_run(tmp_path / "reports")
    return tmp_path / "reports"


@pytest.fixture
def environment(github: GitHubDouble) -> dict[str, str]:
    return {
        "CHANGE_URL": "https://github.com/acme/shop/pull/12",
        "BUILD_URL": "https://jenkins.internal/job/shop/7/",
        "GITHUB_API_URL": github.url,
        "WEIGHBRIDGE_GITHUB_TOKEN": TOKEN,
    }


@pytest.fixture
def post(build: Path, environment: dict[str, str]) -> Callable[..., Posted]:
    def call(**changed: str) -> Posted:
        [posted] = post_comments(build, environment | changed, sleep=lambda _: None)
        return posted

    return call
