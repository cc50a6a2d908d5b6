"""infra/jenkins: what a controller would read is sound, closed, and fits the Jenkinsfile. None is started here.

JCasC's own schema is made by a running controller from its plugins; no package has it. What can be checked without is
checked: YAML, names against each other. test_agents.py has the agents, test_jobs.py the jobs, test_chart.py what the
chart makes of the values.
"""

import re
from collections.abc import Iterator
from typing import Any

import yaml

from tests.jenkins.job import ROOT

JENKINS = ROOT / "infra/jenkins"
# With the library that it loads.
JENKINSFILE = "".join(file.read_text() for file in (ROOT / "Jenkinsfile", *sorted(JENKINS.glob("library/vars/*"))))
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
    # They come with pipeline-groovy-lib, which workflow-aggregator asks for.
    "library": "workflow-aggregator",
    "legacySCM": "workflow-aggregator",
    "withEnv": "workflow-basic-steps",
    "catchError": "workflow-basic-steps",
    "usernamePassword": "credentials-binding",
}


def casc(name: str) -> dict[str, Any]:
    return yaml.safe_load((JENKINS / f"casc/{name}.yaml").read_text())


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
    given |= {f"{one['name']}-{one['keyName']}" for one in controller["additionalExistingSecrets"]}
    text = "".join((JENKINS / f"casc/{name}.yaml").read_text() for name in CASC)
    assert set(re.findall(r"\$\{([\w-]+)\}", text)) <= given
    # What may be left out has a line in the values that brings it.
    commented = (JENKINS / "values.yaml").read_text()
    for name in set(re.findall(r"\$\{([\w-]+):-", text)):
        key = name.removeprefix("weighbridge-jenkins-")
        line = f"keyName: {key}}}" if key != name else f"name: {name}, value: "
        assert re.search(rf"^ +# - .*{re.escape(line)}", commented, re.MULTILINE), name


def test_no_secret_must_be_made_by_hand_before_a_first_start() -> None:
    controller = yaml.safe_load((JENKINS / "values.yaml").read_text())["controller"]
    applied = yaml.safe_load_all((JENKINS / "delivery.yaml").read_text())
    secrets = {one["metadata"]["name"] for one in applied if one["kind"] == "Secret"}
    assert {one["name"] for one in controller["additionalExistingSecrets"]} == secrets


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
    (submitter,) = re.findall(r"approvers: '([\w-]+)'", JENKINSFILE)
    allowed = permissions()
    assert {"Job/Build", "Job/Cancel"} <= allowed[submitter]
    # Job/Cancel is enough to say no. What else may be started and stopped is said by the job.
    assert allowed["authenticated"] == {"Overall/Read", "Job/Read", "View/Read"}
    assert {name for name, of in allowed.items() if "Overall/Administer" in of} == {"${chart-admin-username}"}
