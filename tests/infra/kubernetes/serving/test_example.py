"""The example of a configuration repository's folder is what a push would leave, and builds as it lies there."""

from tests.infra.kubernetes import rendering
from tests.infra.kubernetes.rendering import the
from tests.infra.kubernetes.serving.configuration import SERVING, SIZING, built, pod_metadata
from weighbridge.components.production_model.record import read_record_file
from weighbridge.components.pusher.manifests import render
from weighbridge.storage.git.settings import parse_settings
from weighbridge.thresholds import load_gates

EXAMPLE = SERVING / "example"


def test_model_yaml_is_what_a_push_writes() -> None:
    said = parse_settings((EXAMPLE / "weighbridge.yaml").read_bytes(), "weighbridge.yaml")
    text = render(read_record_file(EXAMPLE / "production.json"), None, said, SIZING)
    assert (EXAMPLE / "model.yaml").read_text() == text


def test_it_builds_as_it_lies_there_and_runs_what_production_json_says() -> None:
    objects = built(EXAMPLE)
    record = read_record_file(EXAMPLE / "production.json")
    annotations = pod_metadata(the(objects, "Deployment", "taxi-model"))["annotations"]
    assert annotations["weighbridge.io/version"] == str(record.version)
    assert annotations["weighbridge.io/digest"] == record.model_digest
    assert the(objects, "HTTPRoute")["spec"]["hostnames"] == ["taxi.models.example.com"]
    # As it lies there it lets nothing start: its key is none.
    assert "BEGIN PUBLIC KEY" not in the(objects, "ConfigMap")["data"]["signing.pub"]


def test_the_thresholds_are_ones_and_a_rollouts_steps_are_those_of_its_jobs() -> None:
    for path in [EXAMPLE / "gates.yaml", *(SERVING.parents[1] / "gitops/repository").glob("*/*/gates.yaml")]:
        assert load_gates(path).latency is not None
    steps = load_gates(EXAMPLE / "gates.yaml").canary.steps
    walked = the(rendering.render("serving/rollout"), "Rollout")["spec"]["strategy"]["canary"]["steps"]
    weights = [step["setWeight"] for step in walked if "setWeight" in step]
    judged = [
        int(argument["value"])
        for step in walked
        for argument in step.get("analysis", {}).get("args", [])
        if argument["name"] == "step"
    ]
    assert [steps[number - 1].percent for number in judged] == weights
    assert steps[0].shadow
    assert judged == list(range(2, len(steps) + 1))
