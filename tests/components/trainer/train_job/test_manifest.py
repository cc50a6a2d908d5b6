"""What Kubernetes gets: valid for Kubeflow Trainer's published API, and what was asked for."""

import copy

import pytest
from pydantic import ValidationError

from tests.components.trainer.train_job.double import POD, strict_errors
from weighbridge.common.resources import Resources, Toleration
from weighbridge.components.trainer import TrainJob
from weighbridge.components.trainer.train_job.manifest import train_job

GPUS = Resources(
    cpu="8",
    memory="32Gi",
    memory_limit="48Gi",
    accelerator="nvidia.com/gpu",
    accelerator_count=2,
    node_selector={"cloud.google.com/gke-accelerator": "nvidia-l4"},
    tolerations=(Toleration(key="team", operator="Equal", value="ml"),),
    spot=True,
    timeout_s=3600,
    scratch="100Gi",
    shared_memory="4Gi",
    volumes={"/data": "shop-data"},
    empty_folders=("/cache",),
    image_pull_secrets=("registry",),
    labels={"team": "ml"},
)
OPTIONS = [
    TrainJob(),
    TrainJob(nodes=3, resources=GPUS, env={"NCCL_DEBUG": "INFO"}),
    TrainJob(resources=Resources(accelerator="google.com/tpu", accelerator_count=8)),
    TrainJob(runtime="torch-distributed", runtime_kind="ClusterTrainingRuntime", claim="other", image="mine:1"),
]


def made(option):
    return train_job("train-0123456789abcdef", option, POD, "/weighbridge/training/jobs/train-0123456789abcdef")


def pod_patch(manifest):
    [patch] = manifest["spec"]["runtimePatches"]
    [job] = patch["trainingRuntimeSpec"]["template"]["spec"]["replicatedJobs"]
    assert job["name"] == "node"
    return job["template"]["spec"]["template"]


@pytest.mark.parametrize("option", OPTIONS)
def test_the_published_models_know_every_field(option):
    assert strict_errors(made(option)) == ""


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda job: job["spec"]["trainer"].update(replicas=2), ".spec.trainer.replicas"),
        (lambda job: job["spec"].update(podTemplateOverrides=[]), ".spec.podTemplateOverrides"),
        (lambda job: pod_patch(job)["spec"].update(nodeName="n"), "template.spec.nodeName"),
        (lambda job: pod_patch(job)["spec"]["volumes"][0].update(claim="c"), "volumes[0].claim"),
        (lambda job: job["spec"]["trainer"].update(numNodes="2"), "valid integer"),
        (lambda job: job["spec"].pop("runtimeRef"), "runtimeRef"),
        (lambda job: job["metadata"].update(name="1train"), "RFC 1035"),
        (lambda job: pod_patch(job)["spec"]["containers"][0].update(env=[]), "envs for the node"),
    ],
)
def test_the_check_finds_what_trainer_would_refuse(change, said):
    manifest = copy.deepcopy(made(OPTIONS[1]))
    change(manifest)
    assert said in strict_errors(manifest)


def test_nodes_run_the_steps_image_and_our_worker():
    trainer = made(OPTIONS[0])["spec"]["trainer"]
    assert trainer["image"] == POD.image
    assert [*trainer["command"], *trainer["args"]] == [
        *("python", "-m", "weighbridge.components.trainer.worker"),
        "/weighbridge/training/jobs/train-0123456789abcdef",
    ]
    assert trainer["numNodes"] == 1
    assert "resourcesPerNode" not in trainer
    assert made(OPTIONS[3])["spec"]["trainer"]["image"] == "mine:1"


def test_what_was_asked_for_each_node_arrives():
    manifest = made(OPTIONS[1])
    assert manifest["spec"]["trainer"]["resourcesPerNode"] == {
        "requests": {"cpu": "8", "memory": "32Gi"},
        "limits": {"cpu": "8", "memory": "48Gi", "nvidia.com/gpu": "2"},
    }
    assert manifest["spec"]["activeDeadlineSeconds"] == 3600
    template = pod_patch(manifest)
    assert template["metadata"]["labels"]["team"] == "ml"
    spec = template["spec"]
    assert spec["nodeSelector"] == {"cloud.google.com/gke-accelerator": "nvidia-l4"}
    assert [each["key"] for each in spec["tolerations"]] == [
        *("team", "nvidia.com/gpu", "cloud.google.com/gke-spot", "kubernetes.azure.com/scalesetpriority"),
    ]
    assert spec["imagePullSecrets"] == [{"name": "registry"}]
    mounts = {mount["mountPath"]: mount["name"] for mount in spec["containers"][0]["volumeMounts"]}
    volumes = {volume.pop("name"): volume for volume in copy.deepcopy(spec["volumes"])}
    assert {path: volumes[name] for path, name in mounts.items()} == {
        "/weighbridge/training": {"persistentVolumeClaim": {"claimName": "weighbridge-training"}},
        "/data": {"persistentVolumeClaim": {"claimName": "shop-data"}},
        "/cache": {"emptyDir": {}},
        "/scratch": {"emptyDir": {"sizeLimit": "100Gi"}},
        "/dev/shm": {"emptyDir": {"medium": "Memory", "sizeLimit": "4Gi"}},
    }


def test_pods_fit_the_restricted_profile_and_act_as_the_step_does():
    spec = pod_patch(made(OPTIONS[0]))["spec"]
    assert spec["serviceAccountName"] == POD.service_account
    security = spec["securityContext"]
    assert (security["runAsNonRoot"], security["runAsUser"], security["fsGroup"]) == (True, 1000, 1000)
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["containers"][0]["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
    }


def test_the_steps_pod_owns_it():
    metadata = made(OPTIONS[0])["metadata"]
    assert metadata["namespace"] == POD.namespace
    assert metadata["ownerReferences"] == [{"apiVersion": "v1", "kind": "Pod", "name": POD.name, "uid": POD.uid}]


def test_a_node_with_tpus_is_told_that_they_are_its_own():
    names = {each["name"]: each["value"] for each in made(OPTIONS[2])["spec"]["trainer"]["env"]}
    assert names["TPU_NAME"] == "local"
    assert "TPU_NAME" not in {each["name"] for each in made(OPTIONS[1])["spec"]["trainer"]["env"]}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"nodes": 0}, "nodes"),
        ({"folder": "training"}, "absolute path"),
        ({"folder": "/"}, "absolute path"),
        ({"folder": "/a/../b"}, "absolute path"),
        ({"claim": "Not_a_name"}, "claim"),
        ({"runtime": ""}, "runtime"),
        ({"runtime_kind": "Runtime"}, "runtime_kind"),
        ({"gpus": 3}, "gpus"),
        ({"resources": Resources(volumes={"/weighbridge/training": "x"})}, "mounted"),
        ({"nodes": 2, "resources": OPTIONS[2].resources}, "one machine"),
    ],
)
def test_what_could_never_start_is_refused_when_declared(values, said):
    with pytest.raises(ValidationError, match=said):
        TrainJob(**values)
