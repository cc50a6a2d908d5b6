"""What the official chart makes of values.yaml: `rendered.yaml`, kept by `rendered.sh`. No cluster takes it here."""

import hashlib
import re
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.infra.jenkins.test_agents import clouds, declared
from tests.infra.jenkins.test_controller import CASC, JENKINS, casc
from tests.infra.kubernetes.rendering import names, of_kind, the
from tests.infra.kubernetes.test_manifests import KUBERNETES_VERSION
from tests.jenkins.job import ROOT

VALUES = (JENKINS / "values.yaml").read_text()
README = (JENKINS / "README.md").read_text()
RENDERED = (ROOT / "tests/infra/jenkins/rendered.yaml").read_text()
OBJECTS: list[dict[str, Any]] = [document for document in yaml.safe_load_all(RENDERED) if document]


def agents() -> dict[str, Any]:
    """What both clouds have in common."""
    branches, delivery = clouds().values()
    return {key: value for key, value in branches.items() if delivery.get(key) == value}


def test_it_is_rendered_from_the_values_as_they_are() -> None:
    digest = hashlib.sha256(VALUES.encode()).hexdigest()
    assert digest in RENDERED.splitlines()[0], "run tests/infra/jenkins/rendered.sh"


def test_the_readme_installs_the_version_that_was_rendered() -> None:
    (version,) = set(re.findall(r'"helm.sh/chart": "jenkins-([\d.]+)"', RENDERED))
    assert set(re.findall(r"--version ([\d.]+)", README)) == {version}
    assert f"jenkins/jenkins {version} " in VALUES


@pytest.mark.parametrize("found", OBJECTS, ids=lambda found: f"{found['kind']}-{found['metadata']['name']}")
def test_objects_are_valid(found: dict[str, Any]) -> None:
    kubernetes_validate.validate(found, KUBERNETES_VERSION, strict=True)


def test_the_controller_may_make_pods_where_agents_run() -> None:
    (binding,) = [
        one for one in of_kind(OBJECTS, "RoleBinding") if one["metadata"]["namespace"] == agents()["namespace"]
    ]
    role = the(OBJECTS, "Role", binding["roleRef"]["name"])
    pod = the(OBJECTS, "StatefulSet")
    assert role["metadata"]["namespace"] == agents()["namespace"]
    assert any("pods" in rule["resources"] and "create" in rule["verbs"] for rule in role["rules"])
    assert binding["subjects"] == [
        {
            "kind": "ServiceAccount",
            "name": pod["spec"]["template"]["spec"]["serviceAccountName"],
            "namespace": pod["metadata"]["namespace"],
        }
    ]


def test_agents_reach_the_controller_by_its_service() -> None:
    service = the(OBJECTS, "Service")
    (port,) = service["spec"]["ports"]
    name, namespace = service["metadata"]["name"], service["metadata"]["namespace"]
    assert agents()["jenkinsUrl"] == f"http://{name}.{namespace}.svc.cluster.local:{port['port']}"
    assert agents()["webSocket"] is True
    assert not any("jenkinsTunnel" in cloud for cloud in clouds().values())
    # Nothing else is open, and this to every namespace.
    policy = the(OBJECTS, "NetworkPolicy")
    assert policy["spec"]["ingress"] == [{"ports": [{"port": port["targetPort"]}]}]


def test_the_controllers_pod_is_under_the_restricted_profile() -> None:
    spec = the(OBJECTS, "StatefulSet")["spec"]["template"]["spec"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert all(
        set(volume) & {"emptyDir", "configMap", "projected", "persistentVolumeClaim"} for volume in spec["volumes"]
    )
    containers = spec["initContainers"] + spec["containers"]
    assert len(containers) == 4
    for container in containers:
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    # No pod besides: nothing that the chart would run as it likes.
    assert not names(OBJECTS, "Pod")


def test_secrets_and_claims_that_the_controller_mounts_are_made_by_the_chart_or_applied_before() -> None:
    spec = the(OBJECTS, "StatefulSet")["spec"]["template"]["spec"]
    projected = [
        source["secret"] for volume in spec["volumes"] for source in volume.get("projected", {}).get("sources", [])
    ]
    claims = {
        volume["persistentVolumeClaim"]["claimName"] for volume in spec["volumes"] if "persistentVolumeClaim" in volume
    }
    given = names(OBJECTS, "Secret") | names(declared("delivery"), "Secret")
    assert {secret["name"] for secret in projected} <= given
    assert claims <= names(OBJECTS, "PersistentVolumeClaim")
    files = {item["path"] for secret in projected for item in secret["items"]}
    user = casc("controller")["jenkins"]["securityRealm"]["local"]["users"][0]
    assert {user["id"], user["password"]} == {f"${{{file}}}" for file in files if file.startswith("chart-")}


def test_all_configuration_is_ours() -> None:
    maps = names(OBJECTS, "ConfigMap")
    assert not [name for name in maps if "config-" in name], "the chart configures Jenkins, too"
    for name in CASC:
        text = (JENKINS / f"casc/{name}.yaml").read_text()
        assert "{{" not in text, "the chart would take it for a template"
        assert f"--set-file controller.JCasC.configScripts.{name}=infra/jenkins/casc/{name}.yaml" in README
