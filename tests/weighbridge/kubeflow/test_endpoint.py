"""Where and as whom: secrets stay secret, errors say what to do."""

import json
import socket
import traceback

import pytest

from tests.weighbridge.kubeflow.conftest import COOKIE, SECRET
from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.kubeflow.client import endpoint, runs
from weighbridge.kubeflow.client.api import Api


def asked(url, **variables):
    return Api(endpoint.from_environment(url, environment={f"WEIGHBRIDGE_KFP_{k}": v for k, v in variables.items()}))


def test_options_come_before_variables():
    variables = {"WEIGHBRIDGE_KFP_ENDPOINT": "https://one/pipeline/", "WEIGHBRIDGE_KFP_NAMESPACE": "a"}
    assert endpoint.from_environment(environment=variables).url == "https://one/pipeline"
    given = endpoint.from_environment("http://two", "b", variables)
    assert (given.url, given.namespace) == ("http://two", "b")
    assert given.page("runs/details/1") == "http://two/#/runs/details/1"


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({}, "No Kubeflow endpoint is named"),
        ({"ENDPOINT": "kubeflow"}, "is not a Kubeflow endpoint"),
        ({"ENDPOINT": "http://host:port"}, "is not a Kubeflow endpoint"),
        ({"ENDPOINT": "https://me:hunter2@host"}, "user or password"),
        ({"ENDPOINT": "https://host", "NAMESPACE": "My Team"}, "not a Kubernetes namespace"),
        ({"ENDPOINT": "https://host", "TOKEN": f"{SECRET}\nX-Other: 1"}, "no HTTP header"),
        ({"ENDPOINT": "https://host", "CA_BUNDLE": "/nowhere.pem"}, "WEIGHBRIDGE_KFP_CA_BUNDLE"),
        ({"ENDPOINT": "https://host", "TOKEN_FILE": "/nowhere"}, "WEIGHBRIDGE_KFP_TOKEN_FILE"),
    ],
)
def test_a_wrong_variable_is_named_and_no_secret_is(variables, message):
    with pytest.raises(UsageError, match=message) as raised:
        endpoint.from_environment(environment={f"WEIGHBRIDGE_KFP_{k}": v for k, v in variables.items()})
    assert SECRET not in str(raised.value)
    assert "hunter2" not in str(raised.value)


def test_one_kind_of_token_only(tmp_path):
    (tmp_path / "token").write_text("x")
    with pytest.raises(UsageError, match="Both"):
        asked("http://host", TOKEN="a", TOKEN_FILE=str(tmp_path / "token"))


def test_token_and_cookies_are_sent(kubeflow):
    api = asked(kubeflow.url, TOKEN=SECRET, COOKIES=COOKIE)
    with pytest.raises(UsageError):
        runs.get_run(api, "x")
    api.fetch("artifacts/get", {"bucket": "b", "key": "k"})
    for _, _, headers in kubeflow.requests:
        assert {name.lower(): value for name, value in headers.items()}["authorization"] == f"Bearer {SECRET}"
        assert headers["Cookie"] == COOKIE


def test_a_token_file_is_read_anew(kubeflow, tmp_path):
    """The kubelet replaces it while a long wait goes on."""
    file = tmp_path / "token"
    file.write_text("old\n")
    api = asked(kubeflow.url, TOKEN_FILE=str(file))
    kubeflow.token = "new"
    with pytest.raises(UsageError, match="does not know who asks"):
        runs.get_run(api, "x")
    file.write_text("new\n")
    with pytest.raises(UsageError, match="has no run x"):
        runs.get_run(api, "x")
    file.unlink()
    with pytest.raises(UsageError, match="cannot be read"):
        runs.get_run(api, "x")


def test_making_a_client_asks_nothing_and_writes_nothing(kubeflow, tmp_path, monkeypatch):
    import kfp

    context = tmp_path / "context.json"
    context.write_text(json.dumps({"namespace": "other", "client_authentication_cookie": "of=another"}))
    monkeypatch.setattr(kfp.Client, "_LOCAL_KFP_CONTEXT", str(context))
    api = asked(kubeflow.url)
    assert kubeflow.requests == []
    with pytest.raises(UsageError):
        runs.get_run(api, "x")
    assert "Cookie" not in kubeflow.requests[0][2]
    assert json.loads(context.read_text())["namespace"] == "other"


def test_a_dead_endpoint_is_an_infrastructure_failure():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(InfrastructureError, match="does not answer") as raised:
        runs.get_run(asked(url, TOKEN=SECRET), "x")
    assert url in raised.value.message
    assert "WEIGHBRIDGE_KFP_ENDPOINT" in raised.value.hint


@pytest.mark.parametrize(
    ("status", "body", "kind", "message", "hint"),
    [
        (401, b"{}", UsageError, "does not know who asks", "WEIGHBRIDGE_KFP_TOKEN"),
        (403, b'{"message": "no"}', UsageError, "does not allow run x", "WEIGHBRIDGE_KFP_NAMESPACE"),
        (404, b'{"message": "gone"}', UsageError, "has no run x", "Check the id"),
        (400, b'{"message": "Namespace is empty"}', UsageError, "Namespace is empty", "WEIGHBRIDGE_KFP_NAMESPACE"),
        (302, b"", UsageError, "login page", "WEIGHBRIDGE_KFP_COOKIES"),
        (500, b'{"message": "db is down"}', InfrastructureError, "db is down", "again"),
        (500, b'{"message": "executor not implemented"}', UsageError, "not implemented", "Correct"),
        (502, b"<html><title>Bad gateway</title></html>", InfrastructureError, "Bad gateway", "again"),
        (429, b"", InfrastructureError, "429", "again"),
    ],
)
def test_an_answer_becomes_an_error_that_says_what_to_do(kubeflow, status, body, kind, message, hint):
    kubeflow.failures = [(status, body)]
    with pytest.raises(kind, match=message) as raised:
        runs.get_run(asked(kubeflow.url), "x")
    assert hint in raised.value.hint


def test_a_login_page_is_no_run(kubeflow):
    """The generated client makes an empty run of it."""
    kubeflow.page = True
    with pytest.raises(UsageError, match="login page"):
        runs.get_run(asked(kubeflow.url), "x")


def test_no_secret_in_errors_and_tracebacks(kubeflow):
    kubeflow.token = "another"  # the double repeats what it was sent, as Kubeflow does
    api = asked(kubeflow.url, TOKEN=SECRET, COOKIES=COOKIE)
    with pytest.raises(UsageError) as raised:
        runs.get_run(api, "x")
    told = "".join(traceback.format_exception(raised.value)) + repr(api.endpoint)
    assert "***" in told
    assert SECRET not in told
    assert "very-secret-cookie" not in told


def test_a_server_without_trusted_certificate_names_the_variable(tmp_path):
    api = asked("https://host")
    with pytest.raises(UsageError, match="is not trusted") as raised:
        api._unreachable("SSLError: certificate verify failed")
    assert "WEIGHBRIDGE_KFP_CA_BUNDLE" in raised.value.hint
