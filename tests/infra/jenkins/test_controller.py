"""infra/jenkins: what a controller would read is sound, closed, and fits the Jenkinsfile. None is started here.

JCasC's own schema is made by a running controller from its plugins; no package has it. What can be checked without is
checked: YAML, pods against Kubernetes' schema, names against each other. test_jobs.py has the jobs, test_chart.py what
the chart makes of the values.
"""

import re
from collections.abc import Iterator
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.infra.kubernetes.rendering import KUBERNETES
from tests.infra.kubernetes.test_manifests import KUBERNETES_VERSION
from tests.jenkins.job import ROOT

JENKINS = ROOT / "infra/jenkins"
JENKINSFILE = (ROOT / "Jenkinsfile").read_text()
CASC = ("controller", "agents", "credentials", "jobs")

# Which plugin brings what the Jenkinsfile uses, as their pages on plugins.jenkins.io say.
BROUGHT_BY = {
    "pipeline": "pipeline-model-definition",
    "stage": "pipeline-stage-step",
    "input": "pipeline-input-step",
    "timestamps": "timestamper",
    "lock": "lockable-resources",
    "milestone": "pipeline-milestone-step",
    "checkout": "workflow-scm-step",
    "scmGit": "git",
    "timeout": "workflow-basic-steps",
    "GenericTrigger": "generic-webhook-trigger",
    "pollSCM": "git",
    "sh": "workflow-durable-task-step",
    "error": "workflow-basic-steps",
    "sleep": "workflow-basic-steps",
    "dir": "workflow-basic-steps",
    "deleteDir": "workflow-basic-steps",
    "archiveArtifacts": "workflow-basic-steps",
    "mail": "mailer",
    "readJSON": "pipeline-utility-steps",
    "withCredentials": "credentials-binding",
    "junit": "junit",
    "publishHTML": "htmlpublisher",
    "publishChecks": "checks-api",
    "script": "pipeline-model-definition",
}


def casc(name: str) -> dict[str, Any]:
    return yaml.safe_load((JENKINS / f"casc/{name}.yaml").read_text())


def templates() -> list[dict[str, Any]]:
    (cloud,) = casc("agents")["jenkins"]["clouds"]
    return cloud["kubernetes"]["templates"]


def pod(template: dict[str, Any]) -> dict[str, Any]:
    """The pod of a template, its image filled in as the controller does."""
    image = "registry.example.org/agent@sha256:" + "0" * 64
    return yaml.safe_load(template["yaml"].replace("${WEIGHBRIDGE_AGENT_IMAGE}", image))


def plugins() -> dict[str, str]:
    lines = [line for line in (JENKINS / "plugins.txt").read_text().splitlines() if not line.startswith("#")]
    return dict(line.split(":") for line in lines)


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Each value of a document with its path."""
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(inner, f"{path}.{key}")
    else:
        yield path, value


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


def test_what_the_agents_mount_and_run_as_is_declared() -> None:
    declared = list(yaml.safe_load_all((JENKINS / "work.yaml").read_text()))
    for found in declared:
        kubernetes_validate.validate(found, KUBERNETES_VERSION, strict=True)
    names = {(one["kind"], one["metadata"]["name"]) for one in declared}
    for template in templates():
        spec = pod(template)["spec"]
        assert ("ServiceAccount", spec["serviceAccountName"]) in names
        claims = {volume["persistentVolumeClaim"]["claimName"] for volume in spec["volumes"]}
        assert all(("PersistentVolumeClaim", claim) in names for claim in claims)


def test_agents_and_what_they_share_are_in_one_namespace_of_the_restricted_profile() -> None:
    namespaces = list(yaml.safe_load_all((JENKINS / "namespaces.yaml").read_text()))
    for namespace in namespaces:
        kubernetes_validate.validate(namespace, KUBERNETES_VERSION, strict=True)
        assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    declared = {namespace["metadata"]["name"] for namespace in namespaces}
    (cloud,) = casc("agents")["jenkins"]["clouds"]
    agents = cloud["kubernetes"]["namespace"]
    shared = {one["metadata"]["namespace"] for one in yaml.safe_load_all((JENKINS / "work.yaml").read_text())}
    readme = (JENKINS / "README.md").read_text()
    assert shared == {agents}
    assert set(re.findall(r"--namespace (\S+)", readme)) == declared == {agents, "jenkins"}


def test_agents_are_on_one_node_as_long_as_the_claim_is() -> None:
    (claim,) = [
        one for one in yaml.safe_load_all((JENKINS / "work.yaml").read_text()) if one["kind"] != "ServiceAccount"
    ]
    (cpu,) = [pod(template) for template in templates() if template["label"] == "weighbridge-cpu"]
    (term,) = cpu["spec"]["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert claim["spec"]["accessModes"] == ["ReadWriteOnce"]
    assert term["topologyKey"] == "kubernetes.io/hostname"
    # The first pod finds none beside which to run: Kubernetes lets it start because it is itself what is looked for.
    assert term["labelSelector"]["matchLabels"].items() <= cpu["metadata"]["labels"].items()


def test_there_is_an_agent_and_a_lock_for_every_choice_of_the_jenkinsfile() -> None:
    (choices,) = re.findall(r"name: 'ACCELERATOR', choices: \[(.*?)\]", JENKINSFILE)
    wanted = {f"weighbridge-{name}" for name in re.findall(r"'(\w+)'", choices)}
    assert wanted == {"weighbridge-cpu", "weighbridge-gpu", "weighbridge-tpu"}
    assert {template["label"] for template in templates()} == wanted
    resources = casc("controller")["unclassified"]["lockableResourcesManager"]["declaredResources"]
    assert {resource["labels"] for resource in resources} == wanted
    assert len({resource["name"] for resource in resources}) == len(resources)


def test_accelerators_are_asked_for_by_the_templates_that_are_named_so_alone() -> None:
    quota = (KUBERNETES / "base/limits.yaml").read_text()
    for template in templates():
        (container,) = pod(template)["spec"]["containers"]
        devices = {name for name in container["resources"]["limits"] if "/" in name}
        assert bool(devices) == (template["label"] != "weighbridge-cpu")
        assert all(f"requests.{device}" in quota for device in devices)


def test_every_plugin_that_the_jenkinsfile_needs_is_pinned() -> None:
    grammar = (ROOT / "tests/jenkins/harness/Grammar.groovy").read_text()
    steps = set(re.findall(r"^\s+(\w+)\s*: \[", grammar.split("ARGUMENTS")[1].split("STEPS")[0], re.MULTILINE))
    used = {name for name in steps | BROUGHT_BY.keys() if re.search(rf"\b{name}\b\s*[({{'\"\[]", JENKINSFILE)}
    core = {"string", "choice", "booleanParam", "upstream", "buildDiscarder", "logRotator", "disableConcurrentBuilds"}
    assert {"sh", "lock", "junit", "publishHTML", "GenericTrigger", "withCredentials"} <= used
    assert used - core <= BROUGHT_BY.keys()
    assert {BROUGHT_BY[name] for name in used - core} <= plugins().keys()
    # What casc/ configures, and the check of a pull request.
    configured = {"configuration-as-code", "job-dsl", "kubernetes", "matrix-auth", "plain-credentials"}
    assert configured | {"workflow-multibranch", "github-checks"} <= plugins().keys()
    assert all(re.fullmatch(r"\d[\w.-]*", version) for version in plugins().values())


def test_the_chart_installs_these_plugins_and_no_others() -> None:
    controller = yaml.safe_load((JENKINS / "values.yaml").read_text())["controller"]
    assert dict(line.split(":") for line in controller["installPlugins"]) == plugins()
    assert controller["installLatestPlugins"] is False
    assert controller["image"]["tag"].startswith("2.568.2-")


def test_secrets_are_references() -> None:
    for name in CASC:
        for path, value in leaves(casc(name)):
            if re.search(r"(password|secret|token|key)$", path, re.IGNORECASE) and ".envVars." not in path:
                assert re.fullmatch(r"\$\{[\w:-]+\}", str(value)), f"{name}{path}"


def test_what_the_configuration_refers_to_is_given_or_may_be_left_out() -> None:
    controller = yaml.safe_load((JENKINS / "values.yaml").read_text())["controller"]
    given = {one["name"] for one in controller["containerEnv"]} | {"chart-admin-username", "chart-admin-password"}
    text = "".join((JENKINS / f"casc/{name}.yaml").read_text() for name in CASC)
    assert set(re.findall(r"\$\{([\w-]+)\}", text)) <= given
    # What may be left out has a line in the values that brings it.
    commented = (JENKINS / "values.yaml").read_text()
    for name in set(re.findall(r"\$\{([\w-]+):-", text)):
        key = name.removeprefix("weighbridge-jenkins-")
        line = f"keyName: {key}}}" if key != name else f"name: {name}, value: "
        assert re.search(rf"^ +# - .*{re.escape(line)}", commented, re.MULTILINE), name


def test_no_secret_must_be_made_before_a_first_start() -> None:
    controller = yaml.safe_load((JENKINS / "values.yaml").read_text())["controller"]
    assert controller["additionalExistingSecrets"] == []


def test_builds_run_on_agents_and_strangers_see_nothing() -> None:
    jenkins = casc("controller")["jenkins"]
    assert jenkins["numExecutors"] == 0
    assert jenkins["slaveAgentPort"] == -1
    assert "anonymous" not in permissions()


def permissions() -> dict[str, set[str]]:
    """What each user and group may do everywhere."""
    entries = casc("controller")["jenkins"]["authorizationStrategy"]["projectMatrix"]["entries"]
    return {inner["name"]: set(inner["permissions"]) for entry in entries for inner in entry.values()}


def test_only_approvers_answer_the_question_before_production_and_only_they_cancel_it() -> None:
    (submitter,) = re.findall(r"submitter '([\w-]+)'", JENKINSFILE)
    allowed = permissions()
    assert {"Job/Build", "Job/Cancel"} <= allowed[submitter]
    # Job/Cancel is enough to say no. What else may be started and stopped is said by the job.
    assert allowed["authenticated"] == {"Overall/Read", "Job/Read", "View/Read"}
    assert {name for name, of in allowed.items() if "Overall/Administer" in of} == {"${chart-admin-username}"}
