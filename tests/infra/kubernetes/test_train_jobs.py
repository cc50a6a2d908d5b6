"""What `train-jobs` adds to a stage, and what a TrainJob may not do: act as another account, read secrets."""

import copy
from pathlib import Path
from typing import Any

import celpy
import kubernetes_validate
import pytest
from kubeflow_trainer_api.models import TrainerV1alpha1TrainingRuntime

from tests.infra.kubernetes.rendering import STAGES, Object, amount, names, of_kind, render, render_with, the
from tests.infra.kubernetes.test_rights import documented_rights, rights_of
from weighbridge.common.resources import Resources
from weighbridge.components.trainer import TrainJob
from weighbridge.components.trainer.train_job import workers
from weighbridge.components.trainer.train_job.manifest import StepPod, train_job

POLICY = "weighbridge-train-jobs"
NAMESPACE = "weighbridge-prod"


def key(one: Object) -> tuple[str, str]:
    return one["kind"], one["metadata"]["name"]


@pytest.fixture(scope="module", params=STAGES)
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[Object]]:
    folder: Path = tmp_path_factory.mktemp("overlay")
    return request.param, render_with("train-jobs", request.param, folder)


def test_it_adds_to_a_stage_and_changes_nothing_there(stage: tuple[str, list[Object]]) -> None:
    name, objects = stage
    before = {key(one): one for one in render(name)}
    after = {key(one): one for one in objects}
    assert all(after[each] == one for each, one in before.items())
    assert {kind for kind, _ in after.keys() - before.keys()} == {
        *("Role", "RoleBinding", "TrainingRuntime", "PersistentVolumeClaim", "NetworkPolicy"),
    }
    assert {one["metadata"].get("namespace") for each, one in after.items() if each not in before} == {
        f"weighbridge-{name}"
    }


def test_every_object_is_valid(stage: tuple[str, list[Object]]) -> None:
    _, objects = stage
    for one in objects:
        if one["kind"] != "TrainingRuntime":
            kubernetes_validate.validate(one, "1.37", strict=True)
    runtime = the(objects, "TrainingRuntime")
    assert TrainerV1alpha1TrainingRuntime.from_dict(runtime).to_dict() == runtime


def test_the_rights_are_those_of_the_readme(stage: tuple[str, list[Object]]) -> None:
    name, objects = stage
    assert sorted(set(rights_of(objects)) - set(rights_of(render(name)))) == documented_rights("train-jobs")


def test_the_default_option_finds_runtime_and_claim(stage: tuple[str, list[Object]]) -> None:
    _, objects = stage
    option = TrainJob()
    assert names(objects, option.runtime_kind) == {option.runtime}
    claim = the(objects, "PersistentVolumeClaim", option.claim)
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    claims = of_kind(objects, "PersistentVolumeClaim")
    wanted = sum(amount(each["spec"]["resources"]["requests"]["storage"]) for each in claims)
    assert wanted <= amount(the(objects, "ResourceQuota")["spec"]["hard"]["requests.storage"])


def test_the_runtime_has_the_names_that_trainer_and_our_manifest_go_by(stage: tuple[str, list[Object]]) -> None:
    _, objects = stage
    [job] = the(objects, "TrainingRuntime")["spec"]["template"]["spec"]["replicatedJobs"]
    assert job["name"] == workers.NODE
    assert job["template"]["metadata"]["labels"] == {"trainer.kubeflow.org/trainjob-ancestor-step": "trainer"}
    spec = job["template"]["spec"]
    assert [container["name"] for container in spec["template"]["spec"]["containers"]] == [workers.NODE]
    # A node that fails must end the TrainJob, or the step learns of it only when all restarts are used up.
    assert (spec["backoffLimit"], spec["template"]["spec"]["restartPolicy"]) == (0, "Never")


def test_nodes_talk_to_each_other_and_to_no_other_pod(stage: tuple[str, list[Object]]) -> None:
    _, objects = stage
    policy = the(objects, "NetworkPolicy", "allow-training")["spec"]
    [patch] = manifest()["spec"]["runtimePatches"]
    [job] = patch["trainingRuntimeSpec"]["template"]["spec"]["replicatedJobs"]
    labels = job["template"]["spec"]["template"]["metadata"]["labels"]
    assert policy["podSelector"]["matchLabels"].items() <= labels.items()
    assert policy["ingress"] == [{"from": [{"podSelector": policy["podSelector"]}]}]
    assert policy["egress"] == [{"to": [{"podSelector": policy["podSelector"]}]}]
    assert len(policy["podSelector"]["matchLabels"]) == 2  # more than what every step's pod has


def manifest(account: str = "weighbridge-train", **resources: Any) -> Object:
    pod = StepPod("step", "uid", NAMESPACE, "image", account)
    option = TrainJob(nodes=2, resources=Resources(**resources))
    return train_job("train-0123456789abcdef", option, pod, "/weighbridge/training/jobs/x")


def admits(job: Object, user: str = f"system:serviceaccount:{NAMESPACE}:weighbridge-train") -> bool:
    """Evaluate the policy's own expressions, as Kubernetes would."""
    spec = the(render("cluster"), "ValidatingAdmissionPolicy", POLICY)["spec"]
    facts = {"object": job, "request": {"namespace": NAMESPACE, "userInfo": {"username": user}}}
    values = {name: celpy.json_to_cel(fact) for name, fact in facts.items()}
    environment = celpy.Environment()

    def holds(rule: Object) -> bool:
        return bool(environment.program(environment.compile(rule["expression"])).evaluate(values))

    return not all(map(holds, spec["matchConditions"])) or all(map(holds, spec["validations"]))


def patched(**pod_spec: Any) -> Object:
    job = copy.deepcopy(manifest())
    [patch] = job["spec"]["runtimePatches"]
    [replicated] = patch["trainingRuntimeSpec"]["template"]["spec"]["replicatedJobs"]
    replicated["template"]["spec"]["template"]["spec"] |= pod_spec
    return job


def test_our_own_trainjobs_are_let_in() -> None:
    assert admits(manifest())
    assert admits(manifest(scratch="1Gi", shared_memory="1Gi", volumes={"/data": "data"}, empty_folders=("/a",)))


def test_one_without_patches_acts_as_nobody_and_is_let_in() -> None:
    job = manifest()
    del job["spec"]["runtimePatches"]
    assert admits(job)


SECRET = {"secretKeyRef": {"name": "mlpipeline-minio-artifact", "key": "secretkey"}}


@pytest.mark.parametrize(
    "job",
    [
        manifest("weighbridge-push"),
        patched(serviceAccountName="default"),
        patched(volumes=[{"name": "s", "secret": {"secretName": "any"}}]),
        patched(volumes=[{"name": "s", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}]),
        patched(volumes=[{"name": "s", "hostPath": {"path": "/"}}]),
        patched(containers=[{"name": "sidecar", "env": [{"name": "S", "valueFrom": SECRET}]}]),
        patched(initContainers=[{"name": "first", "env": [{"name": "S", "valueFrom": SECRET}]}]),
        {"spec": {"trainer": {"env": [{"name": "S", "valueFrom": SECRET}]}}},
        {"spec": {"initializer": {"model": {"secretRef": {"name": "any"}}}}},
        {"spec": {"podTemplateOverrides": [{"spec": {"serviceAccountName": "weighbridge-push"}}]}},
        {"spec": {"podSpecOverrides": [{"serviceAccountName": "weighbridge-push"}]}},
    ],
)
def test_one_that_reaches_for_more_is_refused(job: Object) -> None:
    assert not admits(job)


def test_a_second_patch_is_looked_at_as_well() -> None:
    job = manifest()
    job["spec"]["runtimePatches"] += manifest("weighbridge-push")["spec"]["runtimePatches"]
    assert not admits(job)


def test_the_controller_and_people_are_not_bound_by_it() -> None:
    assert admits(manifest(), "system:serviceaccount:kubeflow-system:kubeflow-trainer-controller-manager")
    assert admits(manifest(), "ada@example.com")


def test_the_policy_covers_all_stages_and_updates_refuses_and_fails_closed() -> None:
    policy = the(render("cluster"), "ValidatingAdmissionPolicy", POLICY)["spec"]
    [selected] = policy["matchConstraints"]["namespaceSelector"]["matchExpressions"]
    for stage in STAGES:
        assert selected["key"] in the(render(stage), "Namespace")["metadata"]["labels"]
    assert selected["operator"] == "Exists"
    [rule] = policy["matchConstraints"]["resourceRules"]
    assert rule["operations"] == ["CREATE", "UPDATE"]
    assert policy["failurePolicy"] == "Fail"
    binding = the(render("cluster"), "ValidatingAdmissionPolicyBinding", POLICY)["spec"]
    assert binding == {"policyName": POLICY, "validationActions": ["Deny"]}
