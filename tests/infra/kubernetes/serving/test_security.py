"""What serves models may do little: restricted pods, no token, no rights, a closed network, verified bytes only."""

import functools
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.infra.kubernetes.rendering import STAGES, Object, names, of_kind, render, the
from tests.infra.kubernetes.serving.configuration import applied, built, canary, pod_metadata, pod_of, settings
from tests.infra.kubernetes.test_manifests import errors_of

FORMS = ("deployment", "kserve", "tensorflow-serving", "rollout")
# None of these gives a right, and none reaches beyond the namespace.
NATIVE = {"ServiceAccount", "Service", "Deployment", "PodDisruptionBudget", "NetworkPolicy", "HorizontalPodAutoscaler"}
KINDS = {
    "deployment": NATIVE | {"HTTPRoute", "ServiceMonitor"},
    "tensorflow-serving": NATIVE | {"HTTPRoute", "ServiceMonitor", "ConfigMap"},
    "kserve": NATIVE - {"Deployment", "HorizontalPodAutoscaler"}
    | {"HTTPRoute", "ServiceMonitor", "InferenceService", "ServingRuntime"},
    "rollout": NATIVE | {"HTTPRoute", "ServiceMonitor", "Rollout", "AnalysisTemplate"},
}


@functools.cache
def objects_of(form: str) -> list[Object]:
    return render(f"serving/{form}")


def workloads(objects: list[Object]) -> list[Object]:
    return of_kind(objects, "Deployment") + of_kind(objects, "InferenceService")


def containers(objects: list[Object]) -> list[tuple[Object, Object]]:
    """Each container that may run, with the specification of its pod."""
    found = []
    for workload in workloads(objects):
        pod = pod_of(workload)
        own = pod.get("containers") or the(objects, "ServingRuntime")["spec"]["containers"]
        found += [(container, pod) for container in [*pod["initContainers"], *own]]
    for template in of_kind(objects, "AnalysisTemplate"):
        for metric in template["spec"]["metrics"]:
            pod = metric["provider"]["job"]["spec"]["template"]["spec"]
            found += [(container, pod) for container in pod["containers"]]
    return found


@pytest.mark.parametrize("form", FORMS)
def test_only_kinds_without_rights_and_within_the_namespace(form: str) -> None:
    assert {one["kind"] for one in objects_of(form)} == KINDS[form]


@pytest.mark.parametrize("form", FORMS)
def test_kubernetes_own_objects_are_valid(form: str) -> None:
    assert errors_of([one for one in objects_of(form) if one["kind"] in NATIVE | {"ConfigMap"}]) == []


@pytest.mark.parametrize("form", FORMS)
def test_every_container_is_restricted(form: str) -> None:
    """https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted, and a read-only root."""
    for container, pod in containers(objects_of(form)):
        own = (pod.get("securityContext") or {}) | container["securityContext"]
        assert (own["runAsNonRoot"], own["allowPrivilegeEscalation"]) == (True, False)
        assert own["runAsUser"] > 0
        assert (own["readOnlyRootFilesystem"], own["capabilities"]) == (True, {"drop": ["ALL"]})
        assert own["seccompProfile"] == {"type": "RuntimeDefault"}
        assert {"cpu", "memory"} <= container["resources"]["requests"].keys() & container["resources"]["limits"].keys()
        assert not {"hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"} & pod.keys()
        kinds = {kind for volume in pod["volumes"] for kind in volume if kind != "name"}
        assert kinds <= {"emptyDir", "configMap"}
        assert pod["automountServiceAccountToken"] is False


@pytest.mark.parametrize("form", FORMS)
def test_a_server_asks_kubernetes_nothing(form: str) -> None:
    objects = objects_of(form)
    assert the(objects, "ServiceAccount")["automountServiceAccountToken"] is False
    for workload in workloads(objects):
        assert pod_of(workload)["serviceAccountName"] == the(objects, "ServiceAccount")["metadata"]["name"]


@pytest.mark.parametrize("form", FORMS)
def test_a_server_reads_only_what_its_init_container_verified(form: str) -> None:
    objects = objects_of(form)
    for workload in workloads(objects):
        pod = pod_of(workload)
        [init] = pod["initContainers"]
        assert init["command"] == ["weighbridge", "verify"]
        assert "--key=/trust/signing.pub" in init["args"]
        [server] = pod.get("containers") or the(objects, "ServingRuntime")["spec"]["containers"]
        [models] = [mount for mount in server["volumeMounts"] if mount["mountPath"] == "/models"]
        assert models == {"name": "verified-model", "mountPath": "/models", "readOnly": True}
        [output] = [word for word in init["args"] if word.startswith("--output=")]
        assert output == "--output=/models/$(PIPELINE)/1"
        assert any(word.endswith(("=/models/$(PIPELINE)/1", "=/models/$(PIPELINE)")) for word in server["args"])
        # Without model.yaml no model is named: there is none to verify, and the pod does not start.
        assert "weighbridge.io/model" not in pod_metadata(workload)["annotations"]


@pytest.mark.parametrize("form", FORMS)
def test_only_the_gateway_and_prometheus_come_in(form: str) -> None:
    policies = of_kind(objects_of(form), "NetworkPolicy")
    assert all(set(policy["spec"]["policyTypes"]) == {"Ingress", "Egress"} for policy in policies)
    spec = next(one["spec"] for one in policies if one["metadata"]["name"] == "model-server")
    for workload in workloads(objects_of(form)):
        assert spec["podSelector"]["matchLabels"].items() <= pod_metadata(workload)["labels"].items()
    came = [
        (peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"], port["port"])
        for rule in spec["ingress"]
        for peer in rule["from"]
        for port in rule["ports"]
    ]
    assert came == [("gateway", "http"), ("gateway", "grpc"), ("monitoring", "http")]


@pytest.mark.parametrize("form", FORMS)
def test_what_goes_out_is_names_and_the_store_and_nothing_in_the_cluster(form: str) -> None:
    policies = of_kind(objects_of(form), "NetworkPolicy")
    rules = [rule for policy in policies for rule in policy["spec"]["egress"]]
    assert all(rule.get("to") and rule.get("ports") and all("port" in port for port in rule["ports"]) for rule in rules)
    [block] = [peer["ipBlock"] for rule in rules for peer in rule["to"] if "ipBlock" in peer]
    assert {"10.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"} <= set(block["except"])
    assert {port["port"] for rule in rules for port in rule["ports"]} <= {53, 443, 9090}


def test_models_in_the_clusters_own_store_open_that_store_alone(tmp_path: Path) -> None:
    objects = applied(tmp_path, settings(), components=("components/store-in-cluster",))
    [dns, store] = the(objects, "NetworkPolicy")["spec"]["egress"]
    assert {port["port"] for port in dns["ports"]} == {53}
    [peer] = store["to"]
    assert peer["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "kubeflow"}
    assert peer["podSelector"]["matchExpressions"][0]["values"] == ["minio", "seaweedfs"]


@pytest.mark.parametrize("component", ["model-server", "canary-judge"])
@pytest.mark.parametrize("stage", STAGES)
def test_steps_rules_of_the_same_namespace_open_nothing_for_servers(stage: str, component: str) -> None:
    """Policies add up: what all steps of pipelines may call must not be what servers may."""
    policies = of_kind(render(stage), "NetworkPolicy")
    chosen = [one["metadata"]["name"] for one in policies if chooses(one, {"app.kubernetes.io/component": component})]
    assert sorted(chosen) == ["allow-dns", "default-deny"]
    step = [one["metadata"]["name"] for one in policies if chooses(one, {})]
    assert {"allow-https", "allow-kubeflow"} <= set(step)


def chooses(policy: Object, labels: dict[str, str]) -> bool:
    selector: dict[str, Any] = policy["spec"]["podSelector"]
    for each in selector.get("matchExpressions", []):
        found = labels.get(each["key"])
        if {"In": found not in each.get("values", ()), "NotIn": found in each.get("values", ())}[each["operator"]]:
            return False
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_serves_in_the_namespace_of_its_pipelines(stage: str) -> None:
    objects = render(f"serving/overlays/{stage}")
    assert {one["metadata"]["namespace"] for one in objects} == names(render(stage), "Namespace")
    assert {one["metadata"]["labels"]["weighbridge/stage"] for one in objects} == {stage}
    own = {(one["kind"], one["metadata"]["name"]) for one in objects}
    assert not own & {(one["kind"], one["metadata"]["name"]) for one in render(stage)}


def test_the_gateway_sends_neither_metrics_nor_the_loading_of_models_inside(tmp_path: Path) -> None:
    for objects in (objects_of("deployment"), objects_of("rollout"), applied(tmp_path, settings(), canary())):
        [rule] = the(objects, "HTTPRoute")["spec"]["rules"]
        assert [match["path"]["value"] for match in rule["matches"]] == ["/v1/models", "/v2/models", "/v2/health"]


def test_kserve_opens_no_second_way_to_its_servers() -> None:
    for service in of_kind(objects_of("kserve"), "InferenceService"):
        assert service["metadata"]["labels"]["networking.kserve.io/visibility"] == "cluster-local"


def test_two_models_share_a_namespace_and_no_selector(tmp_path: Path) -> None:
    """The example's names and labels, for two pipelines."""
    made = {}
    for name in ("taxi", "churn"):
        folder = tmp_path / name
        applied(folder, settings())
        text = (folder / "kustomization.yaml").read_text().replace("taxi", name)
        (folder / "kustomization.yaml").write_text(text)
        made[name] = built(folder)
    keys = [{(one["kind"], one["metadata"]["name"]) for one in objects} for objects in made.values()]
    assert not keys[0] & keys[1]
    for name, objects in made.items():
        for one in objects:
            selector = selector_of(one)
            if selector is not None:
                assert selector["app.kubernetes.io/instance"] == name, one
    assert yaml.safe_dump(made["churn"]).count("taxi-") == 0


def selector_of(one: Object) -> dict[str, str] | None:
    spec = one.get("spec", {})
    found = spec.get("selector") or spec.get("podSelector")
    return None if found is None else found.get("matchLabels", found)
