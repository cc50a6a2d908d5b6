"""What pods and Jobs start is understood by our server, by `weighbridge canary` and by TensorFlow Serving."""

import re
import subprocess
import sys

import pytest

from tests.infra.kubernetes.rendering import Object, of_kind, render, the
from tests.infra.kubernetes.serving.configuration import SERVING
from weighbridge.serving.settings import parse
from weighbridge.serving.tensorflow_serving import METRICS_PATH, monitoring_config

TOLD = {"PIPELINE": "taxi", "VERSION": "7"}


def filled(words: list[str]) -> list[str]:
    """A container's arguments, as Kubernetes fills them in."""
    return [re.sub(r"\$\((\w+)\)", lambda name: TOLD[name[1]], word) for word in words]


def server_of(form: str) -> tuple[Object, Object]:
    """The server's container, and what says how long its pod may take to end."""
    objects = render(f"serving/{form}")
    if form == "kserve":
        return the(objects, "ServingRuntime")["spec"]["containers"][0], the(objects, "InferenceService", "model")[
            "spec"
        ]["predictor"]
    pod = the(objects, "Deployment", "model")["spec"]["template"]["spec"]
    return pod["containers"][0], pod


@pytest.mark.parametrize("form", ["deployment", "kserve", "rollout"])
def test_the_server_understands_its_arguments(form: str) -> None:
    container, pod = server_of(form)
    assert container["command"] == ["python", "-m", "weighbridge.serving"]
    assert {each["name"] for each in container["env"]} == TOLD.keys()
    found = parse(filled(container["args"]))
    assert (found.name, found.model, found.version) == ("taxi", "/models/taxi/1", 7)
    ports = {each["name"]: each["containerPort"] for each in container["ports"]}
    assert (found.host, ports) == ("0.0.0.0", {"http": found.port, "grpc": found.grpc_port})
    # It is to end by itself: answer on until gateways know, then finish what it has, before Kubernetes kills it.
    assert (
        found.drain_seconds
        > container["readinessProbe"]["periodSeconds"] * container["readinessProbe"]["failureThreshold"]
    )
    assert found.drain_seconds + found.grace_seconds < pod["terminationGracePeriodSeconds"]


@pytest.mark.parametrize("form", ["deployment", "kserve", "rollout"])
def test_probes_ask_for_readiness_after_the_warm_up_and_life_apart(form: str) -> None:
    container, _ = server_of(form)
    paths = {name: container[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "readiness", "liveness")}
    assert paths == {"startup": "/v2/health/ready", "readiness": "/v2/health/ready", "liveness": "/v2/health/live"}


def test_tensorflow_serving_tells_its_metrics_where_they_are_scraped() -> None:
    assert (SERVING / "tensorflow-serving/monitoring.config").read_text() == monitoring_config()
    objects = render("serving/tensorflow-serving")
    [endpoint] = the(objects, "ServiceMonitor")["spec"]["endpoints"]
    assert endpoint["path"] == METRICS_PATH
    for deployment in of_kind(objects, "Deployment"):
        pod = deployment["spec"]["template"]["spec"]
        [container] = pod["containers"]
        assert container["command"] == ["tensorflow_model_server"]
        assert "--model_base_path=/models/taxi" in filled(container["args"])
        for name in ("startup", "readiness", "liveness"):
            assert "httpGet" not in container[f"{name}Probe"]
        assert container["lifecycle"]["preStop"]["sleep"]["seconds"] < pod["terminationGracePeriodSeconds"]


def test_the_rollouts_job_says_what_weighbridge_canary_understands() -> None:
    """It comes as far as Prometheus, which is not there; 2 would be an option that nobody knows."""
    [metric] = the(render("serving/rollout"), "AnalysisTemplate", "weighbridge-canary")["spec"]["metrics"]
    [judge] = metric["provider"]["job"]["spec"]["template"]["spec"]["containers"]
    asked = {"pipeline": "taxi", "version": "8", "step": "2", "prometheus": "http://127.0.0.1:1"}
    words = [re.sub(r"{{args\.([\w-]+)}}", lambda name: asked[name[1]], word) for word in judge["args"]]
    words = [word.replace("/trust", str(SERVING / "example")) for word in words]
    assert judge["command"] == ["weighbridge", "canary"]
    command = [sys.executable, "-m", "weighbridge", "canary", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 3, done.stderr
    assert "http://127.0.0.1:1" in done.stderr
    rules = metric["provider"]["job"]["spec"]["podFailurePolicy"]["rules"]
    assert [(rule["action"], rule["onExitCodes"]["values"]) for rule in rules] == [("FailJob", [1, 2])]
