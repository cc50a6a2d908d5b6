"""Which pull request a build is of."""

import json
from pathlib import Path
from typing import Any

import pytest

from weighbridge.ci.comment.place import place_of
from weighbridge.common.errors import UsageError

TOKENS = {"GITHUB_TOKEN": "ghs_x", "GITLAB_TOKEN": "glpat-x"}
ACTIONS = {"GITHUB_REPOSITORY": "acme/shop", "GITHUB_SERVER_URL": "https://github.com"}
GITLAB_CI = {"CI_API_V4_URL": "https://gitlab.acme.org/api/v4", "CI_PROJECT_ID": "42", "CI_MERGE_REQUEST_IID": "7"}


@pytest.mark.parametrize(
    ("environment", "service", "api", "project", "number", "page"),
    [
        (
            ACTIONS | {"GITHUB_REF": "refs/pull/12/merge"},
            *("GitHub", "https://api.github.com", "acme/shop", 12, "https://github.com/acme/shop/pull/12"),
        ),
        (
            ACTIONS
            | {
                "GITHUB_REF": "refs/pull/12/merge",
                "GITHUB_API_URL": "https://ghe.acme.org/api/v3/",
                "GITHUB_SERVER_URL": "https://ghe.acme.org",
            },
            *("GitHub", "https://ghe.acme.org/api/v3", "acme/shop", 12, "https://ghe.acme.org/acme/shop/pull/12"),
        ),
        (
            {"CHANGE_URL": "https://github.com/acme/shop/pull/12", "CHANGE_ID": "12"},
            *("GitHub", "https://api.github.com", "acme/shop", 12, "https://github.com/acme/shop/pull/12"),
        ),
        (
            {"CHANGE_URL": "https://ghe.acme.org:8443/acme/shop/pull/12/"},
            *("GitHub", "https://ghe.acme.org:8443/api/v3", "acme/shop", 12),
            "https://ghe.acme.org:8443/acme/shop/pull/12",
        ),
        (
            {"CHANGE_URL": "https://acme.ghe.com/acme/shop/pull/12"},
            *("GitHub", "https://api.acme.ghe.com", "acme/shop", 12, "https://acme.ghe.com/acme/shop/pull/12"),
        ),
        (GITLAB_CI, *("GitLab", "https://gitlab.acme.org/api/v4", "42", 7, "")),
        (
            {"CHANGE_URL": "https://gitlab.acme.org/acme/ml/shop/-/merge_requests/7"},
            *("GitLab", "https://gitlab.acme.org/api/v4", "acme%2Fml%2Fshop", 7),
            "https://gitlab.acme.org/acme/ml/shop/-/merge_requests/7",
        ),
    ],
)
def test_a_pull_request_is_read_from_the_environment(
    environment: dict[str, str], service: str, api: str, project: str, number: int, page: str
) -> None:
    place = place_of(environment | TOKENS)
    assert (place.service, place.api, place.project, place.number, place.page) == (service, api, project, number, page)


@pytest.mark.parametrize(
    ("event", "number"),
    [({"pull_request": {"number": 31}, "number": 31}, 31), ({"ref": "refs/heads/main"}, 12), ([], 12)],
)
def test_the_event_of_github_actions_names_it_first(tmp_path: Path, event: Any, number: int) -> None:
    (tmp_path / "event.json").write_text(json.dumps(event))
    told = {"GITHUB_EVENT_PATH": str(tmp_path / "event.json"), "GITHUB_REF": "refs/pull/12/merge"}
    assert place_of(ACTIONS | told | TOKENS).number == number


@pytest.mark.parametrize(
    "environment",
    [
        {},
        ACTIONS | {"GITHUB_REF": "refs/heads/main"},
        {"GITHUB_REPOSITORY": "../shop", "GITHUB_REF": "refs/pull/12/merge"},
        {"CHANGE_URL": "http://github.com/acme/shop/pull/12"},
        {"CHANGE_URL": "https://bitbucket.org/acme/shop/pull-requests/12"},
        {"CHANGE_URL": "https://github.com/acme/shop/pull/12/files"},
        GITLAB_CI | {"CI_MERGE_REQUEST_IID": ""},
    ],
)
def test_no_pull_request_is_an_error_that_says_what_was_looked_for(environment: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="names no pull request") as raised:
        place_of(environment | TOKENS)
    assert [
        name for name in ("GITHUB_REF", "CI_MERGE_REQUEST_IID", "CHANGE_URL") if name not in raised.value.hint
    ] == []


def test_the_token_is_the_projects_own_before_the_servers_and_never_shown() -> None:
    environment = ACTIONS | {"GITHUB_REF": "refs/pull/12/merge"}
    with pytest.raises(UsageError, match="neither WEIGHBRIDGE_GITHUB_TOKEN nor GITHUB_TOKEN is set"):
        place_of(environment)
    place = place_of(environment | {"GITHUB_TOKEN": "ghs_a", "WEIGHBRIDGE_GITHUB_TOKEN": " ghp_b\n"})
    assert place.token == "ghp_b"
    assert "ghp_b" not in repr(place)
    with pytest.raises(UsageError, match="GITHUB_TOKEN is no token") as raised:
        place_of(environment | {"GITHUB_TOKEN": "ghs a\nb"})
    assert "ghs a" not in str(raised.value)


def test_the_build_is_linked_where_its_address_is_one() -> None:
    environment = ACTIONS | TOKENS | {"GITHUB_REF": "refs/pull/12/merge", "GITHUB_RUN_ID": "5"}
    assert place_of(environment).build == "https://github.com/acme/shop/actions/runs/5"
    assert place_of(environment | {"BUILD_URL": "https://jenkins/job/x/1/"}).build == "https://jenkins/job/x/1/"
    assert place_of(environment | {"BUILD_URL": "https://jenkins/) <b>"}).build == ""
