"""What Kubernetes answers, and what a person is told of it."""

import pytest

from tests.components.trainer.train_job.double import NAMESPACE, POD, Double, node_pod, running
from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.components.trainer import TrainJob
from weighbridge.components.trainer.train_job import access
from weighbridge.components.trainer.train_job.manifest import StepPod, train_job

NAME = "train-0123456789abcdef"
MANIFEST = train_job(NAME, TrainJob(nodes=2), POD, "/weighbridge/training/jobs/x")


def test_the_step_knows_its_own_pod(jobs):
    assert jobs.own_pod(POD.name) == POD


def test_created_looked_at_and_deleted(jobs, kubernetes):
    assert jobs.get(NAME) is None
    jobs.create(MANIFEST)
    assert kubernetes.created == [MANIFEST]
    assert jobs.get(NAME)["metadata"]["name"] == NAME
    jobs.delete_and_wait(NAME)
    assert jobs.get(NAME) is None
    jobs.delete(NAME)  # is not there any more, which is as well


def test_only_the_pods_of_the_job_are_listed(jobs, kubernetes):
    for pod in (node_pod(NAME, 0), node_pod("another", 0)):
        kubernetes.pods[pod["metadata"]["name"]] = pod
    assert [pod["metadata"]["name"] for pod in jobs.pods(NAME)] == [f"{NAME}-node-0-0-k2x9f"]


@pytest.mark.parametrize(
    ("resource", "verb", "call"),
    [
        ("trainjobs", "create", lambda jobs: jobs.create(MANIFEST)),
        ("trainjobs", "get", lambda jobs: jobs.get(NAME)),
        ("trainjobs", "delete", lambda jobs: jobs.delete(NAME)),
        ("trainjobs", "patch", lambda jobs: jobs.adopt(MANIFEST, StepPod("b", "u", NAMESPACE, "i", "s"))),
        ("pods", "get", lambda jobs: jobs.own_pod(POD.name)),
        ("pods", "list", lambda jobs: jobs.pods(NAME)),
    ],
)
def test_a_missing_right_is_named(jobs, kubernetes, resource, verb, call):
    kubernetes.rights.remove((resource, verb))
    with pytest.raises(UsageError) as caught:
        call(jobs)
    assert f"refused to {verb} {resource} (403)" in caught.value.message
    assert "weighbridge-train" in caught.value.message
    assert f"`{verb}` on `{resource}`" in caught.value.hint


def test_a_manifest_that_trainer_refuses_is_told_in_its_words(jobs):
    wrong = {**MANIFEST, "spec": {**MANIFEST["spec"], "podSpecOverrides": []}}
    with pytest.raises(UsageError, match=r"\(422\).*podSpecOverrides"):
        jobs.create(wrong)


def test_a_runtime_that_is_not_there_is_no_missing_right(jobs, kubernetes):
    kubernetes.runtimes.clear()
    with pytest.raises(UsageError, match="TrainingRuntime specified in TrainJob is not found") as caught:
        jobs.create(MANIFEST)
    assert "kubectl get trainingruntimes" in caught.value.hint


@pytest.mark.parametrize("call", [lambda jobs: jobs.get(NAME), lambda jobs: jobs.create(MANIFEST)])
def test_a_cluster_without_kubeflow_trainer(jobs, kubernetes, call):
    """The first question tells, before an input is copied."""
    kubernetes.installed = False
    with pytest.raises(UsageError, match="Kubeflow Trainer v2 is not installed"):
        call(jobs)


@pytest.mark.parametrize("failure", [500, 503, 429, 401, "dropped"])
def test_an_api_that_is_away_for_a_moment_is_asked_again(jobs, kubernetes, failure):
    kubernetes.failures = [failure, failure]
    assert jobs.create(MANIFEST)["metadata"]["name"] == NAME
    assert len(kubernetes.created) == 1


def test_an_answer_that_was_lost_makes_no_second_job(jobs, kubernetes):
    kubernetes.failures = ["lost"]
    assert jobs.create(MANIFEST)["metadata"]["name"] == NAME
    assert len(kubernetes.created) == 1


@pytest.mark.parametrize("failure", [503, "dropped"])
def test_an_api_that_stays_away_is_an_infrastructure_error(kubernetes, failure):
    jobs = access.TrainJobs(kubernetes.configuration(), NAMESPACE, patience_s=0.05, pause_s=0.01)
    kubernetes.failures = [failure] * 1000
    with pytest.raises(InfrastructureError):
        jobs.get(NAME)


def test_nobody_listens():
    jobs = access.TrainJobs(Double(url="http://127.0.0.1:9").configuration(), NAMESPACE, patience_s=0, pause_s=0)
    with pytest.raises(InfrastructureError, match="cannot be reached"):
        jobs.get(NAME)


def test_a_job_that_will_not_go_away(jobs, kubernetes, monkeypatch):
    monkeypatch.setattr(access, "_GONE_S", 0.05)
    kubernetes.deletion_looks = 1000
    jobs.create(MANIFEST)
    with pytest.raises(InfrastructureError, match="does not go away"):
        jobs.delete_and_wait(NAME)


def test_a_second_pod_of_the_step_becomes_an_owner_too(jobs, kubernetes):
    kubernetes.script = [running()]
    jobs.create(MANIFEST)
    second = StepPod("second", "uid-2", NAMESPACE, POD.image, POD.service_account)
    for _ in range(2):
        jobs.adopt(jobs.get(NAME), second)
    assert [owner["uid"] for owner in jobs.get(NAME)["metadata"]["ownerReferences"]] == [POD.uid, "uid-2"]


def test_a_laptop_is_no_step(monkeypatch, tmp_path):
    monkeypatch.delenv(access.POD_NAME_VARIABLE, raising=False)
    assert not access.in_kubeflow_step()
    monkeypatch.setenv(access.POD_NAME_VARIABLE, "pod")  # kfp.local in a container: no account
    monkeypatch.setattr(access, "_TOKEN", tmp_path / "token")
    assert not access.in_kubeflow_step()
    (tmp_path / "token").write_text("secret")
    assert access.in_kubeflow_step()


def test_connecting_outside_a_pod_is_told():
    with pytest.raises(UsageError, match="service account of a pod"):
        access.connect()
