"""What the doctor finds of Prometheus."""

import time

import pytest

from tests.weighbridge.rollout.prometheus_double import Samples, prometheus
from weighbridge.doctor.finding import Finding
from weighbridge.doctor.monitoring import prometheus as look


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("", "_TOKEN", "_USER", "_PASSWORD"):
        monkeypatch.delenv(f"WEIGHBRIDGE_PROMETHEUS{name}", raising=False)


def found(monkeypatch: pytest.MonkeyPatch, address: str) -> Finding:
    monkeypatch.setenv("WEIGHBRIDGE_PROMETHEUS", address)
    [finding] = look()
    return finding


def test_without_it_nothing_is_wrong() -> None:
    [finding] = look()
    assert finding.state == "ok"


def test_one_that_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    with prometheus(Samples()) as address:
        assert found(monkeypatch, address).state == "ok"


def test_a_wrong_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    with prometheus(Samples(clock=lambda: time.time() + 300)) as address:
        finding = found(monkeypatch, address)
    assert finding.state == "wrong"
    assert "by 300 s" in finding.found or "by 299 s" in finding.found or "by 301 s" in finding.found


def test_one_that_takes_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    with prometheus(Samples(answer=lambda query: (401, b"who?"))) as address:
        finding = found(monkeypatch, address)
    assert "WEIGHBRIDGE_PROMETHEUS_TOKEN" in finding.mend


@pytest.mark.parametrize(("address", "retryable"), [("http://127.0.0.1:1", True), ("http://example.org", False)])
def test_none(monkeypatch: pytest.MonkeyPatch, address: str, retryable: bool) -> None:
    finding = found(monkeypatch, address)
    assert (finding.state, finding.retryable) == ("wrong", retryable)
