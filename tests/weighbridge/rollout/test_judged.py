"""Which version is production beside a canary that somebody else walks."""

from collections.abc import Iterator

import pytest

from tests.weighbridge.rollout.prometheus_double import Samples, prometheus
from weighbridge.common.errors import UsageError
from weighbridge.rollout.judged import stable_version
from weighbridge.rollout.prometheus import Prometheus

NOW = 1_767_225_600.0


@pytest.fixture
def samples() -> Samples:
    return Samples(clock=lambda: NOW)


@pytest.fixture
def server(samples: Samples) -> Iterator[Prometheus]:
    with prometheus(samples) as address:
        yield Prometheus(address, timeout_s=5, pause=lambda seconds: None)


def answering(samples: Samples, version: str, requests: float, model: str = "taxi") -> None:
    for at, value in ((NOW - 60, 0.0), (NOW, requests)):
        samples.add("weighbridge_requests_total", value, at, model=model, version=version, code="200")


def test_production_is_who_answers_most_beside_the_canary(server: Prometheus, samples: Samples) -> None:
    for version, requests in (("5", 10), ("6", 90), ("7", 900)):
        answering(samples, version, requests)
    assert stable_version(server, "taxi", 7) == 6


def test_versions_that_are_no_numbers_are_none(server: Prometheus, samples: Samples) -> None:
    for version in ("²", "latest", ""):
        answering(samples, version, 900)
    with pytest.raises(UsageError, match="no version of taxi beside 7"):
        stable_version(server, "taxi", 7)
    answering(samples, "6", 1)
    assert stable_version(server, "taxi", 7) == 6


def test_any_name_of_a_model_stays_within_its_quotes(server: Prometheus, samples: Samples) -> None:
    answering(samples, "6", 90)
    with pytest.raises(UsageError):
        stable_version(server, 'x"} or weighbridge_requests_total{model="taxi', 7)
    assert r'model="x\"} or weighbridge_requests_total{model=\"taxi"' in samples.asked[-1]
