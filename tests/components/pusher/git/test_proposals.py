"""By policy a push is a pull request: opened once, found again, and never mistaken for production."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from tests.components.pusher.helpers import versions, weigh
from tests.config_repository import ConfigRepository
from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.components.production_model import read_record
from weighbridge.components.pusher import git_target, push
from weighbridge.components.pusher.push import Pushed
from weighbridge.evidence.delivered import Delivered
from weighbridge.storage.git import proposals
from weighbridge.storage.git.address import parse_git_address
from weighbridge.storage.git.proposals import Proposal, propose, push_options, service_of

GITHUB = parse_git_address("git+https://github.com/acme/config.git//taxi?ref=main")
GITLAB = parse_git_address("git+ssh://git@gitlab.com:2222/acme/ml/config.git//taxi?ref=main")
TOKEN = "ghp_unmistakable0123456789"


class Service:
    """GitHub's and GitLab's requests for pull requests, as their documentation has them; nothing else of either."""

    def __init__(self) -> None:
        self.pulls: list[dict[str, Any]] = []
        self.written: list[tuple[str, str, dict[str, Any]]] = []
        self.status = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"service": self}))
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: dict[str, Any]) -> tuple[int, Any]:
        if self.status:
            return self.status, {"message": f"no: {TOKEN}"}
        if method != "GET":
            self.written.append((method, path, body))
        if path.endswith("/users"):
            return 200, [{"id": 5}] if query["username"] == ["jane"] else []
        if method == "GET":
            wanted = query.get("head", query.get("source_branch"))
            return 200, [pull for pull in self.pulls if [pull["head"]] == wanted]
        if method == "POST" and path.endswith(("/pulls", "/merge_requests")):
            number = len(self.pulls) + 1
            head = f"acme:{body['head']}" if "head" in body else body["source_branch"]
            page = f"https://host/{path.strip('/').partition('/')[0]}/{number}"
            self.pulls.append({"number": number, "iid": number, "head": head, "html_url": page, "web_url": page})
            return 201, self.pulls[-1]
        return 200, self.pulls[0]


class _Handler(BaseHTTPRequestHandler):
    service: Service

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        given = self.headers.get("Authorization", "").removeprefix("Bearer ") or self.headers.get("PRIVATE-TOKEN")
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
        found = self.service.answer(self.command, unquote(parts.path), parse_qs(parts.query), body)
        status, document = found if given == TOKEN else (401, {"message": "Bad credentials"})
        data = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_POST = do_PUT = do_PATCH = do_GET

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def service() -> Iterator[Service]:
    found = Service()
    yield found
    found.close()


def environment(service: Service) -> dict[str, str]:
    return {
        "GITHUB_TOKEN": TOKEN,
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_API_URL": service.url,
        "WEIGHBRIDGE_GITLAB_TOKEN": TOKEN,
        "CI_SERVER_HOST": "gitlab.com",
        "CI_API_V4_URL": f"{service.url}/api/v4",
    }


def refusing(pushed: Pushed) -> list[str]:
    return [gate.name for gate in pushed.gates if gate.refuses]


def test_github_opens_one_pull_request_and_finds_it_again(service: Service) -> None:
    asked = {"reviewers": ("jane",), "environment": environment(service)}
    first = propose(GITHUB, "weighbridge/taxi-7", "main", "Deliver taxi version 7", "Body", **asked)  # type: ignore[arg-type]
    assert first == Proposal("https://host/repos/1", True)
    content = {"title": "Deliver taxi version 7", "body": "Body", "head": "weighbridge/taxi-7", "base": "main"}
    assert service.written == [
        ("POST", "/repos/acme/config/pulls", content),
        ("POST", "/repos/acme/config/pulls/1/requested_reviewers", {"reviewers": ["jane"]}),
    ]
    again = propose(GITHUB, "weighbridge/taxi-7", "main", "Deliver anew", "Body", **asked)  # type: ignore[arg-type]
    assert again == first
    assert service.written[2:] == [("PATCH", "/repos/acme/config/pulls/1", {"title": "Deliver anew", "body": "Body"})]


def test_gitlab_opens_one_merge_request_and_finds_it_again(service: Service) -> None:
    asked = {"reviewers": ("jane", "nobody"), "environment": environment(service)}
    first = propose(GITLAB, "weighbridge/taxi-7", "main", "Title", "Body", **asked)  # type: ignore[arg-type]
    assert first == Proposal("https://host/api/1", True)
    [(method, path, content)] = service.written
    assert (method, path) == ("POST", "/api/v4/projects/acme/ml/config/merge_requests")
    assert content == {
        "title": "Title",
        "description": "Body",
        "source_branch": "weighbridge/taxi-7",
        "target_branch": "main",
        "remove_source_branch": True,
        "reviewer_ids": [5],
    }
    assert propose(GITLAB, "weighbridge/taxi-7", "main", "Title", "B", **asked) == first  # type: ignore[arg-type]
    assert service.written[1][:2] == ("PUT", "/api/v4/projects/acme/ml/config/merge_requests/1")


@pytest.mark.parametrize(
    ("address", "page"),
    [
        (GITHUB, "https://github.com/acme/config/compare/main...weighbridge/taxi-7?expand=1"),
        (GITLAB, "https://gitlab.com/acme/ml/config/-/merge_requests/new?merge_request%5Bsource_branch%5D=weighbridge"),
        (parse_git_address("git+file:///srv/config.git//taxi"), "file:///srv/config.git weighbridge/taxi-7"),
    ],
)
def test_without_a_token_the_page_to_open_it_on_is_told(address: Any, page: str) -> None:
    made = propose(address, "weighbridge/taxi-7", "main", "Title", "Body", environment={})
    assert made.url.startswith(page)
    assert not made.opened
    assert made.note


def test_gitlab_makes_a_merge_request_for_a_push_by_ssh() -> None:
    assert push_options(GITLAB, "main", "Title", {}) == (
        "merge_request.create",
        "merge_request.target=main",
        "merge_request.title=Title",
        "merge_request.remove_source_branch",
    )
    assert push_options(GITLAB, "main", "Title", {"GITLAB_TOKEN": "x"}) == push_options(GITHUB, "main", "T", {}) == ()
    said = "remote: View merge request for x:\nremote:   https://gitlab.com/acme/ml/config/-/merge_requests/12\n"
    made = propose(GITLAB, "x", "main", "Title", "Body", said=said, environment={})
    assert made == Proposal("https://gitlab.com/acme/ml/config/-/merge_requests/12", True)


def test_services_are_known_by_their_hosts_and_by_what_a_ci_server_tells() -> None:
    def of(host: str, **told: str) -> str:
        return service_of(parse_git_address(f"git+https://{host}/o/c.git//taxi"), told)

    assert [of("github.com"), of("acme.ghe.com"), of("git.acme.com", GITHUB_SERVER_URL="https://git.acme.com")] == [
        "GitHub"
    ] * 3
    assert [of("gitlab.com"), of("gitlab.acme.com"), of("git.acme.com", CI_SERVER_HOST="git.acme.com")] == [
        "GitLab"
    ] * 3
    assert of("git.acme.com") == of("notgithub.com") == ""


@pytest.mark.parametrize(("status", "error"), [(403, UsageError), (422, UsageError), (503, InfrastructureError)])
def test_what_a_service_refuses_is_said_without_the_token(
    service: Service, status: int, error: type[Exception]
) -> None:
    service.status = status
    with pytest.raises(error, match=f"GitHub answers {status}") as raised:
        propose(GITHUB, "b", "main", "Title", "Body", environment=environment(service))
    assert TOKEN not in str(raised.value)


def test_a_proposed_model_is_not_in_production_until_it_is_merged(
    config: ConfigRepository, models: Path, model: Path, other: Path, tmp_path: Path
) -> None:
    push(other, weigh(tmp_path / "first", other), config.address)
    config.settings(models, changes="pull_request")
    main = config.head()
    evaluation = weigh(tmp_path / "evaluation", model)

    pushed = push(model, evaluation, config.address)

    assert refusing(pushed) == []
    [gate] = [gate for gate in pushed.gates if gate.name == "push.pull_request.opened"]
    assert (gate.status, gate.severity) == ("refused", "warning"), "nobody opened it: there is no GitHub here"
    assert f"open the pull request at {pushed.proposed}" in gate.message
    assert pushed.proposed == f"file://{config.path} weighbridge/taxi-2"
    record = read_record(config.address)
    assert record is not None
    assert (record.version, config.head()) == (1, main)
    delivered = Delivered.at(pushed.path, 2, "production", already=False, proposed=pushed.proposed)
    assert delivered.destination == config.address
    told = ("version 2 is proposed, and in production when this is merged:", pushed.proposed)
    assert delivered.told(passed=True) == told

    branch = config.head("weighbridge/taxi-2")
    again = push(model, evaluation, config.address)
    assert (again.proposed, again.already) == (pushed.proposed, False)
    assert config.head("weighbridge/taxi-2") == branch
    assert versions(models) == [1, 2]

    config.run("update-ref", "refs/heads/main", branch)  # merged
    assert read_record(config.address) == pushed.record
    assert push(model, evaluation, config.address).already


def test_the_body_is_the_commit_s_and_ends_no_block(
    config: ConfigRepository, models: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.settings(models, changes="pull_request", more="reviewers: [jane]\n")
    asked: dict[str, Any] = {}

    def noted(address: object, branch: str, base: str, title: str, body: str, **more: Any) -> Proposal:
        asked.update(branch=branch, base=base, title=title, body=body, **more)
        return Proposal("https://github.com/acme/config/pull/3", True)

    monkeypatch.setattr(git_target, "propose", noted)
    evaluation = weigh(tmp_path / "evaluation", model)
    pushed = push(model, evaluation, config.address, approved_by="Jane ``` <b>", promoted_from="gs://m/staging")
    assert pushed.proposed == "https://github.com/acme/config/pull/3"
    assert (asked["branch"], asked["base"]) == ("weighbridge/taxi-1", "main")
    assert (asked["title"], asked["reviewers"]) == ("Deliver taxi version 1", ("jane",))
    assert asked["body"].startswith("```text\n1 gate passed.\n")
    assert asked["body"].count("```") == 2
    [gate] = [gate for gate in pushed.gates if gate.name == "push.pull_request.opened"]
    assert gate.passed
    assert "proposed in https://github.com/acme/config/pull/3" in gate.message


def test_a_service_that_is_away_leaves_the_branch_and_the_next_push_asks_again(
    config: ConfigRepository, models: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.settings(models, changes="pull_request")

    def away(*_: object, **__: object) -> Proposal:
        raise InfrastructureError("GitHub cannot be reached")

    evaluation = weigh(tmp_path / "evaluation", model)
    with monkeypatch.context() as patched, pytest.raises(InfrastructureError):
        patched.setattr(git_target, "propose", away)
        push(model, evaluation, config.address)
    branch = config.head("weighbridge/taxi-1")
    assert branch
    assert push(model, evaluation, config.address).proposed
    assert config.head("weighbridge/taxi-1") == branch
    assert versions(models) == [1]


@pytest.mark.parametrize(
    ("host", "told", "sent"),
    [
        ("github.com", {"GITHUB_TOKEN": "t"}, True),
        ("GitHub.com", {"GITHUB_TOKEN": "t", "GITHUB_SERVER_URL": "https://github.com"}, True),
        ("git.acme.com", {"GITHUB_TOKEN": "t", "GITHUB_SERVER_URL": "https://git.acme.com"}, True),
        ("gitlab.com", {"GITLAB_TOKEN": "t"}, True),
        ("git.acme.com", {"GITLAB_TOKEN": "t", "CI_SERVER_HOST": "git.acme.com"}, True),
        ("git.acme.com", {"GITLAB_TOKEN": "t", "CI_SERVER_URL": "https://git.acme.com/"}, True),
        ("github.acme.com", {"WEIGHBRIDGE_GITHUB_TOKEN": "t"}, True),
        ("gitlab.acme.com", {"WEIGHBRIDGE_GIT_TOKEN": "t", "GITLAB_TOKEN": "another's"}, True),
        ("github.acme.com", {"GITHUB_TOKEN": "t"}, False),
        ("acme.ghe.com", {"GITHUB_TOKEN": "t"}, False),
        ("github.evil.example", {"GITHUB_TOKEN": "t", "GITHUB_SERVER_URL": "https://github.com"}, False),
        ("github.com", {"GITHUB_TOKEN": "t", "GITHUB_SERVER_URL": "https://git.acme.com"}, False),
        ("gitlab.evil.example", {"GITLAB_TOKEN": "t", "CI_SERVER_HOST": "gitlab.com"}, False),
        ("gitlab.com", {"GITLAB_TOKEN": "t", "CI_SERVER_HOST": "gitlab.acme.com"}, False),
    ],
)
def test_the_token_of_a_service_reaches_that_service_alone(
    monkeypatch: pytest.MonkeyPatch, host: str, told: dict[str, str], sent: bool
) -> None:
    tokens: list[str] = []

    class Noting:
        """In place of requests: notes the token."""

        def __init__(self, _: str, __: str, ___: dict[str, str], token: str, *____: object) -> None:
            tokens.append(token)

        def call(self, method: str, *_: object, **__: object) -> Any:
            return [] if method == "GET" else {"html_url": "https://page", "web_url": "https://page"}

    monkeypatch.setattr(proposals, "Api", Noting)
    address = parse_git_address(f"git+https://{host}/acme/config.git//taxi?ref=main")
    made = propose(address, "weighbridge/taxi-7", "main", "Title", "Body", environment=told)
    assert (tokens, made.opened) == (["t"] if sent else [], sent)
    if not sent:
        [name] = [each for each in told if each.endswith("_TOKEN")]
        assert f"{name} is for " in made.note
        assert f"not sent to {host}." in made.note
    asks = push_options(address, "main", "Title", told)
    assert bool(asks) == (not sent and host.startswith("gitlab."))
