"""Addresses of folders in Git repositories, and what is said of each way to get one wrong."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.common.errors import UsageError
from weighbridge.storage.git.address import GitAddress, is_git, parse_git_address

HTTPS = "git+https://host/org/config.git//taxi?ref=main"


@pytest.mark.parametrize(
    ("text", "remote", "folder", "branch"),
    [
        (HTTPS, "https://host/org/config.git", "taxi", "main"),
        ("git+https://host:8443/org/config//a/b/", "https://host:8443/org/config", "a/b", ""),
        ("git+ssh://git@github.com/org/config.git//taxi", "ssh://git@github.com/org/config.git", "taxi", ""),
        ("git+file:///srv/config.git//taxi?ref=env/prod", "file:///srv/config.git", "taxi", "env/prod"),
        ("git+file:///srv/config.git//.?ref=main", "file:///srv/config.git", "", "main"),
        ("git+http://127.0.0.1:9000/config.git//taxi", "http://127.0.0.1:9000/config.git", "taxi", ""),
        ("git+https://host/c.git//taxi?ref=refs/heads/main", "https://host/c.git", "taxi", "main"),
    ],
)
def test_an_address_is_parted_and_put_together_again(text: str, remote: str, folder: str, branch: str) -> None:
    found = parse_git_address(text)
    assert found == GitAddress(remote, folder, branch)
    assert parse_git_address(str(found)) == found
    assert is_git(text)


def test_a_file_in_the_folder_has_an_address() -> None:
    assert parse_git_address(HTTPS).path("production.json") == (
        "git+https://host/org/config.git//taxi/production.json?ref=main"
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("git+https://host/org/config.git/taxi?ref=main", "two slashes"),
        ("git+https://host/org/config.git", "no folder"),
        ("git+https://host/org/config.git//", "no folder behind"),
        ("git+https://host//taxi", "names no repository"),
        ("git+https:////taxi", "names no"),
        ("git+https://host/c.git//../taxi", "no folder inside"),
        ("git+https://host/c.git//.git/hooks", "no folder inside"),
        ("git+https://host/c.git//-rf", "no folder inside"),
        ("git+ftp://host/c.git//taxi", "nothing here speaks"),
        ("git+http://host/c.git//taxi", "not encrypted"),
        ("git+ssh://-oProxyCommand=x/c.git//taxi", "names no host"),
        ("git+ssh://git@github.com:org/config.git//taxi", "git+ssh://git@github.com/org/config.git//FOLDER"),
        ("git+file://srv/config.git//taxi", "Three slashes: git+file:///srv"),
        ("git+https://host/c.git//taxi?branch=main", "'branch' is unknown"),
        ("git+https://host/c.git//taxi?ref=", "no name of a branch"),
        ("git+https://host/c.git//taxi?ref=a..b", "no name of a branch"),
        ("git+https://host/c.git//taxi?ref=-x", "no name of a branch"),
        ("git+https://host/c.git//taxi?ref=main&ref=x", "unknown"),
        ("git+https://host/c.git//taxi?main", "unknown"),
        ("git+https://host/c.git//taxi#main", "ref=BRANCH"),
        (f"git+https://host/c.git//taxi?ref={'a' * 40}", "is no branch"),
        ("git+https://host/c.git//taxi?ref=refs/tags/v1", "is no branch"),
        ("git+https://host/c .git//taxi", "blank"),
        ("git+https:/host/c.git/taxi", "pathlib.Path"),
        ("git@github.com:org/config.git", "git+ssh://git@github.com/org/config.git//FOLDER"),
        ("git://host/c.git//taxi", "no address of a folder"),
    ],
)
def test_every_malformed_form_is_named(text: str, says: str) -> None:
    assert is_git(text)
    with pytest.raises(UsageError) as error:
        parse_git_address(text)
    assert says in str(error.value)
    assert error.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "git+https://jane:hunter2@host/c.git//taxi",
        "git+https://hunter2@host/c.git//taxi",
        "git+ssh://jane:hunter2@host/c.git//taxi",
        "git+https://host/c.git//taxi?access_token=hunter2",
        "git+http://hunter2@127.0.0.1/c.git//taxi",
        "git+file://hunter2@/c.git//taxi",
    ],
)
def test_credentials_are_refused_unseen_and_told_where_they_belong(text: str) -> None:
    with pytest.raises(UsageError, match="holds credentials") as error:
        parse_git_address(text)
    assert "hunter2" not in str(error.value)
    assert "WEIGHBRIDGE_GIT_TOKEN" in error.value.hint


@pytest.mark.parametrize("text", ["/models/taxi", "gs://models/taxi", "models:/taxi", "git/models", "C:/git", "gitlab"])
def test_other_destinations_are_not_taken_for_git(text: str) -> None:
    assert not is_git(text)


def test_a_path_has_lost_a_slash() -> None:
    with pytest.raises(UsageError, match="one slash"):
        parse_git_address(str(Path(HTTPS)))


@given(st.text(max_size=40))
def test_whatever_is_behind_the_scheme_is_an_address_or_a_usage_error(rest: str) -> None:
    try:
        found = parse_git_address(f"git+https://host/{rest}")
    except UsageError:
        return
    assert parse_git_address(str(found)) == found
