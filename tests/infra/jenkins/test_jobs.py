"""The jobs' script, evaluated by a strict stand-in for Job DSL, whose own schema is made on a running controller."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.infra.jenkins.test_controller import JENKINSFILE, casc
from tests.jenkins.job import groovy

HERE = Path(__file__).parent
URL = "https://git.example.org/team/repository.git"
Evaluate = Callable[..., Any]


def filled_in(**given: str) -> str:
    """The script with the variables that are given, as Configuration as Code fills them in."""
    (job,) = casc("jobs")["jobs"]

    def value(found: re.Match[str]) -> str:
        name, default = found[1].replace("-", "_"), found[2]
        assert name in given or default is not None, f"{found[1]} is not given and has no default"
        return given.get(name, default or "")

    return re.sub(r"\$\{([\w-]+)(?::-([^}]*))?\}", value, job["script"])


@pytest.fixture
def run(tmp_path: Path) -> Callable[[str], "subprocess.CompletedProcess[str]"]:
    def evaluated(script: str) -> "subprocess.CompletedProcess[str]":
        program, environment = groovy()
        (tmp_path / "jobs.groovy").write_text(script)
        command = [program, "-cp", str(HERE), str(HERE / "jobs.groovy"), str(tmp_path / "jobs.groovy")]
        return subprocess.run(command, env=environment, capture_output=True, text=True)

    return evaluated


@pytest.fixture
def jobs(run: Callable[[str], "subprocess.CompletedProcess[str]"]) -> Evaluate:
    def made(**given: str) -> dict[str, Any]:
        done = run(filled_in(WEIGHBRIDGE_REPOSITORY=URL, **given))
        assert done.returncode == 0, done.stderr
        return {inner["name"]: inner for item in json.loads(done.stdout) for inner in item.values()}

    return made


def secrets(job: dict[str, Any]) -> dict[str, str]:
    found = job["properties"]["folderCredentialsProperty"]["domainCredentials"]["domainCredentials"]["credentials"]
    return {one["stringCredentialsImpl"]["id"]: one["stringCredentialsImpl"]["secret"]["secret"] for one in found}


def test_branches_and_delivery_are_jobs_apart_of_one_jenkinsfile(jobs: Evaluate) -> None:
    made = jobs()
    assert made.keys() == {"weighbridge", "weighbridge/branches", "weighbridge/delivery"}
    for name in ("weighbridge/branches", "weighbridge/delivery"):
        assert made[name]["factory"]["workflowBranchProjectFactory"]["scriptPath"] == "Jenkinsfile"
        # The job looks for commits: a Jenkinsfile that polls as well would build each twice.
        assert made[name]["triggers"]["periodicFolderTrigger"]["interval"] == "5m"
    branches, delivery = (made[f"weighbridge/{name}"]["branchSources"]["git"] for name in ("branches", "delivery"))
    assert (branches["includes"], branches["excludes"]) == ("*", "main")
    assert (delivery["includes"], delivery["excludes"]) == ("main", "")
    assert branches["id"] != delivery["id"]
    assert branches["remote"] == delivery["remote"] == URL


def test_a_public_repository_needs_no_credential_and_a_private_one_gets_its_own(jobs: Evaluate) -> None:
    (domain,) = casc("credentials")["credentials"]["system"]["domainCredentials"]
    declared = {inner["id"] for one in domain["credentials"] for inner in one.values()}
    assert jobs()["weighbridge/delivery"]["branchSources"]["git"]["credentialsId"] == ""
    private = jobs(weighbridge_jenkins_git_username="reader")["weighbridge/delivery"]["branchSources"]["git"]
    assert private["credentialsId"] == "weighbridge-git"
    assert declared == {"weighbridge-delivery-pods", "weighbridge-git", "weighbridge-github"}


def test_on_github_pull_requests_are_merged_with_their_target_and_forks_are_not_built(jobs: Evaluate) -> None:
    made = jobs(WEIGHBRIDGE_GITHUB_APP="1234")
    for name, heads in (("branches", ("*", "main")), ("delivery", ("main", ""))):
        source = made[f"weighbridge/{name}"]["branchSources"]["branchSource"]["source"]["github"]
        assert source["credentialsId"] == "weighbridge-github"
        assert (source["repositoryUrl"], source["configuredByUrl"]) == (URL, True)
        traits = source["traits"]
        assert traits["gitHubPullRequestDiscovery"] == {"strategyId": 1}
        assert traits["gitHubBranchDiscovery"] == {"strategyId": 1}
        assert "gitHubForkDiscovery" not in traits
        assert tuple(traits["headWildcardFilter"].values()) == heads


def test_what_delivers_has_credentials_that_no_other_branch_can_bind(jobs: Evaluate) -> None:
    made = jobs(weighbridge_jenkins_kubeflow_token="to-kubeflow", weighbridge_jenkins_webhook_token="from-alarms")
    assert secrets(made["weighbridge/delivery"]) == {
        "weighbridge-kubeflow": "to-kubeflow",
        "weighbridge-webhook": "from-alarms",
    }
    assert "folderCredentialsProperty" not in made["weighbridge/branches"]["properties"]
    assert "properties" not in made["weighbridge"]
    (domain,) = casc("credentials")["credentials"]["system"]["domainCredentials"]
    anywhere = {inner["id"] for one in domain["credentials"] for inner in one.values()}
    used = set(re.findall(r"(?:kubeflow|webhook): '([\w-]+)'", JENKINSFILE))
    assert used == secrets(made["weighbridge/delivery"]).keys()
    assert not used & anywhere


def test_each_job_has_agents_of_a_cloud_that_no_other_job_may_use(jobs: Evaluate) -> None:
    made = jobs()
    permitted = {name: job.get("properties", {}).get("kubernetes") for name, job in made.items()}
    assert permitted == {
        # What a folder permits, it permits to all jobs in it.
        "weighbridge": None,
        "weighbridge/branches": {"permittedClouds": ["weighbridge-branches"]},
        "weighbridge/delivery": {"permittedClouds": ["weighbridge-delivery"]},
    }


def test_without_a_token_the_webhook_has_one_that_nobody_knows(jobs: Evaluate) -> None:
    first, second = (secrets(jobs()["weighbridge/delivery"]) for _ in range(2))
    assert first.keys() == {"weighbridge-webhook"}
    assert len(first["weighbridge-webhook"]) > 30
    assert first != second


def test_whoever_is_logged_in_starts_and_stops_rehearsals_alone(jobs: Evaluate) -> None:
    made = jobs()
    matrix = made["weighbridge/branches"]["properties"]["authorizationMatrix"]
    (entry,) = matrix["entries"]
    assert entry["group"] == {"name": "authenticated", "permissions": ["Job/Build", "Job/Cancel"]}
    assert matrix["inheritanceStrategy"].keys() == {"inheriting"}
    assert "authorizationMatrix" not in made["weighbridge/delivery"]["properties"]


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("multibranchPipelineJob('x') { branchSource { } }", "branchSource is not known in multibranchPipelineJob"),
        ("multibranchPipelineJob('x') { branchSources { git { remote('y') } } }", "git needs [id]"),
        (
            "multibranchPipelineJob('x') { branchSources { branchSource { source { github { id('y') } } } } }",
            "github needs",
        ),
    ],
)
def test_a_mistake_in_the_script_is_found(run: Callable[[str], Any], script: str, says: str) -> None:
    done = run(script)
    assert done.returncode != 0
    assert says in done.stderr
