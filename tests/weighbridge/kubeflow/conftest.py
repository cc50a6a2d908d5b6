"""A double of a Kubeflow server, a tiny package, and the verdict that its run leaves."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.weighbridge.kubeflow.double import serve
from tests.weighbridge.kubeflow.double_state import Double
from weighbridge.common.digests import file_digest
from weighbridge.common.files import json_text
from weighbridge.kubeflow.client import endpoint
from weighbridge.kubeflow.client.api import Api
from weighbridge.kubeflow.compile.package import Package
from weighbridge.verdict import Gate, Verdict
from weighbridge.verdict.verdict import GateList

SECRET = "eyJ-very-secret-token"
COOKIE = "authservice_session=very-secret-cookie"
PASSED = Gate(name="quality.auc.min", status="passed", observed=0.95, threshold=0.9, message="AUC is high enough.")
ROWS = Gate(name="examples.malformed.max", status="passed", observed=0, threshold=0.01, unit="", message="No bad rows.")
PUSHED = Gate(name="push.model.pushed", status="passed", observed=True, threshold=True, message="The model was pushed.")
SENTENCE = "AUC is 0.81, below 0.9: train on more data"
KEY = f"sha256:{'ab' * 32}"


KINDS = ("2.17", "main")
"""Servers with ML Metadata, and without."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What asks a server is tested with both kinds; `@pytest.mark.server(kind)` names the one that a test is about."""
    if "kubeflow" in metafunc.fixturenames:
        marker = metafunc.definition.get_closest_marker("server")
        metafunc.parametrize("kubeflow", marker.args if marker else KINDS, indirect=True)


@pytest.fixture
def kubeflow(request: pytest.FixtureRequest) -> Iterator[Double]:
    double, stop = serve(request.param)
    yield double
    stop()


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ENDPOINT", "NAMESPACE", "TOKEN", "TOKEN_FILE", "COOKIES", "CA_BUNDLE", "USER"):
        monkeypatch.delenv(f"WEIGHBRIDGE_KFP_{name}", raising=False)


@pytest.fixture
def api(kubeflow: Double) -> Api:
    return Api(endpoint.from_environment(kubeflow.url, environment={}))


@pytest.fixture
def package(tmp_path: Path) -> Package:
    """A package made by the installed kfp, with the names of the double's steps."""
    from kfp import compiler, dsl

    @dsl.container_component
    def step():
        return dsl.ContainerSpec(image="python:3.11", command=["true"])

    @dsl.pipeline(name="tiny")
    def tiny():
        before = None
        for name in ("ExampleGen", "Evaluator", "Pusher"):
            task = step().set_display_name(name)
            before = task.after(before) if before else task

    path = tmp_path / "tiny.yaml"
    compiler.Compiler().compile(tiny, str(path))
    steps = ("ExampleGen", "Evaluator", "Pusher")
    return Package(path, file_digest(path), "tiny", steps, f"registry/weighbridge@{KEY}", KEY)


@pytest.fixture
def evidence(kubeflow: Double) -> Callable[..., Double]:
    """Leave in the double's store what the steps of a passed run leave."""

    def leave(double: Double = kubeflow) -> Double:
        verdict = Verdict.of([ROWS, PASSED], pipeline="tiny", run_id="inside", subject={"model": f"sha256:{'cd' * 32}"})
        for step, key, gate in (
            ("ExampleGen", "examples", ROWS),
            ("Evaluator", "evaluation", PASSED),
            ("Pusher", "pushed_model", PUSHED),
        ):
            double.put(step, key, "gates.json", gates_bytes(gate))
        double.put("Evaluator", "evaluation", "verdict.json", verdict.canonical())
        return double

    return leave


@pytest.fixture
def compiled(package: Package, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """`submit` gets the tiny package from a substitute of `compile_package`; returns what it was called with."""
    calls: list[dict[str, Any]] = []

    def compile_package(definition: Any, parameters: Any, output: Path, **options: Any) -> Package:
        calls.append({"definition": definition.name, "output": output, **options})
        sys.stdout.write("noise of libraries\n")
        return package

    monkeypatch.setattr("weighbridge.kubeflow.compile.package.compile_package", compile_package)
    return calls


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """`wait` does not pause between questions."""
    import time

    monkeypatch.setattr(time, "sleep", lambda seconds: None)


def gates_bytes(*gates: Gate) -> bytes:
    return json_text(GateList(gates=gates).model_dump(mode="json")).encode()
