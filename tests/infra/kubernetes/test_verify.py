"""A server starts with a verified model only: what the component adds, and that its command does as it says."""

import re
import shutil
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.infra.kubernetes.rendering import KUBERNETES, Object, kustomize, render, the
from tests.weighbridge.attestation.pushed import POLICY, Keys, deliver, evidence_of
from weighbridge.common.digests import tree_digest

SERVER = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: taxi, labels: {weighbridge.io/verify: "true"}}
spec:
  selector: {matchLabels: {app: taxi}}
  template:
    metadata:
      labels: {app: taxi}
      annotations: &asked {weighbridge.io/model: "MODEL", weighbridge.io/pipeline: taxi, weighbridge.io/max-age: 90d}
    spec:
      containers: &containers
        - name: server
          image: tensorflow/serving@sha256:0
          args: [--model_name=taxi, --model_base_path=/models/taxi]
          volumeMounts: [{name: verified-model, mountPath: /models, readOnly: true}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: other}
spec:
  selector: {matchLabels: {app: other}}
  template: {metadata: {labels: {app: other}}, spec: {containers: [{name: other, image: other}]}}
---
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {name: taxi, labels: {weighbridge.io/verify: "true"}}
spec: {predictor: {annotations: {weighbridge.io/model: MODEL}, containers: [{name: kserve-container, image: x}]}}
"""
KUSTOMIZATION = """
resources: [server.yaml]
components: [../kubernetes/verify]
images: [{name: weighbridge, newName: registry.example.com/weighbridge, digest: "sha256:%s"}]
configMapGenerator: [{name: weighbridge-trust, files: [signing.pub, gates.yaml]}]
""" % ("a" * 64)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return Keys.made(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory, keys: Keys) -> list[Object]:
    """A user's kustomization that takes the component up, as its README says."""
    folder = tmp_path_factory.mktemp("mine")
    shutil.copytree(KUBERNETES, folder / "kubernetes")
    (folder / "app").mkdir()
    (folder / "app/server.yaml").write_text(SERVER)
    (folder / "app/kustomization.yaml").write_text(KUSTOMIZATION)
    shutil.copy(keys.public, folder / "app/signing.pub")
    policy = POLICY.model_dump_json(include={"quality", "latency"}, exclude_none=True)
    (folder / "app/gates.yaml").write_text(policy)
    return [document for document in yaml.safe_load_all(kustomize(folder / "app")) if document]


def pod_of(objects: list[Object], kind: str) -> dict[str, Any]:
    spec = the(objects, kind, "taxi")["spec"]
    return spec["template"]["spec"] if kind == "Deployment" else spec["predictor"]


def test_every_object_is_valid(objects: list[Object]) -> None:
    for one in objects:
        if one["kind"] != "InferenceService":
            kubernetes_validate.validate(one, "1.37", strict=True)
    [job] = the(render("verify-rollout"), "AnalysisTemplate")["spec"]["metrics"]
    spec = job["provider"]["job"]["spec"]
    job_object = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "x"}, "spec": spec}
    kubernetes_validate.validate(job_object, "1.37", strict=True)


@pytest.mark.parametrize("kind", ["Deployment", "InferenceService"])
def test_only_what_is_labelled_gets_the_init_container(objects: list[Object], kind: str) -> None:
    pod = pod_of(objects, kind)
    [container] = pod["initContainers"]
    assert {each["name"] for each in pod["volumes"]} == {each["name"] for each in container["volumeMounts"]}
    assert container["image"] == f"registry.example.com/weighbridge@sha256:{'a' * 64}"
    if kind == "Deployment":
        [trust] = [each for each in pod["volumes"] if each["name"] == "weighbridge-trust"]
        assert trust["configMap"]["name"] == the(objects, "ConfigMap")["metadata"]["name"]
    assert "initContainers" not in the(objects, "Deployment", "other")["spec"]["template"]["spec"]


def restricted(container: dict[str, Any], pod: dict[str, Any]) -> None:
    """https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted."""
    own = (pod.get("securityContext") or {}) | container["securityContext"]
    assert (own["runAsNonRoot"], own["allowPrivilegeEscalation"]) == (True, False)
    assert (own["readOnlyRootFilesystem"], own["capabilities"]) == (True, {"drop": ["ALL"]})
    assert own["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["resources"]["limits"].keys() == {"cpu", "memory"}


def test_what_verifies_has_the_restricted_profile(objects: list[Object]) -> None:
    for kind in ("Deployment", "InferenceService"):
        restricted(pod_of(objects, kind)["initContainers"][0], {})
    pod = job_pod()
    restricted(pod["containers"][0], pod)


def job_pod() -> dict[str, Any]:
    [metric] = the(render("verify-rollout"), "AnalysisTemplate")["spec"]["metrics"]
    return dict(metric["provider"]["job"]["spec"]["template"]["spec"])


def commands(objects: list[Object]) -> list[list[str]]:
    """Command and arguments of each container that verifies, as Kubernetes starts it for pipeline taxi."""
    init = pod_of(objects, "Deployment")["initContainers"][0]
    values = {"MODEL": "{model}", "PIPELINE": "taxi", "MAX_AGE": "90d"}
    assert {each["name"] for each in init["env"]} == values.keys()
    first = [re.sub(r"\$\((\w+)\)", lambda name: values[name[1]], word) for word in (*init["command"], *init["args"])]
    job = job_pod()["containers"][0]
    asked = {"model": "{model}", "pipeline": "taxi", "max-age": "90d"}
    second = [
        re.sub(r"{{args\.([\w-]+)}}", lambda name: asked[name[1]], word) for word in (*job["command"], *job["args"])
    ]
    return [first, second]


@pytest.mark.parametrize("number", [0, 1], ids=["init container", "rollout"])
def test_the_commands_verify_and_refuse(
    weighbridge, objects: list[Object], keys: Keys, tmp_path: Path, number: int
) -> None:
    model = deliver(tmp_path, "one", keys)
    trust = tmp_path / "trust"
    trust.mkdir()
    for name, text in the(objects, "ConfigMap")["data"].items():
        (trust / name).write_text(text)
    [program, *words] = commands(objects)[number]
    assert program == "weighbridge"
    here = [
        word.replace("{model}", str(model.parent)).replace("=/trust", f"={trust}").replace("=/models", f"={tmp_path}/m")
        for word in words
    ]
    done = weighbridge(*here)
    assert done.code == 0, done.out + done.err
    if number == 0:
        assert tree_digest(tmp_path / "m/taxi/1") == tree_digest(model)
        shutil.rmtree(tmp_path / "m")
    signature = evidence_of(model) / "model.sig"
    signature.write_bytes(signature.read_bytes()[:-9])
    assert weighbridge(*here).code == 1
    assert not (tmp_path / "m").exists()


def test_a_rollout_s_job_asks_again_where_the_store_is_out_of_reach_alone() -> None:
    [metric] = the(render("verify-rollout"), "AnalysisTemplate")["spec"]["metrics"]
    [rule] = metric["provider"]["job"]["spec"]["podFailurePolicy"]["rules"]
    assert (rule["action"], rule["onExitCodes"]["values"]) == ("FailJob", [1, 2])
    assert (metric["count"], metric["failureLimit"]) == (1, 0)
