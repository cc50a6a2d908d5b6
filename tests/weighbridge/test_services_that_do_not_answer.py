"""Jenkins, GitHub, Kubernetes and Kubeflow that never answer: it is said, and has an end. Limits are injected."""

import pytest

from tests.blackhole import Blackhole
from weighbridge.common import progress
from weighbridge.common import rest as comments
from weighbridge.common.errors import InfrastructureError
from weighbridge.delivery import jenkins_build
from weighbridge.kubeflow.client import api as kubeflow
from weighbridge.kubeflow.client.endpoint import Endpoint


@pytest.fixture
def blackhole(monkeypatch):
    monkeypatch.setattr(progress, "SAY_AFTER_S", 0.02)
    hole = Blackhole()
    yield hole
    hole.close()


def jenkins(address, monkeypatch):
    monkeypatch.setattr(jenkins_build, "_SECONDS", 0.2)
    jenkins_build.read_build(f"{address}/job/taxi/1/")


def github(address, monkeypatch):
    monkeypatch.setattr(comments, "_TIMEOUT_S", (0.2, 0.2))
    comments.Api("GitHub", address, {}, "secret").call("GET", "/x", needs="")


def of_kubeflow(address, monkeypatch):
    monkeypatch.setattr(kubeflow, "TIMEOUT", (0.2, 0.2))
    kubeflow.Api(Endpoint(address)).read("a thing", "apis/v2beta1/things")


def of_client(address, monkeypatch):
    monkeypatch.setattr(kubeflow, "TIMEOUT", (0.2, 0.2))
    kubeflow.Api(Endpoint(address)).check()


@pytest.mark.parametrize(
    ("ask", "service", "tries"),
    [
        (jenkins, "Jenkins", 1),
        (github, "GitHub", 1),
        (of_kubeflow, "Kubeflow", 4),
        (of_client, "Kubeflow", 4),
    ],
)
def test_it_is_said_and_has_an_end(monkeypatch, blackhole, ask, service, tries):
    told: list[str] = []
    with progress.listening(told.append), pytest.raises(InfrastructureError, match=r"reached|does not answer"):
        ask(f"http://{blackhole.address}", monkeypatch)
    assert told[0].startswith(f"waiting for {service} at http://{blackhole.address}")
    assert len(blackhole.accepted) == tries
