"""Asking Prometheus: what it answers, and everything else that may answer."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tests.weighbridge.rollout.prometheus_double import Samples, prometheus
from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.common.text import mask
from weighbridge.rollout.prometheus import Prometheus

NOW = 1_767_225_600.0
END = datetime.fromtimestamp(NOW, UTC)


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TOKEN", "USER", "PASSWORD"):
        monkeypatch.delenv(f"WEIGHBRIDGE_PROMETHEUS_{name}", raising=False)


@pytest.fixture
def samples() -> Samples:
    return Samples(clock=lambda: NOW)


@pytest.fixture
def server(samples: Samples) -> Iterator[Prometheus]:
    with prometheus(samples) as address:
        yield Prometheus(address + "/", timeout_s=5, pause=lambda seconds: None)


def test_its_clock_counts(server: Prometheus) -> None:
    assert server.now() == END


def test_raw_samples_of_a_time(server: Prometheus, samples: Samples) -> None:
    for at, value in ((NOW - 90, 1), (NOW - 30, 5), (NOW, 9), (NOW + 1, 10)):
        samples.add("requests", value, at, version="7")
    samples.add("requests", 3, NOW, version="6")
    [found] = server.samples('requests{version="7"}', END, 60)
    assert found.labels == {"version": "7"}
    assert (found.times, found.values) == ((NOW - 30, NOW), (5, 9))
    assert server.samples("no_such_name", END, 60) == []


def test_what_is_no_number_is_no_sample(server: Prometheus, samples: Samples) -> None:
    samples.add("memory", float("nan"), NOW - 1)
    samples.add("memory", 5.0, NOW)
    [found] = server.samples("memory", END, 60)
    assert found.values == (5.0,)


def test_an_expression_is_asked_for_at_steps(server: Prometheus, samples: Samples) -> None:
    samples.answer = lambda query: (
        200,
        json.dumps({"status": "success", "data": {"resultType": "matrix", "result": []}}).encode(),
    )
    server.samples('sum(bought{version="7"}) + 1', END, 60)
    assert samples.asked == ['(sum(bought{version="7"}) + 1)[60000ms:15000ms]']


@pytest.mark.parametrize(
    ("code", "data", "words", "kind"),
    [
        (503, b"starting up", "HTTP 503", InfrastructureError),
        (500, b'{"error": "query timed out"}', "query timed out", InfrastructureError),
        (200, b"<html>login</html>", "no JSON", InfrastructureError),
        (200, b"[]", "no JSON object", InfrastructureError),
        (200, b'{"status": "error"}', "status 'error'", InfrastructureError),
        (200, b'{"status": "success", "data": {"resultType": "vector", "result": []}}', "vector", InfrastructureError),
        (200, b'{"status": "success", "data": {"resultType": "matrix", "result": [{}]}}', "none", InfrastructureError),
        (
            200,
            b'{"status": "success", "warnings": ["no stores"], "data": {"resultType": "matrix", "result": []}}',
            "with all that it has: no stores",
            InfrastructureError,
        ),
        (
            200,
            b'{"status": "success", "isPartial": true, "data": {"resultType": "matrix", "result": []}}',
            "isPartial",
            InfrastructureError,
        ),
        (302, b"", "HTTP 302", UsageError),
        (404, b"", "HTTP 404", UsageError),
        (401, b"who?", "WEIGHBRIDGE_PROMETHEUS_TOKEN", UsageError),
        (422, b'{"error": "parse error at char 3"}', "parse error at char 3", UsageError),
    ],
)
def test_what_else_may_answer(server: Prometheus, samples: Samples, code, data, words, kind) -> None:
    samples.answer = lambda query: (code, data)
    with pytest.raises(kind) as error:
        server.samples("requests", END, 60)
    assert words in str(error.value)
    if kind is UsageError:
        assert len(samples.asked) == 1  # it would be the same again


def test_it_tries_again(server: Prometheus, samples: Samples) -> None:
    samples.answer = lambda query: (503, b"") if len(samples.asked) < 3 else None
    assert server.now() == END


def test_nobody_answers() -> None:
    waits: list[float] = []
    with pytest.raises(InfrastructureError, match="cannot be reached"):
        Prometheus("http://127.0.0.1:1", pause=waits.append).now()
    assert waits == [0.5, 1.0]


def test_credentials_are_sent_and_never_told(
    server: Prometheus, samples: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEIGHBRIDGE_PROMETHEUS_TOKEN", "s3cr3t-token-of-mine")
    server.now()
    assert samples.headers[-1]["Authorization"] == "Bearer s3cr3t-token-of-mine"
    samples.answer = lambda query: (401, b'{"error": "s3cr3t-token-of-mine is no token"}')
    with pytest.raises(UsageError) as error:
        server.now()
    assert "s3cr3t" not in mask(str(error.value))
    monkeypatch.delenv("WEIGHBRIDGE_PROMETHEUS_TOKEN")
    monkeypatch.setenv("WEIGHBRIDGE_PROMETHEUS_USER", "ada")
    with pytest.raises(UsageError, match="PASSWORD is not"):
        server.now()
    monkeypatch.setenv("WEIGHBRIDGE_PROMETHEUS_PASSWORD", "open sesame")
    samples.answer = lambda query: None
    server.now()
    assert samples.headers[-1]["Authorization"].startswith("Basic ")


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("", "no address of Prometheus"),
        ("prometheus:9090", "no address of Prometheus"),
        ("ftp://prometheus", "no address of Prometheus"),
        ("http://prometheus.example.org", "not encrypted"),
        ("https://ada:secret@prometheus.example.org", "holds credentials"),
        ("https://prometheus.example.org/?a=b", "no address of Prometheus"),
    ],
)
def test_addresses_that_are_none(address: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as error:
        Prometheus(address)
    assert "secret@" not in str(error.value)


@pytest.mark.parametrize("address", ["https://host/prefix/", "http://prometheus.monitoring.svc:9090"])
def test_addresses_that_are_some(address: str) -> None:
    assert Prometheus(address).address == address.rstrip("/")


def test_credentials_are_not_sent_in_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEIGHBRIDGE_PROMETHEUS_TOKEN", "s3cr3t-token-of-mine")
    with pytest.raises(UsageError, match="unencrypted"):
        Prometheus("http://prometheus.monitoring.svc:9090")
