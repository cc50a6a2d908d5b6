"""`model.yaml` on the manifests: the cluster runs the version that the records say, of the size that was measured."""

from pathlib import Path

import pytest

from tests.infra.kubernetes.rendering import Object, names, of_kind, the
from tests.infra.kubernetes.serving.configuration import (
    FORMS,
    SIZING,
    applied,
    canary,
    pod_metadata,
    pod_of,
    record,
    settings,
)
from weighbridge.storage.git.serving import ServingSettings

KINDS = {"deployment": "Deployment", "kserve": "InferenceService", "rollout": "Deployment"}


def told(workload: Object) -> dict[str, str]:
    """What the pods are told of their model."""
    return {
        name.removeprefix("weighbridge.io/"): value for name, value in pod_metadata(workload)["annotations"].items()
    }


def resources_of(workload: Object) -> Object:
    pod = pod_of(workload)
    return dict(pod["model"]["resources"] if "model" in pod else pod["containers"][0]["resources"])


@pytest.mark.parametrize("form", FORMS)
def test_the_pods_are_told_version_address_and_digest(tmp_path: Path, form: str) -> None:
    objects = applied(tmp_path, settings(manifests=form))
    said = told(the(objects, KINDS[form], "taxi-model"))
    assert said["model"] == "gs://models/taxi/7"
    assert (said["version"], said["pipeline"], said["digest"]) == ("7", "taxi", record().model_digest)
    assert "taxi-model-canary" not in names(objects, KINDS[form])


@pytest.mark.parametrize("form", FORMS)
def test_requests_limits_and_replicas_are_what_was_measured(tmp_path: Path, form: str) -> None:
    objects = applied(tmp_path, settings(manifests=form))
    assert resources_of(the(objects, KINDS[form], "taxi-model")) == {
        "requests": {"cpu": "900m", "memory": "700Mi"},
        "limits": {"cpu": "1800m", "memory": "1050Mi"},
    }
    if form == "kserve":
        predictor = the(objects, "InferenceService")["spec"]["predictor"]
        assert (predictor["minReplicas"], predictor["maxReplicas"]) == (2, 8)
        return
    scaler = the(objects, "HorizontalPodAutoscaler")["spec"]
    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (2, 8)
    [rate] = scaler["metrics"]
    assert rate["pods"]["target"] == {"type": "AverageValue", "averageValue": "217"}
    assert "replicas" not in the(objects, "Deployment", "taxi-model")["spec"] or form == "rollout"


@pytest.mark.parametrize("form", FORMS)
def test_without_measurements_the_manifests_own_numbers_stand(tmp_path: Path, form: str) -> None:
    objects = applied(tmp_path, settings(manifests=form), sizing=None)
    assert resources_of(the(objects, KINDS[form], "taxi-model"))["requests"] == {"cpu": "1", "memory": "1Gi"}
    assert told(the(objects, KINDS[form], "taxi-model"))["version"] == "7"


@pytest.mark.parametrize("form", ["deployment", "kserve"])
def test_a_canary_has_servers_of_its_own_and_its_share_of_requests(tmp_path: Path, form: str) -> None:
    objects = applied(tmp_path, settings(manifests=form), canary(percent=10))
    stable, other = (told(the(objects, KINDS[form], name)) for name in ("taxi-model", "taxi-model-canary"))
    assert (stable["version"], other["version"]) == ("7", "8")
    assert other["digest"] == record(8).model_digest
    assert other["model"] == "gs://models/taxi/8"
    [rule] = the(objects, "HTTPRoute")["spec"]["rules"]
    assert {each["name"]: each["weight"] for each in rule["backendRefs"]} == {"taxi-model": 90, "taxi-model-canary": 10}
    assert "filters" not in rule
    workload = the(objects, KINDS[form], "taxi-model-canary")
    replicas = workload["spec"]["replicas"] if form == "deployment" else workload["spec"]["predictor"]["minReplicas"]
    assert replicas == 1
    assert resources_of(workload) == resources_of(the(objects, KINDS[form], "taxi-model"))


def test_in_the_shadow_it_gets_copies_and_answers_nobody(tmp_path: Path) -> None:
    objects = applied(tmp_path, settings(), canary(percent=0, shadow=True))
    [rule] = the(objects, "HTTPRoute")["spec"]["rules"]
    assert [each["name"] for each in rule["backendRefs"]] == ["taxi-model"]
    [mirror] = rule["filters"]
    assert mirror["requestMirror"]["backendRef"] == {"name": "taxi-model-canary", "port": 8080}
    assert the(objects, "Deployment", "taxi-model-canary")["spec"]["replicas"] == SIZING.replicas


def test_one_that_is_taken_back_gets_no_request_at_once(tmp_path: Path) -> None:
    objects = applied(tmp_path, settings(), canary(percent=50, phase="rolling_back"))
    [rule] = the(objects, "HTTPRoute")["spec"]["rules"]
    assert [each["name"] for each in rule["backendRefs"]] == ["taxi-model"]


def test_the_route_reaches_the_services_that_select_the_pods(tmp_path: Path) -> None:
    for form in ("deployment", "kserve"):
        objects = applied(tmp_path / form, settings(manifests=form), canary())
        [rule] = the(objects, "HTTPRoute")["spec"]["rules"]
        for backend in rule["backendRefs"]:
            service = the(objects, "Service", backend["name"])
            assert backend["port"] in [port["port"] for port in service["spec"]["ports"]]
            chosen = [
                each["metadata"]["name"]
                for each in of_kind(objects, KINDS[form])
                if service["spec"]["selector"].items() <= pod_metadata(each)["labels"].items()
            ]
            assert chosen == [backend["name"]]


@pytest.mark.parametrize("form", ["deployment", "rollout"])
def test_keda_scales_by_this_models_series_in_this_namespace(tmp_path: Path, form: str) -> None:
    serving = ServingSettings(
        autoscaling="keda", namespace="weighbridge-prod", prometheus="http://prom:9090", max_replicas=5, p99_ms=250
    )
    objects = applied(tmp_path, settings(manifests=form, serving=serving))
    assert not of_kind(objects, "HorizontalPodAutoscaler")
    spec = the(objects, "ScaledObject")["spec"]
    assert (spec["minReplicaCount"], spec["maxReplicaCount"]) == (2, 5)
    assert spec["scaleTargetRef"]["name"] == "taxi-model"
    assert spec["scaleTargetRef"]["kind"] == ("Rollout" if form == "rollout" else "Deployment")
    rate, time = (trigger["metadata"] for trigger in spec["triggers"])
    assert rate["serverAddress"] == time["serverAddress"] == "http://prom:9090"
    assert 'model="taxi",namespace="weighbridge-prod"' in rate["query"]
    assert (rate["threshold"], time["threshold"]) == ("217", "0.25")


def test_kserve_hands_the_same_queries_to_keda(tmp_path: Path) -> None:
    serving = ServingSettings(autoscaling="keda", namespace="weighbridge-prod")
    service = the(applied(tmp_path, settings(manifests="kserve", serving=serving)), "InferenceService")
    assert service["metadata"]["annotations"]["serving.kserve.io/autoscalerClass"] == "keda"
    [metric] = service["spec"]["predictor"]["autoScaling"]["metrics"]
    assert 'model="taxi"' in metric["external"]["metric"]["query"]
    assert metric["external"]["target"] == {"type": "AverageValue", "averageValue": "217"}


def test_without_an_autoscaler_the_number_is_fixed(tmp_path: Path) -> None:
    serving = ServingSettings(autoscaling="none")
    objects = applied(tmp_path / "a", settings(serving=serving))
    assert the(objects, "Deployment", "taxi-model")["spec"]["replicas"] == 2
    assert not of_kind(objects, "HorizontalPodAutoscaler")
    objects = applied(tmp_path / "b", settings(manifests="rollout", serving=serving))
    assert the(objects, "Rollout")["spec"]["replicas"] == 2
    predictor = the(applied(tmp_path / "c", settings(manifests="kserve", serving=serving)), "InferenceService")["spec"][
        "predictor"
    ]
    assert predictor["minReplicas"] == predictor["maxReplicas"] == 2


def test_a_rollouts_analyses_ask_about_the_version_that_the_pods_get(tmp_path: Path) -> None:
    objects = applied(tmp_path, settings(manifests="rollout"))
    rollout = the(objects, "Rollout")
    pods = told(the(objects, "Deployment", "taxi-model"))
    asked = {
        argument["valueFrom"]["fieldRef"]["fieldPath"].split("'")[1].removeprefix("weighbridge.io/")
        for step in rollout["spec"]["strategy"]["canary"]["steps"]
        for argument in step.get("analysis", {}).get("args", [])
        if "valueFrom" in argument
    }
    assert asked == {"model", "pipeline", "version"}
    for name in asked:
        assert rollout["metadata"]["annotations"][f"weighbridge.io/{name}"] == pods[name]
