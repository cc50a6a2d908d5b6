"""What is applied to a cluster: valid for the newest Kubernetes, closed by default, and consistent in itself."""

import copy
import json
import re
import typing

import kubernetes_validate
import pytest

from tests.infra.kubernetes.rendering import STAGES, Object, amount, names, of_kind, render, the
from weighbridge.common.resources import Resources

KUBERNETES_VERSION = "1.37"
# None of these runs a pod or reaches beyond its namespace; the policies of `cluster` only refuse.
KINDS = {
    "Namespace",
    "ServiceAccount",
    "Role",
    "RoleBinding",
    "ResourceQuota",
    "LimitRange",
    "NetworkPolicy",
    "PersistentVolumeClaim",
    "ConfigMap",
}
PRODUCTION = {
    ("Role", "weighbridge-production-writer"),
    ("RoleBinding", "weighbridge-production-writer"),
}


def errors_of(objects: list[Object]) -> list[str]:
    """What Kubernetes' schema says against any of the objects, unknown fields included."""
    errors = []
    for checked in objects:
        try:
            kubernetes_validate.validate(checked, KUBERNETES_VERSION, strict=True)
        except kubernetes_validate.ValidationError as error:
            path = ".".join(str(part) for part in error.path)
            errors.append(f"{checked['kind']}/{checked['metadata']['name']} {path}: {error.message}")
    return errors


def by_name(objects: list[Object], stage: str) -> dict[tuple[str, str], Object]:
    """Objects with the stage's name taken out, so that stages can be compared."""
    text = re.sub(rf"weighbridge-{stage}\b", "weighbridge-STAGE", json.dumps(objects))
    plain = json.loads(text.replace(f'"weighbridge/stage": "{stage}"', '"weighbridge/stage": "STAGE"'))
    return {(one["kind"], one["metadata"]["name"]): one for one in plain}


@pytest.mark.parametrize("folder", [*STAGES, "cluster"])
def test_every_object_is_valid(folder: str) -> None:
    objects = render(folder)
    assert objects
    assert errors_of(objects) == []


def test_a_mistyped_field_and_a_wrong_type_are_found() -> None:
    objects = copy.deepcopy(render("dev"))
    the(objects, "ResourceQuota")["spec"]["hards"] = {}
    the(objects, "NetworkPolicy", "default-deny")["spec"]["policyTypes"] = "Ingress"
    assert [error.split()[0] for error in errors_of(objects)] == [
        "ResourceQuota/weighbridge",
        "NetworkPolicy/default-deny",
    ]


@pytest.mark.parametrize("stage", STAGES)
def test_only_kinds_without_pods_and_without_cluster_wide_rights(stage: str) -> None:
    assert {found["kind"] for found in render(stage)} == KINDS
    assert {found["kind"] for found in render("cluster")} == {
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
    }


def test_every_stage_has_a_namespace_of_its_own_and_stays_in_it() -> None:
    for stage in STAGES:
        objects = render(stage)
        assert names(objects, "Namespace") == {f"weighbridge-{stage}"}
        inside = {one["metadata"].get("namespace") for one in objects if one["kind"] != "Namespace"}
        assert inside == {f"weighbridge-{stage}"}
        assert {one["metadata"]["labels"]["weighbridge/stage"] for one in objects} == {stage}
    assert all("namespace" not in one["metadata"] for one in render("cluster"))


@pytest.mark.parametrize("stage", STAGES)
def test_every_namespace_enforces_the_restricted_profile(stage: str) -> None:
    labels = the(render(stage), "Namespace")["metadata"]["labels"]
    assert {labels[f"pod-security.kubernetes.io/{mode}"] for mode in ("enforce", "audit", "warn")} == {"restricted"}


def test_stages_differ_in_quota_and_pipeline_root_and_only_prod_has_production() -> None:
    dev, staging, prod = (by_name(render(stage), stage) for stage in STAGES)
    assert dev.keys() == staging.keys()
    assert prod.keys() - dev.keys() == PRODUCTION
    assert dev.keys() - prod.keys() == set()
    for other in (staging, prod):
        assert {key for key in dev if dev[key] != other[key]} == {("ResourceQuota", "weighbridge")}


def test_every_stage_writes_below_a_pipeline_root_of_its_own() -> None:
    roots = [the(render(stage), "ConfigMap", "kfp-launcher")["data"]["defaultPipelineRoot"] for stage in STAGES]
    for stage, root in zip(STAGES, roots, strict=True):
        assert root.startswith(("minio://", "s3://", "gs://"))
        assert root.endswith(f"/weighbridge-{stage}")


@pytest.mark.parametrize("stage", STAGES)
def test_nothing_may_come_in_or_go_out_unless_another_policy_says_so(stage: str) -> None:
    spec = the(render(stage), "NetworkPolicy", "default-deny")["spec"]
    assert spec["podSelector"] == {}
    assert set(spec["policyTypes"]) == {"Ingress", "Egress"}
    assert not spec.get("ingress")
    assert not spec.get("egress")


@pytest.mark.parametrize("stage", STAGES)
def test_what_is_let_out_names_its_target_and_ports_and_never_the_metadata_service(stage: str) -> None:
    policies = of_kind(render(stage), "NetworkPolicy")
    opened = [rule for policy in policies for rule in policy["spec"].get("egress", [])]
    assert not any(policy["spec"].get("ingress") for policy in policies)
    # An absent `to` or `ports` means everywhere or everything.
    assert all(rule.get("to") and all(peer for peer in rule["to"]) for rule in opened)
    assert all(rule.get("ports") and all("port" in port for port in rule["ports"]) for rule in opened)
    blocks = [peer["ipBlock"] for rule in opened for peer in rule["to"] if "ipBlock" in peer]
    assert blocks
    assert all("169.254.0.0/16" in block.get("except", []) for block in blocks)
    assert {port["port"] for rule in opened for port in rule["ports"]} == {53, 443, 6443, 8080, 8333, 8887, 8888, 9000}


@pytest.mark.parametrize("stage", STAGES)
def test_the_quota_bounds_every_accelerator_a_step_can_ask_for(stage: str) -> None:
    annotation = Resources.model_fields["accelerator"].annotation
    kinds = {kind for part in typing.get_args(annotation) for kind in typing.get_args(part)}
    assert "nvidia.com/gpu" in kinds
    hard = the(render(stage), "ResourceQuota")["spec"]["hard"]
    assert {f"requests.{kind}" for kind in kinds} <= hard.keys()


@pytest.mark.parametrize("stage", STAGES)
def test_quota_and_limits_leave_room_for_what_is_there(stage: str) -> None:
    objects = render(stage)
    hard = the(objects, "ResourceQuota")["spec"]["hard"]
    assert all(amount(hard[key]) > 0 for key in ("requests.cpu", "requests.memory", "pods"))
    claims = [
        amount(claim["spec"]["resources"]["requests"]["storage"]) for claim in of_kind(objects, "PersistentVolumeClaim")
    ]
    assert sum(claims) <= amount(hard["requests.storage"])
    container, claim = the(objects, "LimitRange")["spec"]["limits"]
    assert max(claims) <= amount(claim["max"]["storage"])
    # Kubernetes refuses a pod whose request is above its limit.
    assert all(
        amount(container["defaultRequest"][key]) <= amount(container["default"][key]) for key in ("cpu", "memory")
    )


def test_without_an_overlay_the_quota_is_closed() -> None:
    assert {amount(value) for value in the(render("base"), "ResourceQuota")["spec"]["hard"].values()} == {0}


@pytest.mark.parametrize("stage", STAGES)
def test_what_is_referred_to_exists(stage: str) -> None:
    objects = render(stage)
    for binding in of_kind(objects, "RoleBinding"):
        assert binding["roleRef"]["kind"] == "Role"
        assert binding["roleRef"]["name"] in names(objects, "Role")
        for subject in binding["subjects"]:
            assert subject["kind"] == "ServiceAccount"
            assert subject["name"] in names(objects, "ServiceAccount")
            assert subject["namespace"] == f"weighbridge-{stage}"
    kinds = {
        "configmaps": "ConfigMap",
        "persistentvolumeclaims": "PersistentVolumeClaim",
        "serviceaccounts": "ServiceAccount",
    }
    for role in of_kind(objects, "Role"):
        for rule in role["rules"]:
            for resource in kinds.keys() & set(rule["resources"]):
                assert set(rule["resourceNames"]) <= names(objects, kinds[resource])
