"""Agents: pods of two clouds, each for one job alone; those of branches read the store, and can in no way write it."""

import re
from copy import deepcopy
from typing import Any

import celpy
import kubernetes_validate
import pytest
import yaml

from tests.infra.jenkins.test_controller import JENKINS, JENKINSFILE, casc
from tests.infra.kubernetes.rendering import KUBERNETES, of_kind, the
from tests.infra.kubernetes.test_manifests import KUBERNETES_VERSION
from weighbridge.delivery.jenkins_build import TOKEN, USER

BRANCHES, DELIVERY = "weighbridge-branches", "weighbridge-delivery"
STORE = "/var/lib/weighbridge-store"
MAKES_DELIVERYS = "system:serviceaccount:jenkins:jenkins-delivery"
Pod = dict[str, Any]


def declared(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((JENKINS / f"{name}.yaml").read_text()))


def clouds() -> dict[str, dict[str, Any]]:
    return {cloud["kubernetes"]["name"]: cloud["kubernetes"] for cloud in casc("agents")["jenkins"]["clouds"]}


def templates(*names: str) -> list[dict[str, Any]]:
    """The templates of the clouds that are named; of all clouds where none is."""
    return [template for name in names or clouds() for template in clouds()[name]["templates"]]


def pod(template: dict[str, Any]) -> Pod:
    """The pod of a template, its variables filled in as the controller does where they are left out."""
    text = template["yaml"].replace("${WEIGHBRIDGE_AGENT_IMAGE}", "registry.example.org/agent@sha256:" + "0" * 64)
    return yaml.safe_load(re.sub(r"\$\{[\w-]+?:-(.*?)\}", r"\1", text))


@pytest.mark.parametrize("template", templates(), ids=lambda template: template["label"])
def test_an_agents_pod_is_valid_and_under_the_restricted_profile(template: dict[str, Any]) -> None:
    found = pod(template)
    named = found | {"metadata": found["metadata"] | {"name": "agent"}}
    kubernetes_validate.validate(named, KUBERNETES_VERSION, strict=True)
    spec = found["spec"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys()
    assert all(set(volume) <= {"name", "persistentVolumeClaim", "emptyDir"} for volume in spec["volumes"])
    for container in spec["containers"]:
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert "privileged" not in container["securityContext"]
        assert container["resources"]["requests"]["memory"] == container["resources"]["limits"]["memory"]


def test_a_pod_with_a_mistyped_field_is_found() -> None:
    wrong = pod(templates()[0])
    wrong["spec"]["serviceAccountNames"] = "x"
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong | {"metadata": {"name": "agent"}}, KUBERNETES_VERSION, strict=True)


@pytest.mark.parametrize("template", templates(), ids=lambda template: template["label"])
def test_every_agent_has_the_store_and_a_cache_of_its_own(template: dict[str, Any]) -> None:
    spec = pod(template)["spec"]
    (container,) = spec["containers"]
    variables = {one["name"]: one["value"] for one in container["env"] if "value" in one}
    mounts = {one["mountPath"]: one["name"] for one in container["volumeMounts"]}
    volumes = {one["name"]: one for one in spec["volumes"]}
    # By default the claim; a bucket is named in the values.
    assert variables["WEIGHBRIDGE_STORE"] == STORE
    assert "${WEIGHBRIDGE_STORE:-" in template["yaml"]
    assert volumes[mounts[STORE]]["persistentVolumeClaim"]["claimName"] == "weighbridge-store"
    assert volumes[mounts[variables["WEIGHBRIDGE_WORKDIR"]]]["emptyDir"] == {}


def test_branches_mount_the_store_read_only_and_delivery_alone_writes_it() -> None:
    for template in templates(BRANCHES):
        spec = pod(template)["spec"]
        assert spec["serviceAccountName"] == BRANCHES
        claims = [volume["persistentVolumeClaim"] for volume in spec["volumes"] if "persistentVolumeClaim" in volume]
        assert claims
        assert all(claim["readOnly"] is True for claim in claims)
        (mount,) = [one for one in spec["containers"][0]["volumeMounts"] if one["mountPath"] == STORE]
        assert mount["readOnly"] is True
    for template in templates(DELIVERY):
        spec = pod(template)["spec"]
        assert spec["serviceAccountName"] == DELIVERY
        assert not any(volume.get("persistentVolumeClaim", {}).get("readOnly") for volume in spec["volumes"])
        assert not any(one.get("readOnly") for one in spec["containers"][0]["volumeMounts"])


def test_each_cloud_is_for_whom_its_folder_permits_it_and_branches_is_the_one_for_who_names_none() -> None:
    assert list(clouds()) == [BRANCHES, DELIVERY]
    assert all(cloud["usageRestricted"] is True for cloud in clouds().values())


def test_no_label_is_in_both_clouds() -> None:
    """Jenkins would ask the first cloud for a pod, whoever asks: who is not permitted there would wait for ever."""
    branches, delivery = ({template["label"] for template in templates(name)} for name in (BRANCHES, DELIVERY))
    assert branches == {"weighbridge-cpu"}
    assert not branches & delivery
    prefix = casc("controller")["jenkins"]["globalNodeProperties"][0]["envVars"]["env"]
    (prefix,) = [one["value"] for one in prefix if one["key"] == "WEIGHBRIDGE_DELIVERY_AGENTS"]
    assert delivery == {f"{prefix}-{name}" for name in accelerators()}


def accelerators() -> set[str]:
    (choices,) = re.findall(r"name: 'ACCELERATOR', choices: \[(.*?)\]", JENKINSFILE)
    return set(re.findall(r"'(\w+)'", choices))


def test_there_is_a_lock_for_every_training_of_the_jenkinsfile() -> None:
    resources = casc("controller")["unclassified"]["lockableResourcesManager"]["declaredResources"]
    assert {resource["labels"] for resource in resources} == {f"weighbridge-{name}" for name in accelerators()}
    assert accelerators() == {"cpu", "gpu", "tpu"}
    assert len({resource["name"] for resource in resources}) == len(resources)


def test_accelerators_are_asked_for_by_the_templates_that_are_named_so_alone() -> None:
    quota = (KUBERNETES / "base/limits.yaml").read_text()
    for template in templates():
        (container,) = pod(template)["spec"]["containers"]
        devices = {name for name in container["resources"]["limits"] if "/" in name}
        assert bool(devices) == (not template["label"].endswith("-cpu"))
        assert all(f"requests.{device}" in quota for device in devices)


@pytest.mark.parametrize("name", ["namespaces", "store", "delivery"])
def test_what_agents_need_is_valid_and_applied_by_the_readme(name: str) -> None:
    for found in declared(name):
        kubernetes_validate.validate(found, KUBERNETES_VERSION, strict=True)
    assert f"kubectl apply --filename infra/jenkins/{name}.yaml" in (JENKINS / "README.md").read_text()


def test_what_the_agents_mount_and_run_as_is_declared() -> None:
    names = {(one["kind"], one["metadata"]["name"]) for one in declared("store")}
    for template in templates():
        spec = pod(template)["spec"]
        assert ("ServiceAccount", spec["serviceAccountName"]) in names
        claims = {one["persistentVolumeClaim"]["claimName"] for one in spec["volumes"] if "emptyDir" not in one}
        assert all(("PersistentVolumeClaim", claim) in names for claim in claims)
    assert all(
        account["automountServiceAccountToken"] is False for account in of_kind(declared("store"), "ServiceAccount")
    )


def test_agents_and_what_they_share_are_in_one_namespace_of_the_restricted_profile() -> None:
    for namespace in declared("namespaces"):
        assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    names = {namespace["metadata"]["name"] for namespace in declared("namespaces")}
    (agents,) = {cloud["namespace"] for cloud in clouds().values()}
    assert {one["metadata"]["namespace"] for one in declared("store")} == {agents}
    assert set(re.findall(r"--namespace (\S+)", (JENKINS / "README.md").read_text())) == names == {agents, "jenkins"}
    policy = the(declared("delivery"), "ValidatingAdmissionPolicy")
    selector = policy["spec"]["matchConstraints"]["namespaceSelector"]["matchLabels"]
    assert selector == {"kubernetes.io/metadata.name": agents}


def test_agents_are_on_one_node_as_long_as_the_claim_is() -> None:
    claim = the(declared("store"), "PersistentVolumeClaim")
    assert claim["spec"]["accessModes"] == ["ReadWriteOnce"]
    cpus = [pod(template) for template in templates() if template["label"].endswith("-cpu")]
    assert len(cpus) == 2
    for cpu in cpus:
        (term,) = cpu["spec"]["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
        assert term["topologyKey"] == "kubernetes.io/hostname"
        # The first pod finds none beside which to run: it starts because it is itself what is looked for.
        for other in cpus:
            assert term["labelSelector"]["matchLabels"].items() <= other["metadata"]["labels"].items()


def test_pods_of_delivery_are_made_by_an_account_that_no_job_can_act_as() -> None:
    found = declared("delivery")
    assert "credentialsId" not in clouds()[BRANCHES]
    (domain,) = casc("credentials")["credentials"]["system"]["domainCredentials"]
    (credential,) = [one["string"] for one in domain["credentials"] if "string" in one]
    assert credential["id"] == clouds()[DELIVERY]["credentialsId"]
    # Only the system itself sees a credential of this scope.
    assert credential["scope"] == "SYSTEM"
    account, secret = the(found, "ServiceAccount"), the(found, "Secret")
    assert secret["metadata"]["annotations"] == {"kubernetes.io/service-account.name": account["metadata"]["name"]}
    # A pod of a branch reads secrets of its own namespace at most.
    assert secret["metadata"]["namespace"] == account["metadata"]["namespace"] == "jenkins"
    mounted = yaml.safe_load((JENKINS / "values.yaml").read_text())["controller"]["additionalExistingSecrets"]
    assert mounted == [{"name": secret["metadata"]["name"], "keyName": "token"}]
    assert credential["secret"] == f"${{{secret['metadata']['name']}-token}}"


def test_that_account_may_make_pods_where_agents_run_and_nothing_else() -> None:
    found = declared("delivery")
    role, binding, account = (the(found, kind) for kind in ("Role", "RoleBinding", "ServiceAccount"))
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    assert binding["subjects"] == [
        {"kind": "ServiceAccount"} | {key: account["metadata"][key] for key in ("name", "namespace")}
    ]
    assert {role["metadata"]["namespace"], binding["metadata"]["namespace"]} == {clouds()[DELIVERY]["namespace"]}
    said = {resource for rule in role["rules"] for resource in rule["resources"]}
    assert said == {"pods", "pods/exec", "pods/log", "events"}


def admits(found: Pod, by: str) -> bool:
    """Evaluate the admission policy's own expressions.

    Args:
        found: a pod in the agents' namespace.
        by: user who asks for it.

    Returns:
        Whether Kubernetes would admit the pod.
    """
    spec = the(declared("delivery"), "ValidatingAdmissionPolicy")["spec"]
    facts = {"object": celpy.json_to_cel(found), "request": celpy.json_to_cel({"userInfo": {"username": by}})}
    environment = celpy.Environment()

    def holds(rule: dict[str, Any]) -> bool:
        return bool(environment.program(environment.compile(rule["expression"])).evaluate(facts))

    if not all(holds(rule) for rule in spec["matchConditions"]):
        return True
    return all(holds(rule) for rule in spec["validations"])


CONTROLLER = "system:serviceaccount:jenkins:jenkins"


def test_the_policy_is_bound_and_refuses() -> None:
    found = declared("delivery")
    policy, binding = the(found, "ValidatingAdmissionPolicy"), the(found, "ValidatingAdmissionPolicyBinding")
    assert binding["spec"] == {"policyName": policy["metadata"]["name"], "validationActions": ["Deny"]}
    assert policy["spec"]["failurePolicy"] == "Fail"
    (rule,) = policy["spec"]["matchConstraints"]["resourceRules"]
    assert (rule["operations"], rule["resources"]) == (["CREATE"], ["pods"])


def test_pods_of_both_clouds_are_admitted_for_who_makes_them() -> None:
    assert all(admits(pod(template), CONTROLLER) for template in templates(BRANCHES))
    assert all(admits(pod(template), MAKES_DELIVERYS) for template in templates(DELIVERY))


@pytest.mark.parametrize("template", templates(DELIVERY), ids=lambda template: template["label"])
def test_a_branch_that_describes_the_pods_of_delivery_gets_none(template: dict[str, Any]) -> None:
    assert not admits(pod(template), CONTROLLER)


def test_delivery_alone_has_the_user_who_reads_approvals() -> None:
    for template in templates():
        (container,) = pod(template)["spec"]["containers"]
        given = {one["name"]: one["valueFrom"]["secretKeyRef"] for one in container["env"] if "valueFrom" in one}
        wanted = {USER: "user", TOKEN: "token"} if template in templates(DELIVERY) else {}
        # Optional: without the secret, pods start all the same, and ask as nobody.
        assert given == {
            name: {"name": "weighbridge-reader", "key": key, "optional": True} for name, key in wanted.items()
        }
    assert "create secret generic weighbridge-reader" in (JENKINS / "README.md").read_text()


SECRET = {"secretKeyRef": {"name": "weighbridge-reader", "key": "token"}}


@pytest.mark.parametrize(
    ("changes", "admitted"),
    [
        ({}, True),
        ({"serviceAccountName": DELIVERY}, False),
        ({"serviceAccountName": "default"}, False),
        ({"volumes": [{"name": "store", "persistentVolumeClaim": {"claimName": "weighbridge-store"}}]}, False),
        ({"volumes": [{"name": "s", "persistentVolumeClaim": {"claimName": "x", "readOnly": False}}]}, False),
        ({"volumes": [{"name": "s", "persistentVolumeClaim": {"claimName": "x", "readOnly": True}}]}, True),
        ({"volumes": [{"name": "s", "hostPath": {"path": "/"}}]}, False),
        ({"volumes": [{"name": "s", "secret": {"secretName": "x"}}]}, False),
        ({"volumes": [{"name": "s", "csi": {"driver": "x"}}]}, False),
        # As the cloud's webhook adds it for the account's own identity.
        ({"volumes": [{"name": "t", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}]}, True),
        ({"volumes": [{"name": "t", "projected": {"sources": [{"secret": {"name": "x"}}]}}]}, False),
        ({"containers": [{"name": "a", "env": [{"name": "x", "value": "y"}]}]}, True),
        ({"containers": [{"name": "a"}, {"name": "b", "env": [{"name": "x", "valueFrom": SECRET}]}]}, False),
        ({"containers": [{"name": "a", "envFrom": [{"secretRef": {"name": "weighbridge-reader"}}]}]}, False),
        ({"initContainers": [{"name": "a", "env": [{"name": "x", "valueFrom": SECRET}]}]}, False),
        ({"initContainers": [{"name": "a"}]}, True),
    ],
)
def test_what_a_branch_may_describe(changes: dict[str, Any], admitted: bool) -> None:
    (template,) = templates(BRANCHES)
    described = deepcopy(pod(template))
    described["spec"] |= changes
    assert admits(described, CONTROLLER) is admitted
    # A person is no exception.
    assert admits(described, "kubernetes-admin") is admitted


def test_a_pod_without_volumes_is_admitted() -> None:
    assert admits({"spec": {"serviceAccountName": BRANCHES, "containers": [{"name": "jnlp"}]}}, CONTROLLER)
