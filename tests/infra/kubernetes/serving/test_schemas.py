"""What serving applies is valid by the schemas of Kubernetes, KServe, KEDA, Argo, Gateway API, Prometheus' operator."""

import copy
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.infra.kubernetes.rendering import STAGES, Object, render, the
from tests.infra.kubernetes.schemas import CUSTOM, all_errors, group
from tests.infra.kubernetes.serving.configuration import FORMS, applied, canary, settings
from weighbridge.storage.git.serving import ServingSettings

pytestmark = pytest.mark.slow

FOLDERS = ("deployment", "kserve", "tensorflow-serving", "rollout", *(f"overlays/{stage}" for stage in STAGES))


def variants(folder: Path) -> Iterator[list[Object]]:
    """What clusters get: each form with each autoscaler, and canaries."""
    for form in FORMS:
        for scaler in ("hpa", "keda", "none"):
            serving = ServingSettings(autoscaling=scaler, p99_ms=250, namespace="weighbridge-prod")
            asked = settings(manifests=form, serving=serving)
            yield applied(folder / form / scaler, asked, components=("components/gpu",))
    for form in ("deployment", "kserve"):
        for name, state in (("shadow", canary(percent=0, shadow=True)), ("tenth", canary(percent=0.1))):
            yield applied(
                folder / form / name, settings(manifests=form), state, components=("components/store-in-cluster",)
            )


def test_everything_that_is_applied_is_valid(tmp_path: Path) -> None:
    objects = [one for folder in FOLDERS for one in render(f"serving/{folder}")]
    objects += [one for variant in variants(tmp_path) for one in variant]
    assert {group(one) for one in objects} >= set(CUSTOM)
    assert all_errors(objects) == []


def test_mistyped_fields_and_wrong_types_in_custom_resources_are_found(tmp_path: Path) -> None:
    keda = settings(serving=ServingSettings(autoscaling="keda"))
    objects = copy.deepcopy(applied(tmp_path / "a", keda))
    objects += copy.deepcopy(applied(tmp_path / "b", settings(manifests="kserve")))
    objects += [copy.deepcopy(the(render("serving/rollout"), "Rollout"))]
    the(objects, "ScaledObject")["spec"]["triggers"][0]["metdata"] = {}
    the(objects, "Rollout")["spec"]["strategy"]["canary"]["steps"][1]["setWeight"] = "1"
    the(objects, "ServingRuntime")["spec"]["containers"][0]["volumeMount"] = []
    predictor = the(objects, "InferenceService")["spec"]["predictor"]
    predictor["minReplicas"] = "2"
    predictor["terminationGracePeriod"] = 60
    routes = [one for one in objects if one["kind"] == "HTTPRoute"]
    routes[0]["spec"]["rules"][0]["backendRefs"][0]["wieght"] = 1
    monitors = [one for one in objects if one["kind"] == "ServiceMonitor"]
    monitors[0]["spec"].pop("endpoints")
    errors = all_errors(objects)
    for said in ("metdata", "setWeight", "volumeMount", "minReplicas", "terminationGracePeriod", "wieght", "endpoints"):
        assert any(said in error for error in errors), (said, errors)
