"""Who approved: read from a running build of the Jenkins that the policy names, and from nowhere else."""

from collections.abc import Iterator

import pytest

from tests.weighbridge.delivery.jenkins_double import Jenkins, jenkins
from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.common.text import mask
from weighbridge.delivery.approval import Approval, approved_gate, find_approval
from weighbridge.thresholds.delivery import Stage

COMMAND = "weighbridge promote taxi --from canary --to production"
ANY_NAME = Stage(stage="production", approval="required")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Jenkins]:
    for name in ("WEIGHBRIDGE_JENKINS_USER", "WEIGHBRIDGE_JENKINS_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with jenkins() as made:
        yield made


def policy(server: Jenkins, *approvers: str) -> Stage:
    approval = {"jenkins": server.job} | ({"approvers": approvers} if approvers else {})
    return Stage.model_validate({"stage": "production", "approval": approval})


def refused(found: Approval, stage: Stage) -> str:
    """The message with which the gate refuses."""
    gate = approved_gate(found, stage, "delivery.production.approved")
    assert (gate.refuses, gate.observed, found.by) == (True, None, "")
    return gate.message


@pytest.mark.parametrize("blank", ["", "   ", "\t\n", "\u00a0", "\u3000"])
def test_blanks_are_nobody(blank: str) -> None:
    assert "--approved-by NAME" in refused(find_approval(ANY_NAME, blank, "", COMMAND), ANY_NAME)


@pytest.mark.parametrize("name", ["\x00", "ada\x1b[2J", "\u200b", "ada\nlovelace", "\x7f", "\u202eada", "\udc80"])
@pytest.mark.parametrize("stage", [ANY_NAME, Stage(stage="canary")])
def test_a_name_that_cannot_be_seen_is_none(name: str, stage: Stage) -> None:
    with pytest.raises(UsageError, match="holds characters that cannot be seen") as caught:
        find_approval(stage, name, "", COMMAND)
    assert caught.value.message.isascii()
    assert find_approval(stage, " Ada Lovelace ", "", COMMAND).by == "Ada Lovelace"


def test_the_approver_is_whom_jenkins_names(server: Jenkins) -> None:
    server.approvers = ["ada"]
    stage = policy(server)
    found = find_approval(stage, "", server.build_url, COMMAND)
    assert found == Approval("ada", server.build_url)
    gate = approved_gate(found, stage, "delivery.production.approved")
    assert (gate.status, gate.observed, gate.threshold) == ("passed", "ada", server.job)
    assert gate.message == f"Approved by ada in {server.build_url}."
    assert server.asked == [(f"{server.build}api/json", "")]


@pytest.mark.parametrize("approvers", [[], [""], [" "]])
def test_a_build_that_nobody_approved_counts_for_nobody(server: Jenkins, approvers: list[str]) -> None:
    server.approvers = approvers
    stage = policy(server)
    for by in ("", "ada"):
        assert "Nobody approved" in refused(find_approval(stage, by, server.build_url, COMMAND), stage)


def test_a_build_that_ended_approves_nothing_any_more(server: Jenkins) -> None:
    server.approvers, server.building = ["ada"], False
    stage = policy(server)
    assert "has ended" in refused(find_approval(stage, "", server.build_url, COMMAND), stage)


def test_a_name_alone_does_not_count_where_the_policy_names_a_jenkins(server: Jenkins) -> None:
    stage = policy(server)
    for by in ("", "ada"):
        message = refused(find_approval(stage, by, " ", COMMAND), stage)
        assert f"{COMMAND} --approved-in BUILD_URL" in message
        assert ("(ada)" in message) == bool(by)
    assert server.asked == []


@pytest.mark.parametrize(
    "build",
    [
        "/job/weighbridge/job/branches/job/evil/7/",
        "/job/weighbridge/job/delivery-of-mine/job/main/7/",
        "/job/weighbridge/7/",
        "/job/weighbridge/job/delivery/view/x/job/main/7/",
    ],
)
def test_a_build_of_another_job_is_not_even_asked(server: Jenkins, build: str) -> None:
    server.build, server.approvers = build, ["ada"]
    stage = policy(server)
    assert "is no build below" in refused(find_approval(stage, "", server.build_url, COMMAND), stage)
    assert server.asked == []


def test_a_build_of_another_jenkins_is_not_even_asked(server: Jenkins) -> None:
    server.approvers = ["ada"]
    stage = policy(server)
    with jenkins() as other:
        other.approvers = ["mallory"]
        refused(find_approval(stage, "", other.build_url, COMMAND), stage)
        assert other.asked == []


def test_of_several_approvals_the_last_counts_unless_a_name_says_which(server: Jenkins) -> None:
    server.approvers = ["ada", "grace"]
    stage = policy(server)
    assert find_approval(stage, "", server.build_url, COMMAND).by == "grace"
    assert find_approval(stage, "Ada", server.build_url, COMMAND).by == "ada"


def test_a_name_that_differs_from_the_builds_is_refused(server: Jenkins) -> None:
    server.approvers = ["ada"]
    for stage in (policy(server), ANY_NAME):
        message = refused(find_approval(stage, "grace", server.build_url, COMMAND), stage)
        assert "Approved by ada" in message
        assert "not by grace" in message


def test_only_those_whom_the_policy_names_approve(server: Jenkins) -> None:
    stage = policy(server, "ada", "grace")
    server.approvers = ["mallory"]
    assert "only these may: ada, grace" in refused(find_approval(stage, "", server.build_url, COMMAND), stage)
    server.approvers = ["grace", "mallory"]
    assert find_approval(stage, "", server.build_url, COMMAND).by == "grace"
    refused(find_approval(stage, "mallory", server.build_url, COMMAND), stage)


def test_the_user_and_token_are_those_of_the_environment(server: Jenkins, monkeypatch: pytest.MonkeyPatch) -> None:
    server.approvers, server.users = ["ada"], {"reader": "a-t0ken-of-a-reader"}
    stage = policy(server)
    with pytest.raises(UsageError, match="HTTP 403") as nobody:
        find_approval(stage, "", server.build_url, COMMAND)
    assert "WEIGHBRIDGE_JENKINS_TOKEN" in nobody.value.hint
    assert "Job/Read" in nobody.value.hint
    monkeypatch.setenv("WEIGHBRIDGE_JENKINS_USER", "reader")
    with pytest.raises(UsageError, match="WEIGHBRIDGE_JENKINS_TOKEN is not"):
        find_approval(stage, "", server.build_url, COMMAND)
    monkeypatch.setenv("WEIGHBRIDGE_JENKINS_TOKEN", "t0ken-of-nobody")
    with pytest.raises(UsageError, match="HTTP 401") as wrong:
        find_approval(stage, "", server.build_url, COMMAND)
    assert "t0ken-of-nobody" not in str(wrong.value)
    monkeypatch.setenv("WEIGHBRIDGE_JENKINS_TOKEN", "a-t0ken-of-a-reader")
    assert find_approval(stage, "", server.build_url, COMMAND).by == "ada"
    assert server.asked[-1][1] == "reader"
    assert mask("with a-t0ken-of-a-reader") == "with ***"


@pytest.mark.parametrize(
    ("status", "error"),
    [(404, UsageError), (400, UsageError), (500, InfrastructureError), (503, InfrastructureError)],
)
def test_an_answer_that_is_no_build_fails(server: Jenkins, status: int, error: type[Exception]) -> None:
    server.status = status
    with pytest.raises(error, match=f"HTTP {status}"):
        find_approval(policy(server), "ada", server.build_url, COMMAND)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(server: Jenkins, status: int) -> None:
    with jenkins() as other:
        other.approvers = ["mallory"]
        server.status, server.location = status, f"{other.url}{other.build}api/json"
        with pytest.raises(UsageError, match="redirect"):
            find_approval(policy(server), "", server.build_url, COMMAND)
        assert other.asked == []


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", b'{"building": "true"}', b"\xff", b" " * (1 << 20) + b"{}"])
def test_what_does_not_answer_as_jenkins_does_fails(server: Jenkins, body: bytes) -> None:
    server.body = body
    with pytest.raises(UsageError, match="does not answer as Jenkins does"):
        find_approval(policy(server), "", server.build_url, COMMAND)


@pytest.mark.parametrize(
    "actions", ["null", "[null, 3]", '[{"_class": "x.ApproverAction", "userId": "mallory"}]', '[{"userId": "mallory"}]']
)
def test_only_the_plugins_own_action_is_an_approval(server: Jenkins, actions: str) -> None:
    server.body = f'{{"building": true, "actions": {actions}}}'.encode()
    stage = policy(server)
    assert "Nobody approved" in refused(find_approval(stage, "", server.build_url, COMMAND), stage)


def test_a_jenkins_that_is_not_reached_can_be_asked_again(server: Jenkins) -> None:
    with jenkins() as gone:
        stage, build = policy(gone), gone.build_url
    with pytest.raises(InfrastructureError, match="cannot be reached"):
        find_approval(stage, "ada", build, COMMAND)


def test_where_any_name_counts_a_build_is_as_good(server: Jenkins) -> None:
    server.approvers = ["ada"]
    assert find_approval(ANY_NAME, " ada ", "", COMMAND) == Approval("ada")
    for by in ("", "ADA"):
        assert find_approval(ANY_NAME, by, server.build_url, COMMAND) == Approval("ada", server.build_url)
    assert f"{COMMAND} --approved-by NAME" in refused(find_approval(ANY_NAME, " ", "", COMMAND), ANY_NAME)
    server.approvers = []
    assert "Nobody approved" in refused(find_approval(ANY_NAME, "", server.build_url, COMMAND), ANY_NAME)


def test_where_any_name_counts_a_build_that_cannot_be_read_takes_none_away(server: Jenkins) -> None:
    server.status = 403
    # As Jenkins' own address may be inside a network without certificates.
    for build in (server.build_url, "http://jenkins.example.org/job/a/1/"):
        found = find_approval(ANY_NAME, "ada", build, COMMAND)
        assert (found.by, found.build) == ("ada", "")
        assert "was not compared" in approved_gate(found, ANY_NAME, "x").message
        with pytest.raises(UsageError):
            find_approval(ANY_NAME, "", build, COMMAND)


def test_where_nobody_must_approve_no_build_is_read(server: Jenkins) -> None:
    stage = Stage(stage="production")
    assert find_approval(stage, "", server.build_url, COMMAND) == Approval()
    assert find_approval(stage, "ada", server.build_url, COMMAND) == Approval("ada")
    assert server.asked == []
