"""The comment in a pull request on GitHub, against a double of its REST API."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.weighbridge.ci.builds import failed_run, run
from tests.weighbridge.ci.github_double import BRANCH, TOKEN, GitHubDouble, User
from weighbridge.ci.comment.post import Posted, post_comments
from weighbridge.ci.comment.text import marker

_PICTURE = re.compile(r"!\[[^]]*\]\(([^)]+)\)")


def test_the_comment_says_what_was_weighed_and_what_refused(github: GitHubDouble, post: Callable[..., Posted]) -> None:
    posted = post()
    assert (posted.pipeline, posted.action, posted.warning) == ("taxi", "created", "")
    assert posted.url == github.comments[0]["html_url"]
    [text] = github.texts()
    assert text.startswith(marker("taxi"))
    for told in ("REFUSED", "`quality.auc.min`", "auc is 0.5, but must be at least 0.9", "| auc | all rows |"):
        assert told in text
    assert "https://jenkins.internal/job/shop/7/" in text


def test_two_builds_make_one_comment(github: GitHubDouble, post: Callable[..., Posted], build: Path) -> None:
    post()
    run(build, "20260102-000000-bbbb", auc=0.95)
    assert post().action == "replaced"
    [text] = github.texts()
    assert "PASSED" in text
    assert "Before, in the same build" in text


def test_a_comment_on_the_second_page_is_found(github: GitHubDouble, post: Callable[..., Posted]) -> None:
    for number in range(130):
        github.add_comment("ada", f"And another thing, {number}")
    post()
    assert github.texts()[-1].startswith(marker("taxi"))
    github.requests.clear()
    assert post().action == "replaced"
    assert [request for request in github.written() if "/issues/" in request[1]] == [
        ("PATCH", "/repos/acme/shop/issues/comments/1130")
    ]


def test_a_comment_of_somebody_else_is_left_alone(github: GitHubDouble, post: Callable[..., Posted]) -> None:
    theirs = f"{marker('taxi')}\nI copied this."
    github.add_comment("ada", theirs)
    github.add_comment("ci-bot", f"> {marker('taxi')}\nquoted")
    assert post().action == "created"
    assert post().action == "replaced"
    assert github.texts()[0] == theirs
    assert len(github.texts()) == 3


def test_another_pipeline_has_a_comment_of_its_own(
    github: GitHubDouble, environment: dict[str, str], build: Path
) -> None:
    run(build, "20260103-000000-cccc", pipeline="taxi2")
    for action in ("created", "replaced"):
        posted = post_comments(build, environment)
        assert [(each.pipeline, each.action) for each in posted] == [("taxi", action), ("taxi2", action)]
    assert len(github.texts()) == 2


def test_an_app_that_may_not_ask_who_it_is_finds_its_comment(github: GitHubDouble, post: Callable[..., Posted]) -> None:
    github.users["ghs_app"] = User("github-actions[bot]", app=True)
    github.add_comment("ada", f"{marker('taxi')}\nnot by a program")
    assert post(WEIGHBRIDGE_GITHUB_TOKEN="ghs_app").action == "created"
    assert post(WEIGHBRIDGE_GITHUB_TOKEN="ghs_app").action == "replaced"
    assert len(github.texts()) == 2


def test_another_apps_comment_is_not_taken_for_its_own(github: GitHubDouble, post: Callable[..., Posted]) -> None:
    github.users["ghs_app"] = User("github-actions[bot]", app=True)
    theirs = [f"{marker('taxi')}\nby another", f"{marker('taxi')}\nby a third"]
    github.add_comment("jenkins[bot]", theirs[0], app=True)
    assert post(WEIGHBRIDGE_GITHUB_TOKEN="ghs_app").action == "created"
    github.add_comment("third[bot]", theirs[1], app=True)
    assert post(WEIGHBRIDGE_GITHUB_TOKEN="ghs_app").action == "replaced"
    assert len(github.texts()) == 3
    assert set(theirs) < set(github.texts())


def test_of_comments_that_two_builds_made_together_one_is_left(
    github: GitHubDouble, post: Callable[..., Posted]
) -> None:
    for said in ("PASSED, said one", "PASSED, said the other"):
        github.add_comment("ci-bot", f"{marker('taxi')}\n{said}")
    post()
    [text] = github.texts()
    assert "PASSED" not in text


def test_a_run_that_failed_does_not_leave_an_earlier_verdict_standing(
    github: GitHubDouble, post: Callable[..., Posted], build: Path
) -> None:
    run(build, "20260102-000000-bbbb", auc=0.95)
    post()
    assert "PASSED" in github.texts()[0]
    failed_run(build, "20260103-000000-cccc", "The <disk> is full")
    post()
    [text] = github.texts()
    assert text.splitlines()[2] == "## ✗ FAILED"
    assert "The &#60;disk&#62; is full" in text


# Pictures


def test_pictures_are_shown_from_a_branch_of_their_own(github: GitHubDouble, post: Callable[..., Posted]) -> None:
    assert post().pictures == 2
    addresses = _PICTURE.findall(github.texts()[0])
    assert [github.file(address)[:4] for address in addresses] == ["<svg", "<svg"]
    assert github.history() == [addresses[0].split("/")[6]]
    assert "main-commit" not in github.history()
    assert github.refs["refs/heads/main"] == "main-commit"


def test_earlier_pictures_stay_where_they_were(github: GitHubDouble, post: Callable[..., Posted], build: Path) -> None:
    post()
    before = _PICTURE.findall(github.texts()[0])
    run(build, "20260102-000000-bbbb", auc=0.95)
    post()
    after = _PICTURE.findall(github.texts()[0])
    assert set(before).isdisjoint(after)
    assert [github.file(address)[:4] for address in before + after] == ["<svg"] * 4
    assert len(github.history()) == 2


def test_another_build_that_stores_pictures_meanwhile_loses_none(
    github: GitHubDouble, post: Callable[..., Posted]
) -> None:
    turns = iter([("POST", "/refs"), ("PATCH", f"/refs/heads/{BRANCH}"), ("PATCH", f"/refs/heads/{BRANCH}")])
    awaited = [next(turns)]

    def meanwhile(method: str, path: str) -> None:
        if awaited and method == awaited[0][0] and path.endswith(awaited[0][1]):
            awaited[:] = [turn for turn in [next(turns, None)] if turn]
            github.commit_elsewhere()

    github.meanwhile = meanwhile
    posted = post()
    assert (posted.pictures, posted.warning, awaited) == (2, "", [])
    assert [github.objects[name]["message"] for name in github.history()[1:]] == ["other"] * 3


def test_a_branch_that_can_not_be_moved_costs_the_pictures_alone(
    github: GitHubDouble, post: Callable[..., Posted]
) -> None:
    github.commit_elsewhere()
    github.meanwhile = lambda method, path: github.commit_elsewhere() if path.endswith(f"refs/heads/{BRANCH}") else None
    posted = post()
    assert posted.pictures == 0
    assert f"The branch {BRANCH} of acme/shop could not be moved" in posted.warning
    assert "REFUSED" in github.texts()[0]
    assert not _PICTURE.findall(github.texts()[0])


@pytest.mark.parametrize("denial", [403, 404])
def test_without_the_right_to_contents_the_comment_has_no_pictures(
    github: GitHubDouble, post: Callable[..., Posted], denial: int
) -> None:
    github.users[TOKEN] = User("ci-bot", may={"pull-requests"}, denial=denial)
    posted = post()
    assert posted.pictures == 0
    assert "contents: write" in posted.warning
    assert "REFUSED" in github.texts()[0]


# The command


def test_the_command_says_where_the_comment_is(
    github: GitHubDouble, build: Path, environment: dict[str, str], weighbridge: Callable, monkeypatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    github.users[TOKEN] = User("ci-bot", may={"pull-requests"})
    done = weighbridge("ci", "comment", build)
    assert done.code == 0, done.err
    assert done.out == f"taxi: comment created: {github.comments[0]['html_url']}\n"
    assert "warning: the comment on taxi shows no pictures" in done.err
    github.users[TOKEN] = User("ci-bot")
    [again] = json.loads(weighbridge("ci", "comment", build, "--json").out)
    assert again == {
        "pipeline": "taxi",
        "action": "replaced",
        "url": github.comments[0]["html_url"],
        "pictures": 2,
        "warning": "",
    }
    assert TOKEN not in done.out + done.err
    assert weighbridge("ci", "comment", build / "nowhere").code == 2
    monkeypatch.delenv("CHANGE_URL")
    nowhere = weighbridge("ci", "comment", build)
    assert nowhere.code == 2
    assert "CHANGE_URL" in nowhere.err
